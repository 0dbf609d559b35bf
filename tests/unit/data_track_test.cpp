#include "data/track_packet.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

using namespace lk;
using namespace lk::data;
using namespace std::string_literals;

namespace {

/// A packet together with the bytes that its payload is a part of.
struct Kept : TrackPacket {
  std::shared_ptr<const std::string> bytes;
};

Kept
parsed (std::string bytes) {
  const auto kept = std::make_shared<const std::string> (std::move (bytes));
  const auto packet = parse_track_packet (*kept);
  EXPECT_TRUE (packet);
  return { packet.value_or (TrackPacket{}), kept };
}

std::string
numbered (size_t size) {
  std::string bytes (size, '\0');
  for (size_t i = 0; i < size; i++)
    bytes[i] = char (i * 2654435761u >> 13);
  return bytes;
}

/// Frames as a receiver sees them.
struct Wire {
  TrackPacketizer packetizer;
  TrackDepacketizer depacketizer;

  std::vector<std::string>
  cut (std::string_view payload, uint32_t timestamp = 0) {
    return packetizer.packets (1, payload, timestamp, std::nullopt);
  }
  std::optional<TrackFrame>
  push (const std::string &bytes) {
    return depacketizer.push (parsed (bytes));
  }
};

} // namespace

// 12 bytes, big endian: version, S and F; reserved; handle, sequence, frame, timestamp.
TEST (TrackPacket, TheHeaderIsReadFromItsPlaces) {
  const auto packet = parsed ("\x18\x00\x12\x34\x56\x78\x9a\xbc\xde\xf0\x01\x02pay"s);
  EXPECT_TRUE (packet.first && packet.last);
  EXPECT_EQ (packet.handle, 0x1234);
  EXPECT_EQ (packet.sequence, 0x5678);
  EXPECT_EQ (packet.frame, 0x9abc);
  EXPECT_EQ (packet.timestamp_90k, 0xdef00102u);
  EXPECT_EQ (packet.payload, "pay");
  EXPECT_FALSE (packet.encryption || packet.user_timestamp);
  EXPECT_TRUE (parsed ("\x10\0\0\1\0\0\0\0\0\0\0\0"s).first);
  EXPECT_FALSE (parsed ("\x10\0\0\1\0\0\0\0\0\0\0\0"s).last);
  EXPECT_TRUE (parsed ("\x08\0\0\1\0\0\0\0\0\0\0\0"s).last);
}

// L counts words beyond the first, in which L itself sits.
TEST (TrackPacket, ExtensionsAreReadAndUnknownOnesSkipped) {
  const auto header = "\x1c\0\0\1\0\0\0\0\0\0\0\0"s;
  auto packet = parsed (header + "\x00\x02\x02\x08\x01\x02\x03\x04\x05\x06\x07\x08pay"s);
  EXPECT_EQ (packet.user_timestamp, 0x0102030405060708u);
  EXPECT_EQ (packet.payload, "pay");
  packet = parsed (header + "\x00\x04\x01\x0d\x07"s + "initialisati" + "\0\0\0pay"s);
  ASSERT_TRUE (packet.encryption);
  EXPECT_EQ (packet.encryption->key_index, 7);
  EXPECT_EQ (std::string (packet.encryption->iv.begin (), packet.encryption->iv.end ()), "initialisati");
  EXPECT_EQ (packet.payload, "pay");
  packet = parsed (header + "\x00\x03\x63\x01\xff\x02\x08\x01\x02\x03\x04\x05\x06\x07\x08\0pay"s);
  EXPECT_EQ (packet.user_timestamp, 0x0102030405060708u);
  EXPECT_EQ (packet.payload, "pay");
}

TEST (TrackPacket, ExtensionsOfAnotherSizeAreNewerOnesOrNone) {
  const auto header = "\x1c\0\0\1\0\0\0\0\0\0\0\0"s;
  auto packet = parsed (header + "\x00\x03\x02\x0a\x01\x02\x03\x04\x05\x06\x07\x08XX\0\0pay"s);
  EXPECT_EQ (packet.user_timestamp, 0x0102030405060708u);
  EXPECT_EQ (packet.payload, "pay");
  packet = parsed (header + "\x00\x02\x02\x04\1\2\3\4\x01\x02\1\2pay"s);
  EXPECT_FALSE (packet.user_timestamp || packet.encryption);
  EXPECT_EQ (packet.payload, "pay");
}

TEST (TrackPacket, WhatIsNoPacketOfVersionZeroIsRefused) {
  const auto good = "\x10\0\0\1\0\0\0\0\0\0\0\0"s;
  for (size_t size = 0; size < good.size (); size++)
    EXPECT_FALSE (parse_track_packet (good.substr (0, size)));
  EXPECT_FALSE (parse_track_packet ("\x30"s + good.substr (1)));
  const auto extended = "\x14\0\0\1\0\0\0\0\0\0\0\0"s;
  for (const auto &bad :
       { ""s, "\x00"s, "\x00\x02"s, "\xff\xff\x00\x00"s, "\x00\x00\x02\x08"s, "\x00\x00\x05"s })
    EXPECT_FALSE (parse_track_packet (extended + bad)) << bad.size ();
}

