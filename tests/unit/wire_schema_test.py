#!/usr/bin/env python3
"""Compares lib/src/proto/livekit_wire.proto with the descriptors of the official livekit-protocol package.

Usage: wire_schema_test.py PROTOC PROTO_FILE

Every message, field and enum of ours must exist officially with the same number, type, label, oneof and values; an enum
of ours must list all official values up to its own largest number. Fields and messages that we leave out are fine.
"""

import importlib
import os
import subprocess
import sys
import tempfile

OURS = ".lk.wire."
THEIRS = ".livekit."
OFFICIAL_MODULES = ("models", "rtc")


def messages_of(file_set, package):
    """Maps "Outer.Inner" to its DescriptorProto, and the same for enums, over every file of one package."""
    messages, enums = {}, {}

    def walk(prefix, message):
        messages[prefix] = message
        for nested in message.nested_type:
            walk(f"{prefix}.{nested.name}", nested)
        for enum in message.enum_type:
            enums[f"{prefix}.{enum.name}"] = enum

    for file in file_set:
        if file.package != package:
            continue
        for message in file.message_type:
            walk(message.name, message)
        for enum in file.enum_type:
            enums[enum.name] = enum
    return messages, enums


def field_facts(message, field, prefix):
    """What must be equal about a field, as plain values that print well."""
    from google.protobuf import descriptor_pb2

    kinds = descriptor_pb2.FieldDescriptorProto
    oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
    type_name = field.type_name
    return {
        "number": field.number,
        "type": kinds.Type.Name(field.type),
        "label": kinds.Label.Name(field.label),
        "of": type_name[len(prefix):] if type_name.startswith(prefix) else type_name,
        "oneof": oneof,
        "optional": field.proto3_optional,
    }


def compare_message(name, ours, theirs, problems):
    if theirs is None:
        problems.append(f"message {name}: not in the official schema")
        return 0
    if ours.options.map_entry != theirs.options.map_entry:
        problems.append(f"message {name}: one is a map entry, the other is not")
    official = {field.name: field for field in theirs.field}
    for field in ours.field:
        if field.name not in official:
            problems.append(f"{name}.{field.name}: not in the official schema")
            continue
        mine = field_facts(ours, field, OURS)
        other = field_facts(theirs, official[field.name], THEIRS)
        for fact, value in mine.items():
            if value != other[fact]:
                problems.append(f"{name}.{field.name}: {fact} is {value!r}, officially {other[fact]!r}")
    return len(ours.field)


def compare_enum(name, ours, theirs, problems):
    if theirs is None:
        problems.append(f"enum {name}: not in the official schema")
        return 0
    mine = {value.name: value.number for value in ours.value}
    official = {value.name: value.number for value in theirs.value}
    for value, number in mine.items():
        if official.get(value) != number:
            problems.append(f"{name}.{value}: is {number}, officially {official.get(value, 'absent')}")
    for value, number in official.items():
        if value not in mine and number <= max(mine.values()):
            problems.append(f"{name}.{value}: official value {number} is missing")
    return len(mine)


def main():
    try:
        from google.protobuf import descriptor_pb2

        modules = [importlib.import_module(f"livekit.protocol.{module}") for module in OFFICIAL_MODULES]
    except ImportError as error:
        print(f"wire schema: the official livekit-protocol package is not importable: {error}", file=sys.stderr)
        return 1

    protoc, proto_file = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "ours.pb")
        subprocess.run([protoc, f"--proto_path={os.path.dirname(proto_file)}", f"--descriptor_set_out={output}", proto_file],
                       check=True)
        ours_set = descriptor_pb2.FileDescriptorSet()
        with open(output, "rb") as file:
            ours_set.ParseFromString(file.read())
    theirs_set = []
    for module in modules:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        theirs_set.append(file)

    our_messages, our_enums = messages_of(ours_set.file, "lk.wire")
    their_messages, their_enums = messages_of(theirs_set, "livekit")
    problems = []
    if not our_messages or not their_messages:
        problems.append("one of the schemas is empty")
    fields = sum(compare_message(name, message, their_messages.get(name), problems)
                 for name, message in our_messages.items())
    values = sum(compare_enum(name, enum, their_enums.get(name), problems) for name, enum in our_enums.items())

    # Both unions are dispatched on: leaving out a kind there would turn a known message into an unknown one.
    for union in ("SignalRequest", "SignalResponse"):
        official = {field.name for field in their_messages[union].field}
        missing = official - {field.name for field in our_messages[union].field}
        problems += [f"{union}.{name}: official kind is missing" for name in sorted(missing)]

    for problem in problems:
        print(f"MISMATCH {problem}")
    print(f"wire schema: {len(our_messages)} messages, {fields} fields, {len(our_enums)} enums, {values} values compared; "
          f"{len(problems)} mismatches")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
