#!/usr/bin/env python3
"""Compares lib/src/proto/livekit_wire.proto with the descriptors of the official livekit-protocol package.

Every message, field and enum of ours must exist officially with the same number, type, label, oneof and values; an enum
of ours must list all official values up to its own largest number. Fields and messages that we leave out are fine.
"""

import importlib
import os
import shutil
import subprocess
import tempfile
import unittest

from google.protobuf import descriptor_pb2

OURS = ".lk.wire."
THEIRS = ".livekit."
OFFICIAL_MODULES = ("models", "rtc")
PROTO_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib/src/proto/livekit_wire.proto")


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


def our_files():
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "ours.pb")
        subprocess.run([shutil.which("protoc"), f"--proto_path={os.path.dirname(PROTO_FILE)}",
                        f"--descriptor_set_out={output}", PROTO_FILE], check=True, timeout=30)
        with open(output, "rb") as file:
            return descriptor_pb2.FileDescriptorSet.FromString(file.read()).file


def official_files():
    for module in OFFICIAL_MODULES:
        file = descriptor_pb2.FileDescriptorProto()
        importlib.import_module(f"livekit.protocol.{module}").DESCRIPTOR.CopyToProto(file)
        yield file


class WireSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.our_messages, cls.our_enums = messages_of(our_files(), "lk.wire")
        cls.official_messages, cls.official_enums = messages_of(official_files(), "livekit")

    def test_every_message_and_field_is_the_official_one(self):
        problems = []
        fields = sum(compare_message(name, message, self.official_messages.get(name), problems)
                     for name, message in self.our_messages.items())
        print(f"wire schema: {len(self.our_messages)} messages, {fields} fields compared, {len(problems)} mismatches")
        self.assertFalse(problems, "\n".join(["mismatches:"] + problems))
        self.assertGreater(fields, 0)

    def test_every_enum_value_is_the_official_one(self):
        problems = []
        values = sum(compare_enum(name, enum, self.official_enums.get(name), problems)
                     for name, enum in self.our_enums.items())
        print(f"wire schema: {len(self.our_enums)} enums, {values} values compared, {len(problems)} mismatches")
        self.assertFalse(problems, "\n".join(["mismatches:"] + problems))
        self.assertGreater(values, 0)

    def test_no_kind_of_signal_message_is_left_out(self):
        """Leaving one out would turn a known message into an unknown one."""
        for union in ("SignalRequest", "SignalResponse"):
            official = {field.name for field in self.official_messages[union].field}
            self.assertEqual(official, {field.name for field in self.our_messages[union].field})


if __name__ == "__main__":
    unittest.main()
