// What a receiver tells of the way to it, byte by byte.
#include "rtc/bandwidth_report.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace lk::rtc {
namespace {

using Bytes = std::vector<uint8_t>;

/// An RTP packet with these header extension bytes under that profile.
Bytes
packet (uint16_t profile, Bytes extensions, int contributors = 0) {
  Bytes bytes{ static_cast<uint8_t> (0x90 | contributors), 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3 };
  bytes.resize (12 + 4 * static_cast<size_t> (contributors));
  while (extensions.size () % 4 != 0)
    extensions.push_back (0);
  bytes.insert (bytes.end (), { static_cast<uint8_t> (profile >> 8), static_cast<uint8_t> (profile), 0,
                                static_cast<uint8_t> (extensions.size () / 4) });
  bytes.insert (bytes.end (), extensions.begin (), extensions.end ());
  bytes.insert (bytes.end (), { 1, 2, 3 });
  return bytes;
}

std::optional<uint32_t>
read (const Bytes &bytes, int id = 3) {
  return read_send_time (bytes.data (), bytes.size (), id);
}

TEST (SendTimeExtension, IsFoundAmongOthers) {
  EXPECT_EQ (read (packet (0xbede, { 0x32, 0xab, 0xcd, 0xef })), 0xabcdefu);
  EXPECT_EQ (read (packet (0xbede, { 0x11, 1, 2, 0, 0, 0x32, 0xab, 0xcd, 0xef })), 0xabcdefu)
      << "after padding";
  EXPECT_EQ (read (packet (0xbede, { 0x32, 0xab, 0xcd, 0xef }, 15)), 0xabcdefu) << "after contributors";
  EXPECT_EQ (read (packet (0x1000, { 1, 0, 3, 3, 0xab, 0xcd, 0xef })), 0xabcdefu) << "two-byte headers";
  EXPECT_EQ (read (packet (0x100f, { 3, 3, 0xab, 0xcd, 0xef })), 0xabcdefu);
}

TEST (SendTimeExtension, IsNotMadeUp) {
  auto good = packet (0xbede, { 0x32, 0xab, 0xcd, 0xef });
  EXPECT_FALSE (read (good, 4)) << "another id";
  EXPECT_FALSE (read (good, 0));
  EXPECT_FALSE (read (good, 15));
  EXPECT_FALSE (read (packet (0xbede, { 0x31, 0xab, 0xcd }))) << "another length";
  EXPECT_FALSE (read (packet (0xbede, { 0xf0, 0, 0x32, 0xab, 0xcd, 0xef }))) << "after the id that ends all";
  EXPECT_FALSE (read (packet (0x1234, { 0x32, 0xab, 0xcd, 0xef }))) << "another profile";
  EXPECT_FALSE (read (packet (0xbede, { 0, 0, 0, 0x32 }))) << "cut off";
  EXPECT_FALSE (read (packet (0x1000, { 0, 0, 0, 3 })));
  auto plain = good;
  plain[0] = 0x80;
  EXPECT_FALSE (read (plain)) << "no extension at all";
  for (size_t size = 0; size < 20; ++size)
    EXPECT_FALSE (read_send_time (good.data (), size, 3)) << size;
  good[15] = 200; // longer than the packet
  EXPECT_FALSE (read (good));
}

double
told (const Bytes &remb) {
  return std::ldexp ((remb[17] & 3) << 16 | remb[18] << 8 | remb[19], remb[17] >> 2);
}

TEST (Remb, HasTheBytesOfTheDraft) {
  EXPECT_EQ (write_remb (0x11223344, 700'000),
             (Bytes{ 0x8f, 206, 0,   5,   0, 0,          0,    1,    0,    0,    0,    0,
                     'R',  'E', 'M', 'B', 1, 2 << 2 | 2, 0xab, 0x98, 0x11, 0x22, 0x33, 0x44 }));
}

TEST (Remb, TellsEveryRateToOnePartInAHundredThousand) {
  for (double rate : { 0.0, 1.0, 50'000.0, 262'143.0, 262'144.0, 700'000.0, 2.5e6, 123'456'789.0, 9.9e9 })
    EXPECT_NEAR (told (write_remb (1, rate)), rate, rate / 100'000) << rate;
  EXPECT_EQ (told (write_remb (1, -5)), 0);
}

} // namespace
} // namespace lk::rtc
