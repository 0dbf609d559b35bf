// Our own connectivity checks: what an answer says, and when it came too late.
#include "rtc/ice_checks.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lk::rtc {
namespace {

using namespace std::chrono_literals;

TEST (LateAnswer, IsNeverOverdueWithoutAny) {
  EXPECT_FALSE (LateAnswer (0s).overdue (1h));
}

TEST (LateAnswer, WhileTheOtherEndStillTriesIsNotLate) {
  LateAnswer late (10s);
  late.answered (10s + 1100ms, 10ms);
  late.answered (10s + 3s, 10ms);
  EXPECT_FALSE (late.overdue (1h));
}

TEST (LateAnswer, LeavesTheTimeThatConnectingTakes) {
  LateAnswer near (10s), far (10s);
  near.answered (14s, 10ms);
  far.answered (14s, 300ms);
  EXPECT_FALSE (near.overdue (14s + 160ms));
  EXPECT_TRUE (near.overdue (14s + 170ms));
  EXPECT_FALSE (far.overdue (14s + 740ms));
  EXPECT_TRUE (far.overdue (14s + 750ms));
}

TEST (LateAnswer, CountsFromTheFirst) {
  LateAnswer late (0s);
  late.answered (2s, 10ms);
  late.answered (2s + 160ms, 100ms);
  EXPECT_TRUE (late.overdue (2s + 170ms));
}

/// The other end, on the loopback interface.
struct Far {
  Ref<GSocket> socket;
  Ref<GSocketAddress> address, from;

  explicit Far (GSocketFamily family)
      : socket (Ref<GSocket>::adopt (
          g_socket_new (family, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr))) {
    auto here = Ref<GInetAddress>::adopt (g_inet_address_new_loopback (family));
    auto any = Ref<GSocketAddress>::adopt (g_inet_socket_address_new (here.get (), 0));
    g_socket_bind (socket.get (), any.get (), FALSE, nullptr);
    g_socket_set_timeout (socket.get (), 5);
    address = Ref<GSocketAddress>::adopt (g_socket_get_local_address (socket.get (), nullptr));
  }
  std::string
  receive () {
    std::array<char, 1500> packet;
    auto size = g_socket_receive_from (socket.get (), from.out (), packet.data (), packet.size (), nullptr,
                                       nullptr);
    return size < 0 ? "" : std::string (packet.data (), size_t (size));
  }
  void
  send (const std::string &packet) {
    g_socket_send_to (socket.get (), from.get (), packet.data (), packet.size (), nullptr, nullptr);
  }
};

std::string
stun (char high, char low, const std::string &transaction) {
  return std::string{ high, low, 0, 0, 0x21, 0x12, char (0xa4), 0x42 } + transaction;
}

class Probe : public testing::TestWithParam<GSocketFamily> {};

TEST_P (Probe, HearsTheAnswerToWhatItAskedAndNothingElse) {
  Far far (GetParam ());
  PathProbe probe;
  EXPECT_EQ (probe.receive (1s), std::nullopt);
  probe.send (stun (0, 1, "transaction1"), far.address.get (), 1s);
  ASSERT_EQ (far.receive (), stun (0, 1, "transaction1"));
  far.send (stun (1, 1, "transaction2"));    // of somebody else
  far.send (stun (1, 0x11, "transaction1")); // an error
  far.send (stun (0, 1, "transaction1"));    // a check of its own
  far.send ("\1\1 garbage");
  far.send ("");
  EXPECT_EQ (probe.receive (1s + 20ms), std::nullopt);
  far.send (stun (1, 1, "transaction1"));
  EXPECT_EQ (probe.receive (1s + 30ms), Nanos (30ms));
  EXPECT_EQ (probe.receive (1s + 40ms), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P (Families, Probe, testing::Values (G_SOCKET_FAMILY_IPV4, G_SOCKET_FAMILY_IPV6));

TEST (PathProbeMemory, IsBounded) {
  Far far (G_SOCKET_FAMILY_IPV4);
  PathProbe probe;
  for (int i = 0; i < 100; ++i) {
    probe.send (stun (0, 1, "transaction" + std::string (1, char (i))), far.address.get (), 1s);
    ASSERT_NE (far.receive (), "");
  }
  far.send (stun (1, 1, "transaction" + std::string (1, char (0))));
  EXPECT_EQ (probe.receive (2s), std::nullopt);
  far.send (stun (1, 1, "transaction" + std::string (1, char (99))));
  EXPECT_EQ (probe.receive (2s), Nanos (1s));
}

} // namespace
} // namespace lk::rtc
