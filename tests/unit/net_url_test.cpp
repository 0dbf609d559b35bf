// Server URLs as users write them.
#include "net/url.hpp"

#include <gtest/gtest.h>

using namespace lk;
using namespace lk::net;

TEST (Url, IsReadInAllTheFormsUsersWrite) {
  struct Row {
    const char *text, *websocket, *http;
  };
  const Row rows[] = {
    { "ws://localhost:7880", "ws://localhost:7880", "http://localhost:7880" },
    { "wss://example.test", "wss://example.test", "https://example.test" },
    { "https://example.test:443/", "wss://example.test", "https://example.test" },
    { "http://example.test:80//", "ws://example.test", "http://example.test" },
    { "https://example.test:80", "wss://example.test:80", "https://example.test:80" },
    { "HTTP://Example.test/a/b/", "ws://Example.test/a/b", "http://Example.test/a/b" },
    { " ws://localhost:7880\n", "ws://localhost:7880", "http://localhost:7880" },
    { "ws://[::1]:7880/x%20y", "ws://[::1]:7880/x%20y", "http://[::1]:7880/x%20y" },
    { "ws://b\xc3\xbc"
      "cher.test",
      "ws://xn--bcher-kva.test", "http://xn--bcher-kva.test" },
  };
  for (const auto &row : rows) {
    auto url = parse_url (row.text);
    ASSERT_TRUE (url) << row.text << ": " << url.error ().message;
    EXPECT_EQ (url->websocket (), row.websocket) << row.text;
    EXPECT_EQ (url->http (), row.http) << row.text;
  }
}

TEST (Url, AlwaysKnowsItsPort) {
  EXPECT_EQ (parse_url ("ws://a")->port, 80);
  EXPECT_EQ (parse_url ("wss://a")->port, 443);
  EXPECT_EQ (parse_url ("wss://a:7881")->port, 7881);
  EXPECT_EQ (parse_url ("ws://[fe80::1]:1")->host, "fe80::1");
}

TEST (Url, RefusesWhatCannotBeAServerAndSaysWhatIsExpected) {
  const std::string rows[] = {
    "",
    "   ",
    "localhost",
    "localhost:7880",
    "//localhost",
    "ftp://localhost",
    "ws://",
    "ws:///path",
    "ws://:7880",
    "ws://host:0",
    "ws://host:65536",
    "ws://host:abc",
    "ws://ho st",
    "ws://host/\x01",
    "ws://host?access_token=x",
    "ws://host#x",
    "ws://[::1",
    "ws://" + std::string (5000, 'a'),
  };
  for (const auto &text : rows) {
    auto url = parse_url (text);
    ASSERT_FALSE (url) << text.substr (0, 40);
    EXPECT_EQ (url.error ().code, Errc::InvalidUrl) << text;
    EXPECT_EQ (url.error ().retry, Retry::Never) << text;
    EXPECT_NE (url.error ().message.find ("expected ws://"), std::string::npos) << text;
  }
}

TEST (Url, KeepsAPasswordOutOfTheMessage) {
  auto url = parse_url ("wss://user:hunter2@host");
  ASSERT_FALSE (url);
  EXPECT_EQ (url.error ().message.find ("hunter2"), std::string::npos);
}

TEST (Query, IsPercentEncoded) {
  EXPECT_EQ (encode_query ({}), "");
  EXPECT_EQ (encode_query ({ { "a", "1" }, { "b c", "x&y=z/+\xc3\xbc" }, { "e", "" } }),
             "?a=1&b%20c=x%26y%3Dz%2F%2B%C3%BC&e=");
}
