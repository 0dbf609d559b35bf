// Candidates and servers in the forms of LiveKit, libnice and webrtcbin.
#include "rtc/ice.hpp"

#include <gtest/gtest.h>

namespace lk::rtc {
namespace {

using Clean = std::optional<std::string>;

TEST (Candidate, WellFormedOnesPassBothWays) {
  for (const char *line : {
           "candidate:1 1 UDP 2015363327 192.0.2.1 42312 typ host",
           "candidate:2 1 TCP 1015021823 192.0.2.1 9 typ host tcptype active",
           "candidate:7 1 UDP 2015364863 2001:db8::2 40012 typ host",
           "candidate:4 1 UDP 1677722111 198.51.100.7 61000 typ srflx raddr 192.0.2.1 rport 61000",
           "candidate:5 1 UDP 92215807 203.0.113.9 50000 typ relay raddr 198.51.100.7 rport 61000",
           "candidate:3932658255 1 udp 2130706431 2001:db8::2 17992 typ host ufrag ifFIEjHKRRYzsCEY",
           "candidate:a+/9 2 udp 1 192.0.2.1 1 typ prflx generation 0 network-cost 50",
       }) {
    EXPECT_EQ (clean_local_candidate (line), Clean (line));
    EXPECT_EQ (clean_remote_candidate (line), Clean (line));
  }
}

TEST (Candidate, AttributePrefixAndLineEndAreTakenOff) {
  const char *bare = "candidate:1 1 UDP 2015363327 192.0.2.1 42312 typ host";
  for (const std::string &line :
       { "a=" + std::string (bare), bare + std::string ("\r\n"), std::string (bare) + "  " }) {
    EXPECT_EQ (clean_local_candidate (line), Clean (bare));
    EXPECT_EQ (clean_remote_candidate (line), Clean (bare));
  }
}

TEST (Candidate, ServerNeverSeesPassiveTcp) {
  const char *line = "candidate:3 1 TCP 1010827519 192.0.2.2 48775 typ host tcptype passive";
  EXPECT_EQ (clean_local_candidate (line), std::nullopt);
  EXPECT_EQ (clean_remote_candidate (line), Clean (line)) << "the server's own TCP port is passive";
}

TEST (Candidate, OneMalformedLineWouldEndTheSessionSoNonePasses) {
  const std::string good = "candidate:1 1 udp 1 192.0.2.1 9 typ host";
  ASSERT_TRUE (clean_local_candidate (good));
  const std::vector<std::pair<const char *, std::string>> cases{
    { "empty", "" },
    { "only the name", "candidate:" },
    { "another attribute", "end-of-candidates" },
    { "no foundation", "candidate: 1 udp 1 192.0.2.1 9 typ host" },
    { "a long foundation", "candidate:" + std::string (33, '1') + " 1 udp 1 192.0.2.1 9 typ host" },
    { "a foundation of other characters", "candidate:{1} 1 udp 1 192.0.2.1 9 typ host" },
    { "component 0", "candidate:1 0 udp 1 192.0.2.1 9 typ host" },
    { "component 257", "candidate:1 257 udp 1 192.0.2.1 9 typ host" },
    { "another transport", "candidate:1 1 sctp 1 192.0.2.1 9 typ host" },
    { "a priority over 32 bits", "candidate:1 1 udp 4294967296 192.0.2.1 9 typ host" },
    { "a negative priority", "candidate:1 1 udp -1 192.0.2.1 9 typ host" },
    { "an mDNS name", "candidate:1 1 udp 1 0b7a6a3c-8a52-4b43-9b2e-d6f1a1f2b0aa.local 9 typ host" },
    { "a host name", "candidate:1 1 udp 1 host.example 9 typ host" },
    { "half an address", "candidate:1 1 udp 1 192.0.2 9 typ host" },
    { "a zone", "candidate:1 1 udp 1 fe80::1%eth0 9 typ host" },
    { "port 0", "candidate:1 1 udp 1 192.0.2.1 0 typ host" },
    { "port 65536", "candidate:1 1 udp 1 192.0.2.1 65536 typ host" },
    { "no type", "candidate:1 1 udp 1 192.0.2.1 9" },
    { "another type", "candidate:1 1 udp 1 192.0.2.1 9 typ magic" },
    { "a name without a value", good + " raddr" },
    { "a related name", good + " raddr host.local rport 9" },
    { "a related port out of range", good + " raddr 192.0.2.1 rport 65536" },
    { "TCP without its type", "candidate:1 1 tcp 1 192.0.2.1 9 typ host" },
    { "TCP of an unknown type", "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype open" },
    { "a line end inside", "candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=evil x" },
    { "a tab", "candidate:1\t1 udp 1 192.0.2.1 9 typ host" },
    { "a zero byte", good + std::string (" x \0", 4) },
    { "beyond ASCII", good + " x \xc3\xa4" },
    { "too long", good + " x " + std::string (1024, 'y') },
  };
  for (const auto &[why, line] : cases) {
    EXPECT_EQ (clean_local_candidate (line), std::nullopt) << why;
    EXPECT_EQ (clean_remote_candidate (line), std::nullopt) << why;
  }
}

TEST (IceServers, AreConvertedToWebrtcbinsForm) {
  const std::vector<std::pair<IceServerUrl, std::string>> cases{
    { { "stun:stun.example:3478", "", "" }, "stun://stun.example:3478" },
    { { "stun:stun.example", "", "" }, "stun://stun.example:3478" },
    { { "STUN://192.0.2.1:9", "", "" }, "stun://192.0.2.1:9" },
    { { "stun:[2001:db8::1]:19302", "", "" }, "stun://[2001:db8::1]:19302" },
    { { "turn:turn.example:3478?transport=udp", "u", "p" }, "turn://u:p@turn.example:3478?transport=udp" },
    { { "turn:turn.example?transport=TCP", "u", "p" }, "turn://u:p@turn.example:3478?transport=tcp" },
    { { "turn:[2001:db8::1]", "u", "p" }, "turn://u:p@[2001:db8::1]:3478?transport=udp" },
    { { "turn:t:1", "a:b@c", "p/w%?#ö" }, "turn://a%3Ab%40c:p%2Fw%25%3F%23%C3%B6@t:1?transport=udp" },
    { { "turn://us%3Aer:pa%40ss@t:1?transport=tcp", "", "" }, "turn://us%3Aer:pa%40ss@t:1?transport=tcp" },
  };
  for (const auto &[given, expected] : cases) {
    auto servers = convert_ice_servers ({ given });
    EXPECT_EQ (servers.unusable, 0u) << given.url;
    if (expected.starts_with ("stun")) {
      EXPECT_EQ (servers.stun, expected);
      EXPECT_TRUE (servers.turn.empty ());
    } else {
      EXPECT_EQ (servers.turn, std::vector{ expected });
      EXPECT_EQ (servers.stun, "");
    }
  }
}

TEST (IceServers, ThatCannotBeUsedAreCounted) {
  const std::vector<IceServerUrl> cases{
    { "", "u", "p" },
    { "turn", "u", "p" },
    { "turn:", "u", "p" },
    { "turn:host", "", "p" },
    { "turn:host", "u", "" },
    { "turn:host:0", "u", "p" },
    { "turn:host:65536", "u", "p" },
    { "turn:host:12x", "u", "p" },
    { "turn:ho st", "u", "p" },
    { "turn:host\r\n", "u", "p" },
    { "turn:host?transport=sctp", "u", "p" },
    { "turn:host?other=1", "u", "p" },
    { "turn:[2001:db8::1", "u", "p" },
    { "turn:[nonsense]", "u", "p" },
    { "turn://user@host", "", "" },
    { "turn://us er:p@host", "", "" },
    { "turns:turn.example:443?transport=tcp", "u", "p" },
    { "stuns:stun.example", "", "" },
    { "http://host", "u", "p" },
    { "stun:host/path", "", "" },
    { "stun:" + std::string (254, 'x'), "", "" },
    { "turn:host?transport=" + std::string (5000, 'x'), "u", "p" },
  };
  for (const auto &given : cases) {
    auto servers = convert_ice_servers ({ given });
    EXPECT_EQ (servers.unusable, 1u) << given.url;
    EXPECT_EQ (servers.stun, "") << given.url;
    EXPECT_TRUE (servers.turn.empty ()) << given.url;
  }
}

TEST (IceServers, BehindTlsAreReachedThroughALocalPort) {
  const std::vector<std::tuple<IceServerUrl, std::string, std::string>> cases{
    { { "turns:turn.example:443?transport=tcp", "u:1", "p" }, "turn.example 443", "u%3A1:p" },
    { { "turns:turn.example", "u", "p" }, "turn.example 5349", "u:p" },
    { { "TURNS:[2001:db8::1]:443", "u", "p" }, "2001:db8::1 443", "u:p" },
    { { "turns://us%3Aer:pa%40ss@192.0.2.1:443?transport=TCP", "", "" }, "192.0.2.1 443", "us%3Aer:pa%40ss" },
  };
  for (const auto &[given, where, user_info] : cases) {
    std::string asked;
    auto servers = convert_ice_servers ({ given }, [&] (const std::string &host, uint16_t port) {
      asked = host + " " + std::to_string (port);
      return std::optional<uint16_t> (40001);
    });
    EXPECT_EQ (asked, where);
    EXPECT_EQ (servers.turn, std::vector{ "turn://" + user_info + "@127.0.0.1:40001?transport=tcp" });
    EXPECT_EQ (servers.unusable, 0u);
  }
}

TEST (IceServers, BehindTlsAreNotAskedForInVain) {
  int asked = 0;
  auto refuse = [&] (const std::string &, uint16_t) {
    ++asked;
    return std::optional<uint16_t> ();
  };
  for (const char *url : { "turns:host?transport=udp", "turns:", "turns:host:0", "turns:host" }) {
    EXPECT_EQ (convert_ice_servers ({ { url, "u", "p" } }, refuse).unusable, 1u) << url;
    EXPECT_EQ (convert_ice_servers ({ { url, "", "" } }, refuse).unusable, 1u) << url;
  }
  EXPECT_EQ (asked, 1) << "only the last has all that is needed";
  std::vector<IceServerUrl> many (1000, { "turns:turn.example", "u", "p" });
  asked = 0;
  auto servers = convert_ice_servers (many, [&] (const std::string &, uint16_t) {
    ++asked;
    return std::optional<uint16_t> (40001);
  });
  EXPECT_EQ (asked, 16);
  EXPECT_EQ (servers.turn.size (), 16u);
}

TEST (IceServers, OnlyTheFirstStunServerIsUsed) {
  auto servers = convert_ice_servers (
      { { "stun:bad:port", "", "" }, { "stun:one:1", "", "" }, { "stun:two:2", "", "" } });
  EXPECT_EQ (servers.stun, "stun://one:1");
  EXPECT_EQ (servers.unusable, 1u) << "a further one is not unusable, only not needed";
}

TEST (IceServers, AreBoundedInNumber) {
  std::vector<IceServerUrl> many (1000, { "turn:turn.example", "u", "p" });
  auto servers = convert_ice_servers (many);
  EXPECT_EQ (servers.turn.size (), 16u);
  EXPECT_EQ (servers.unusable, 984u);
}

} // namespace
} // namespace lk::rtc
