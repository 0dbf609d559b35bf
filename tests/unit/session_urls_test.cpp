// Where the next attempt goes when the server has named other addresses.
#include "session_util.hpp"

#include "session/server_urls.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

ServerUrls
at (const char *given) {
  ServerUrls urls;
  urls.set_given (*net::parse_url (given));
  return urls;
}

std::vector<RegionInfo>
regions (std::initializer_list<const char *> urls) {
  std::vector<RegionInfo> all;
  for (const char *url : urls)
    all.push_back ({ "somewhere", url, 0 });
  return all;
}

/// The hosts of the next attempts, all of which fail.
std::vector<std::string>
hosts (ServerUrls &urls, int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) {
    all.push_back (urls.current ().host);
    urls.failed ();
  }
  return all;
}

using Hosts = std::vector<std::string>;

TEST (ServerUrls, WithoutOthersItIsAlwaysTheGivenOne) {
  auto urls = at ("ws://given.test");
  EXPECT_EQ (hosts (urls, 3), (Hosts{ "given.test", "given.test", "given.test" }));
}

TEST (ServerUrls, RegionsComeInTheirOrderAndTheGivenOneAfterThem) {
  auto urls = at ("ws://given.test");
  urls.on_regions (regions ({ "ws://a.test", "https://b.test" }));
  EXPECT_EQ (hosts (urls, 4), (Hosts{ "a.test", "b.test", "given.test", "a.test" }));
}

TEST (ServerUrls, TheOneThatLetUsInStays) {
  auto urls = at ("ws://given.test");
  urls.on_regions (regions ({ "ws://a.test", "ws://b.test" }));
  urls.failed ();
  EXPECT_EQ (urls.current ().host, "b.test");
  urls.set_given (*net::parse_url ("ws://given.test"));
  urls.on_alternative ("ws://c.test"); // b.test was named by itself
  EXPECT_EQ (urls.current ().host, "b.test");
}

TEST (ServerUrls, AnAlternativeIsForTheNextTime) {
  auto urls = at ("ws://given.test");
  urls.on_alternative ("ws://near.test");
  EXPECT_EQ (hosts (urls, 2), (Hosts{ "near.test", "given.test" }));
}

TEST (ServerUrls, ATokenNeverTravelsWithLessProtectionThanAskedFor) {
  auto urls = at ("wss://given.test");
  urls.on_regions (regions ({ "ws://plain.test", "http://plain.test", "wss://safe.test" }));
  EXPECT_EQ (hosts (urls, 2), (Hosts{ "safe.test", "given.test" }));
}

TEST (ServerUrls, NonsenseAndEqualsAreLeftOutAndTheirNumberIsBounded) {
  auto urls = at ("ws://given.test");
  urls.on_regions (
      regions ({ "", "nonsense", "ftp://x.test", "ws://given.test/", "ws://a.test", "ws://a.test:80" }));
  EXPECT_EQ (hosts (urls, 2), (Hosts{ "a.test", "given.test" }));
  std::vector<RegionInfo> many;
  for (int i = 0; i < 1000; ++i)
    many.push_back ({ "", "ws://h" + std::to_string (i) + ".test", 0 });
  urls.on_regions (many);
  EXPECT_EQ (hosts (urls, ServerUrls::kMaxNamed + 1).back (), "given.test");
}

class Urls : public EngineTest {
protected:
  std::string
  host () {
    return signal ().params.url.host;
  }
};

TEST_F (Urls, ARefusalThatNamesRegionsIsFollowed) {
  connect ();
  signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
  advance (500ms);
  signal ().redirect (regions ({ "ws://a.test", "ws://b.test" }),
                      { Errc::SignalLost, Retry::Restart, "not here" });
  Hosts tried;
  for (int i = 0; i < 3; ++i) {
    advance (500ms);
    tried.push_back (host ());
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
    run ();
  }
  EXPECT_EQ (tried, (Hosts{ "a.test", "b.test", "example.test" }));
}

TEST_F (Urls, TheRegionsOfALeaveAreTriedBeforeTheGivenOne) {
  connect ();
  EXPECT_EQ (host (), "example.test");
  Leave leave;
  leave.action = LeaveAction::Reconnect;
  leave.regions = regions ({ "ws://a.test", "ws://b.test" });
  deliver (leave);
  Hosts tried;
  for (int i = 0; i < 3; ++i) {
    advance (500ms);
    tried.push_back (host ());
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
    run ();
  }
  EXPECT_EQ (tried, (Hosts{ "a.test", "b.test", "example.test" }));
}

TEST_F (Urls, ARoomThatMayBeElsewhereIsNotResumedForLong) {
  connect ();
  Leave leave;
  leave.action = LeaveAction::Resume;
  leave.regions = regions ({ "ws://a.test" });
  deliver (leave);
  Hosts tried;
  for (int i = 0; i < 5; ++i) {
    advance (500ms);
    tried.push_back (signal ().params.resume ? "resume" : host ());
    signal ().lose ({ Errc::ConnectFailed, Retry::Resume, "unreachable" });
    run ();
  }
  EXPECT_EQ (tried, (Hosts{ "resume", "resume", "resume", "a.test", "example.test" }));
}

} // namespace
