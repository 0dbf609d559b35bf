#include "base/json.hpp"

#include <gtest/gtest.h>

using namespace lk;

namespace {

constexpr std::size_t kAny = 1 << 20;

bool
parses (std::string_view text, std::size_t max_size = kAny) {
  return bool (parse_json (text, max_size));
}

std::string
nested (int depth) {
  return std::string (depth, '[') + std::string (depth, ']');
}

} // namespace

TEST (Json, MembersAreReadByType) {
  const auto node = parse_json (R"({"s":"x","b":true,"i":7,"f":1.9,"n":null,"o":{},"a":[]})", kAny);
  JsonObject *object = json_object_of (node);
  ASSERT_TRUE (object);
  EXPECT_EQ (json_string (object, "s"), "x");
  EXPECT_EQ (json_bool (object, "b"), true);
  EXPECT_EQ (json_int (object, "i"), 7);
  EXPECT_EQ (json_int (object, "f"), 1);
  EXPECT_TRUE (json_object (object, "o"));
  EXPECT_TRUE (json_array (object, "a"));
  EXPECT_TRUE (json_has (object, "s"));
}

TEST (Json, AMemberOfAnotherTypeIsAbsent) {
  const auto node = parse_json (R"({"s":1,"b":"true","i":"7","o":[],"a":{},"n":null})", kAny);
  JsonObject *object = json_object_of (node);
  ASSERT_TRUE (object);
  EXPECT_FALSE (json_string (object, "s"));
  EXPECT_FALSE (json_bool (object, "b"));
  EXPECT_FALSE (json_int (object, "i"));
  EXPECT_FALSE (json_object (object, "o"));
  EXPECT_FALSE (json_array (object, "a"));
  EXPECT_FALSE (json_string (object, "n"));
  EXPECT_FALSE (json_has (object, "n"));
  EXPECT_FALSE (json_string (object, "missing"));
  EXPECT_FALSE (json_string (nullptr, "s"));
}

TEST (Json, HugeNumbersStopAtTheExactBound) {
  const auto node = parse_json (R"({"d":1e300,"m":-1e300,"i":9223372036854775807})", kAny);
  JsonObject *object = json_object_of (node);
  ASSERT_TRUE (object);
  EXPECT_EQ (json_int (object, "d"), int64_t{ 1 } << 53);
  EXPECT_EQ (json_int (object, "m"), -(int64_t{ 1 } << 53));
  EXPECT_EQ (json_int (object, "i"), int64_t{ 1 } << 53);
}

TEST (Json, NestingIsBounded) {
  EXPECT_TRUE (parses (nested (kJsonMaxDepth)));
  EXPECT_FALSE (parses (nested (kJsonMaxDepth + 1)));
  EXPECT_FALSE (parses (std::string (500'000, '[')));
}

TEST (Json, BracketsCannotHideBehindACommentOrAnotherQuote) {
  EXPECT_FALSE (parses ("//\"\n" + nested (1000)));
  EXPECT_FALSE (parses ("/*\"*/" + nested (1000)));
  EXPECT_FALSE (parses ("#\"\n" + nested (1000)));
  EXPECT_FALSE (parses ("'\"'" + nested (1000)));
}

TEST (Json, SurrogateEscapesMustBePaired) {
  const auto node = parse_json (R"(["\ud83d\ude00"])", kAny);
  ASSERT_TRUE (node);
  EXPECT_STREQ (json_array_get_string_element (json_node_get_array (node.get ()), 0), "\U0001F600");
  EXPECT_FALSE (parses (R"(["\ud83d"])"));
  EXPECT_FALSE (parses (R"(["\ud83d\u0041"])"));
  EXPECT_FALSE (parses (R"(["\ude00"])"));
  EXPECT_FALSE (parses (R"(["\ud83dx"])"));
}

TEST (Json, WhatIsNotStrictJsonIsRefused) {
  for (const char *text :
       { "", " ", "{", "}", "{\"a\":}", "[1,]", "{\"a\" 1}", "\"open", "\"bad\\x\"", "\"\\u12\"",
         "\"\\u0000\"", "\"a\nb\"", "[1]]", "{\"a\":1}}", "\xff\xfe", "{\"a\":\"\xc3\"}", "nul" })
    EXPECT_FALSE (parses (text)) << text;
  EXPECT_FALSE (parses (std::string_view ("[1]\0", 4)));
}

TEST (Json, SizeIsBounded) {
  EXPECT_TRUE (parses ("[1]", 3));
  EXPECT_FALSE (parses ("[1]", 2));
}
