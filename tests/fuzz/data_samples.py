#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets of data: corpus/packet, corpus/stream, corpus/data-track.

Packets are what the official protobuf classes (livekit-protocol) serialize, and tests/unit/data_packet_test.cpp reads
its vectors there. Run it again after adding one.
"""
import os
import struct
import zlib

from livekit.protocol.metrics import MetricsBatch
from livekit.protocol.models import DataPacket, DataStream, Encryption

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
TEXT = "grüße, 世界 🎈. " * 40


def deflated(content):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def packet(**fields):
    made = DataPacket(participant_identity="alice", participant_sid="PA_alice", destination_identities=["bob", "carol"],
                      sequence=300)
    made.MergeFrom(DataPacket(**fields))
    return made


def samples():
    yield "user-least", DataPacket(kind=DataPacket.LOSSY, user={"payload": b"\x00\xff"})
    yield "user", packet(user={"payload": b"payload \x00\xff", "topic": "mocap", "id": "m-1", "start_time": 7,
                               "end_time": 2**64 - 1})
    yield "user-empty-topic", packet(user={"topic": ""})
    yield "dtmf", packet(sip_dtmf={"code": 11, "digit": "#"})
    yield "transcription", packet(transcription={
        "transcribed_participant_identity": "bob", "track_id": "TR_1", "segments": [
            {"id": "s1", "text": "hej då", "start_time": 10, "end_time": 20, "final": True, "language": "sv"},
            {"id": "s2", "text": "och"}]})
    yield "chat", packet(chat_message={"id": "c-1", "timestamp": 1_700_000_000_123, "message": "hello 👋"})
    yield "chat-edit", packet(chat_message={"id": "c-1", "timestamp": 5, "edit_timestamp": 6, "message": "x",
                                            "deleted": True, "generated": True})
    yield "rpc-request", packet(rpc_request={"id": "r-1", "method": "add", "payload": "{}",
                                             "response_timeout_ms": 8000, "version": 1})
    yield "rpc-request-deflated", packet(rpc_request={"id": "r-1", "method": "add", "version": 1,
                                                      "compressed_payload": deflated(b"payload")})
    yield "rpc-ack", packet(rpc_ack={"request_id": "r-1"})
    yield "rpc-response", packet(rpc_response={"request_id": "r-1", "payload": "42"})
    yield "rpc-error", packet(rpc_response={"request_id": "r-1", "error": {"code": 1500, "message": "m", "data": "d"}})
    yield "rpc-response-deflated", packet(rpc_response={"request_id": "r-1", "compressed_payload": deflated(b"42")})
    header = {"stream_id": "st-1", "timestamp": 1_700_000_000_123, "topic": "lk.chat", "mime_type": "text/plain",
              "total_length": 5, "attributes": {"k": "v"}}
    yield "text-header", packet(stream_header={**header, "text_header": {
        "operation_type": DataStream.UPDATE, "version": 3, "reply_to_stream_id": "st-0", "generated": True,
        "attached_stream_ids": ["f-1", "f-2"]}})
    yield "byte-header", packet(stream_header={**header, "byte_header": {"name": "a.bin"}})
    yield "inline", packet(stream_header={"stream_id": "st-2", "topic": "t", "text_header": {},
                                          "total_length": 5, "inline_content": b"hello"})
    yield "inline-deflated", packet(stream_header={
        "stream_id": "st-3", "topic": "t", "text_header": {}, "total_length": len(TEXT.encode()),
        "inline_content": deflated(TEXT.encode()), "compression": DataStream.DEFLATE_RAW})
    yield "chunk", packet(stream_chunk={"stream_id": "st-1", "chunk_index": 2**63, "content": b"\x00\xff", "version": 1})
    yield "trailer", packet(stream_trailer={"stream_id": "st-1", "reason": "gone", "attributes": {"end": "1"}})
    yield "encrypted", packet(encrypted_packet={"encryption_type": Encryption.GCM, "iv": b"i" * 12, "key_index": 3,
                                                "encrypted_value": b"\x00\xff"})
    # What we know nothing of, or refuse.
    yield "metrics", packet(metrics=MetricsBatch(timestamp_ms=1, str_data=["x"]))
    yield "speaker", packet(speaker={"speakers": [{"sid": "PA_1", "level": 0.5, "active": True}]})
    yield "unknown-compression", packet(stream_header={"stream_id": "st-4", "compression": 7})
    chat = packet(chat_message={"id": "c-1", "message": "hello"}).SerializeToString()
    yield "bad-utf8", chat.replace(b"hello", b"he\xffo\xc3")
    yield "bad-utf8-identity", chat.replace(b"alice", b"ali\xc3e", 1)
    yield "bad-utf8-attribute", packet(stream_trailer={"attributes": {"key": "value"}}).SerializeToString().replace(
        b"value", b"valu\xff")
    yield "cut", chat[:-3]
    yield "group", chat + b"\xa3\x06\xa4\x06"


def header(stream_id, kind="byte_header", **fields):
    return DataPacket(stream_header={"stream_id": stream_id, "topic": "t", kind: {}, **fields})


def chunk(stream_id, index, content, version=0):
    return DataPacket(stream_chunk={"stream_id": stream_id, "chunk_index": index, "content": content, "version": version})


def trailer(stream_id, reason="", **attributes):
    return DataPacket(stream_trailer={"stream_id": stream_id, "reason": reason, "attributes": attributes})


# What happens before a packet, and who sends it (bit 0: alice, else bob); see stream_fuzz.cpp.
ALICE, BOB, SOON, LATE, LEAVES = 0x01, 0x00, 0x10, 0x20, 0x30
RPC_IDS = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]


def rows():
    text = TEXT.encode()
    packed = deflated(text * 3)
    yield "mixed", [
        (ALICE, header("a", total_length=6)), (BOB, header("b", "text_header")), (ALICE, chunk("a", 0, b"abc")),
        (BOB, chunk("b", 0, text[:7])), (BOB, chunk("b", 1, text[7:])), (ALICE, chunk("a", 1, b"def")),
        (BOB, trailer("b", k="v")), (ALICE, trailer("a"))]
    yield "disordered", [
        (ALICE, header("a")), (ALICE, chunk("a", 2, b"c")), (ALICE, chunk("a", 1, b"b", 1)), (ALICE, trailer("a")),
        (ALICE, chunk("a", 1, b"B", 2)), (ALICE, chunk("a", 2, b"c")), (ALICE | SOON, chunk("a", 0, b"a"))]
    yield "deflated", [
        (ALICE, header("a", "text_header", compression=DataStream.DEFLATE_RAW, total_length=3 * len(text))),
        (ALICE, chunk("a", 0, packed[:20])), (ALICE, chunk("a", 1, packed[20:])), (ALICE, trailer("a"))]
    yield "bomb", [(ALICE, header("a", compression=DataStream.DEFLATE_RAW)), (ALICE, chunk("a", 0, deflated(bytes(10**6))))]
    yield "inline", [(ALICE, header("a", "text_header", inline_content=text, total_length=len(text))),
                     (ALICE, header("b", "text_header", inline_content=packed, compression=DataStream.DEFLATE_RAW))]
    yield "aborted", [(ALICE, header("a")), (ALICE, chunk("a", 0, b"abc")), (ALICE, trailer("a", "why"))]
    yield "silent", [(ALICE, header("a")), (BOB, header("b")), (BOB | LATE, chunk("b", 0, b"x"))]
    yield "incomplete", [(ALICE, header("a", total_length=9)), (ALICE, trailer("a")), (BOB | SOON, header("b"))]
    yield "gone", [(ALICE, header("a")), (BOB, header("b")), (ALICE | LEAVES, chunk("a", 0, b"x"))]
    yield "unwanted", [(ALICE, DataPacket(stream_header={"stream_id": "a", "topic": "unwanted"})),
                       (ALICE, chunk("a", 0, b"x")), (ALICE, trailer("a"))]
    yield "chat", [(ALICE, DataPacket(stream_header={"stream_id": "a", "topic": "lk.chat", "inline_content": b"hello",
                                                     "text_header": {"operation_type": DataStream.UPDATE}}))]
    yield "rpc-serve", [
        (BOB, DataPacket(rpc_request={"id": "r", "method": "add", "payload": "odd", "version": 1})),
        (BOB, DataPacket(rpc_request={"id": "s", "method": "add", "payload": "even", "version": 1})),
        (ALICE, header("a", "text_header", inline_content=b"odd", attributes={
            "lk.rpc_request_id": "t", "lk.rpc_request_method": "add", "lk.rpc_request_version": "2",
            "lk.rpc_request_response_timeout_ms": "8000"})),
        (BOB | LATE, DataPacket(rpc_request={"id": "s", "method": "none", "version": 7}))]
    yield "rpc-call", [
        (ALICE, DataPacket(rpc_ack={"request_id": RPC_IDS[0]})),
        (ALICE, header("a", "text_header", inline_content=b"{}", attributes={"lk.rpc_request_id": RPC_IDS[0]})),
        (BOB, DataPacket(rpc_response={"request_id": RPC_IDS[1], "compressed_payload": packed}))]


def track_packet(flags, sequence, frame, payload, extensions=b""):
    return struct.pack(">BBHHHI", flags, 0, 7, sequence, frame, 90_000) + extensions + payload


def track_rows():
    first, last, extended = 0x10, 0x08, 0x04
    stamp = b"\x00\x02\x02\x08" + struct.pack(">Q", 77)
    iv = b"\x00\x04\x01\x0d\x01" + bytes(range(12)) + bytes(3)
    yield "single", [track_packet(first | last, 0, 0, b"payload"), track_packet(first | last, 1, 1, b"")]
    yield "three", [track_packet(first, 65535, 9, b"a"), track_packet(last, 1, 9, b"c"), track_packet(0, 0, 9, b"b")]
    yield "extensions", [track_packet(first | last | extended, 0, 0, b"p", stamp),
                         track_packet(first | last | extended, 1, 1, b"p", iv)]
    yield "losses", [track_packet(first, 10 * frame, frame, b"x") for frame in range(8)]
    yield "repeated", [track_packet(first, 0, 0, b"x"), track_packet(first, 0, 0, b"x"), track_packet(first, 1, 0, b"y")]
    yield "cut", [track_packet(first | extended, 0, 0, b"")[:13], track_packet(0x30, 0, 0, b"x"), b"\x10"]


def write(target, name, content):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(content)


def main():
    for name, sample in samples():
        write("packet", name, sample if isinstance(sample, bytes) else sample.SerializeToString(deterministic=True))
    for name, row in rows():
        content = [(what, sample.SerializeToString(deterministic=True)) for what, sample in row]
        write("stream", name, b"".join(struct.pack(">BH", what, len(sent)) + sent for what, sent in content))
    for name, row in track_rows():
        write("data-track", name, b"".join(struct.pack(">H", len(sent)) + sent for sent in row))


if __name__ == "__main__":
    main()