TEST (TrackPacket, WhatIsWrittenIsReadBack) {
  for (const bool encrypted : { false, true })
    for (const bool stamped : { false, true }) {
      TrackPacket packet{ true, false, 0xfffe, 0xfffd, 0xfffc, 0xfffffffb, {}, {}, "payload" };
      if (encrypted) packet.encryption = TrackEncryption{ 9, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } };
      if (stamped) packet.user_timestamp = UINT64_MAX - 1;
      const auto bytes = serialize_track_packet (packet);
      EXPECT_EQ ((bytes.size () - 12 - 7) % 4, 0u);
      const auto again = parsed (bytes);
      EXPECT_EQ (again.first, true);
      EXPECT_EQ (again.last, false);
      EXPECT_EQ (again.handle, packet.handle);
      EXPECT_EQ (again.sequence, packet.sequence);
      EXPECT_EQ (again.frame, packet.frame);
      EXPECT_EQ (again.timestamp_90k, packet.timestamp_90k);
      EXPECT_EQ (again.encryption, packet.encryption);
      EXPECT_EQ (again.user_timestamp, packet.user_timestamp);
      EXPECT_EQ (again.payload, "payload");
    }
}

TEST (TrackPacketizer, PacketsAreAtMost16000BytesAndFramesOfAnySizeComeBack) {
  for (const size_t size : { 0, 1, 15'975, 15'976, 15'977, 15'988, 15'989, 40'000, 1'000'000 })
    for (const bool stamped : { false, true }) {
      Wire wire;
      const auto payload = numbered (size);
      const auto user = stamped ? std::optional<uint64_t> (77) : std::nullopt;
      const auto packets = wire.packetizer.packets (5, payload, 90'000, user);
      ASSERT_FALSE (packets.empty ());
      EXPECT_EQ (packets.size (),
                 std::max<size_t> (1, (size + 15'987 - (stamped ? 12 : 0)) / (15'988 - (stamped ? 12 : 0))));
      for (size_t i = 0; i < packets.size (); i++) {
        EXPECT_LE (packets[i].size (), 16'000u);
        EXPECT_EQ (parsed (packets[i]).first, i == 0);
        EXPECT_EQ (parsed (packets[i]).last, i + 1 == packets.size ());
        EXPECT_EQ (parsed (packets[i]).handle, 5);
        const auto frame = wire.push (packets[i]);
        EXPECT_EQ (frame.has_value (), i + 1 == packets.size ());
        if (!frame) continue;
        EXPECT_TRUE (frame->payload == payload);
        EXPECT_EQ (frame->timestamp_90k, 90'000u);
        EXPECT_EQ (frame->user_timestamp, user);
      }
    }
}

TEST (TrackPacketizer, AFrameThatNoReceiverWouldTakeIsRefused) {
  TrackPacketizer packetizer;
  const std::string largest (128 * 15'988, 'x');
  EXPECT_EQ (packetizer.packets (1, largest, 0, std::nullopt).size (), 128u);
  EXPECT_TRUE (packetizer.packets (1, largest + 'x', 0, std::nullopt).empty ());
}

TEST (TrackDepacketizer, PacketsOfAFrameMayComeInAnyOrder) {
  std::vector<size_t> order{ 0, 1, 2, 3, 4 };
  do {
    Wire wire;
    const auto payload = numbered (70'000);
    const auto packets = wire.cut (payload);
    ASSERT_EQ (packets.size (), order.size ());
    std::optional<TrackFrame> frame;
    for (const auto i : order) {
      EXPECT_FALSE (frame);
      frame = wire.push (packets[i]);
    }
    ASSERT_TRUE (frame);
    EXPECT_TRUE (frame->payload == payload);
  } while (std::next_permutation (order.begin (), order.end ()));
}

TEST (TrackDepacketizer, SequenceAndFrameNumbersWrap) {
  Wire wire;
  const auto payload = numbered (33'000);
  std::mt19937 random (1);
  for (int i = 0; i < 70'000; i++) {
    // Small ones move the numbers on, three packets each now and then cross the wrap of either.
    auto packets = wire.cut (i % 50 == 0 ? payload : "x"s, uint32_t (i));
    std::shuffle (packets.begin (), packets.end (), random);
    for (size_t k = 0; k < packets.size (); k++) {
      const auto frame = wire.push (packets[k]);
      ASSERT_EQ (frame.has_value (), k + 1 == packets.size ()) << i;
      ASSERT_TRUE (!frame || frame->timestamp_90k == uint32_t (i));
    }
  }
  EXPECT_EQ (wire.depacketizer.dropped_frames (), 0u);
}

TEST (TrackDepacketizer, FramesThatMixAreKeptApart) {
  std::mt19937 random (2);
  for (int round = 0; round < 100; round++) {
    Wire wire;
    std::vector<std::string> all;
    for (int i = 0; i < int (kTrackOpenFrames); i++)
      for (const auto &packet : wire.cut (std::string (40'000, char ('a' + i)), uint32_t (i)))
        all.push_back (packet);
    std::shuffle (all.begin (), all.end (), random);
    std::vector<uint32_t> arrived;
    for (const auto &packet : all)
      if (const auto frame = wire.push (packet)) {
        EXPECT_EQ (frame->payload, std::string (40'000, char ('a' + frame->timestamp_90k)));
        arrived.push_back (frame->timestamp_90k);
      }
    std::sort (arrived.begin (), arrived.end ());
    EXPECT_EQ (arrived, (std::vector<uint32_t>{ 0, 1, 2, 3 }));
  }
}

TEST (TrackDepacketizer, AFrameWithALossIsDroppedOnceAndTheNextOnesArrive) {
  for (size_t lost = 0; lost < 3; lost++) {
    Wire wire;
    auto packets = wire.cut (numbered (40'000));
    const auto late = packets[lost];
    packets.erase (packets.begin () + std::ptrdiff_t (lost));
    for (const auto &packet : packets)
      EXPECT_FALSE (wire.push (packet));
    for (size_t i = 0; i < kTrackOpenFrames; i++) {
      const auto next = wire.cut (numbered (20'000));
      EXPECT_FALSE (wire.push (next[0]));
    }
    EXPECT_FALSE (wire.push (late));
    EXPECT_EQ (wire.depacketizer.dropped_frames (), 1u);
    EXPECT_TRUE (wire.push (wire.cut ("x")[0]));
  }
}

TEST (TrackDepacketizer, FramesLeftFarBehindAreDropped) {
  Wire wire;
  EXPECT_FALSE (wire.push (wire.cut (numbered (20'000))[0]));
  for (int i = 0; i < 100; i++)
    EXPECT_TRUE (wire.push (wire.cut ("x")[0]));
  EXPECT_EQ (wire.depacketizer.dropped_frames (), 1u);
}

TEST (TrackDepacketizer, RepeatedPacketsDontMatter) {
  Wire wire;
  const auto payload = numbered (40'000);
  const auto packets = wire.cut (payload);
  for (const auto i : { 0, 0, 1, 1, 0 })
    EXPECT_FALSE (wire.push (packets[size_t (i)]));
  const auto frame = wire.push (packets[2]);
  ASSERT_TRUE (frame);
  EXPECT_TRUE (frame->payload == payload);
}

TEST (TrackDepacketizer, AFrameThatContradictsItselfOrIsTooLargeIsDropped) {
  const auto packet
      = [] (bool first, bool last, uint16_t sequence, uint16_t frame, std::string_view payload) {
          return TrackPacket{ first, last, 1, sequence, frame, 0, {}, {}, payload };
        };
  TrackDepacketizer depacketizer;
  auto dropped = [&, before = uint64_t (0)] () mutable {
    const bool more = depacketizer.dropped_frames () > before;
    before = depacketizer.dropped_frames ();
    return more;
  };
  EXPECT_FALSE (depacketizer.push (packet (true, false, 5, 1, "a")));
  EXPECT_FALSE (depacketizer.push (packet (true, false, 6, 1, "a")));
  EXPECT_TRUE (dropped ()) << "two first packets";
  EXPECT_FALSE (depacketizer.push (packet (true, false, 5, 2, "a")));
  EXPECT_FALSE (depacketizer.push (packet (false, true, 4, 2, "a")));
  EXPECT_TRUE (dropped ()) << "the last before the first";
  EXPECT_FALSE (depacketizer.push (packet (true, false, 5, 3, "a")));
  EXPECT_FALSE (depacketizer.push (packet (false, true, 133, 3, "a")));
  EXPECT_TRUE (dropped ()) << "more than 128 packets";
  const std::string large (65'000, 'x');
  for (uint16_t i = 0; i < 40; i++)
    EXPECT_FALSE (depacketizer.push (packet (i == 0, false, i, 4, large)));
  EXPECT_TRUE (dropped ()) << "too many bytes";
}

TEST (TrackDepacketizer, AJoinInTheMiddleOfAFrameWaitsForTheNext) {
  Wire wire;
  const auto packets = wire.cut (numbered (40'000));
  EXPECT_FALSE (wire.push (packets[1]));
  EXPECT_FALSE (wire.push (packets[2]));
  std::optional<TrackFrame> frame;
  for (const auto &packet : wire.cut (numbered (40'000)))
    frame = wire.push (packet);
  EXPECT_TRUE (frame);
}
