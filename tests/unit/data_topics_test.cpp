#include "base/utf8.hpp"
#include "data/text_topics.hpp"
#include "data_stream_util.hpp"

using namespace lk;
using namespace lk::data;
using namespace lk::test;

namespace {

/// A message through its stream form.
std::optional<ChatMessage>
through (const ChatMessage &message) {
  const auto packets = packets_of (chat_stream (message, { "bob" }), message.text);
  EXPECT_EQ (packets[0].destinations, std::vector<std::string>{ "bob" });
  Receiving room;
  room.take (packets);
  const auto &heard = room.listener.streams[message.id];
  return chat_from_stream (heard.ended->header, heard.whole);
}

} // namespace

TEST (Chat, AMessageSurvivesItsStreamForm) {
  const ChatMessage message{ "c-1", "hello \xf0\x9f\x91\x8b", 5, std::nullopt, false, true };
  const auto again = through (message);
  ASSERT_TRUE (again);
  EXPECT_EQ (again->id, "c-1");
  EXPECT_EQ (again->text, message.text);
  EXPECT_EQ (again->timestamp_ms, 5);
  EXPECT_FALSE (again->edited_ms || again->deleted);
  EXPECT_TRUE (again->generated);
}

TEST (Chat, EditsAndDeletionsSayWhatTheyAreAbout) {
  auto again = through ({ "c-1", "better", 5, 9, false, false });
  ASSERT_TRUE (again);
  EXPECT_EQ (again->id, "c-1");
  EXPECT_EQ (again->edited_ms, 9);
  EXPECT_FALSE (again->deleted);
  again = through ({ "c-1", "", 5, 9, true, false });
  ASSERT_TRUE (again);
  EXPECT_TRUE (again->deleted);

  StreamHeader header;
  header.id = "another";
  header.topic = "lk.chat";
  header.kind = TextHeader{ StreamOperation::Update, 1, "c-1" };
  EXPECT_EQ (chat_from_stream (header, "x")->id, "c-1");
  header.kind = TextHeader{ StreamOperation::Create, 0, "c-1" };
  EXPECT_EQ (chat_from_stream (header, "x")->id, "another");
}

TEST (Chat, OtherStreamsAreNoChat) {
  StreamHeader header;
  header.topic = "lk.chat";
  header.kind = ByteHeader{};
  EXPECT_FALSE (chat_from_stream (header, "x"));
  header.kind = TextHeader{ StreamOperation::Reaction };
  EXPECT_FALSE (chat_from_stream (header, "x"));
  header.kind = TextHeader{};
  header.topic = "other";
  EXPECT_FALSE (chat_from_stream (header, "x"));
}

TEST (Chat, TheSecondFormOfAMessageIsRecognised) {
  ChatDedupe dedupe;
  ChatMessage message{ "c-1", "hello", 5 };
  EXPECT_TRUE (dedupe.accept ("bob", message));
  EXPECT_FALSE (dedupe.accept ("bob", *through (message)));
  EXPECT_TRUE (dedupe.accept ("carol", message));
  message.edited_ms = 6;
  message.text = "better";
  EXPECT_TRUE (dedupe.accept ("bob", message));
  EXPECT_FALSE (dedupe.accept ("bob", *through (message)));
  message.text = "best";
  EXPECT_TRUE (dedupe.accept ("bob", message));
  message.deleted = true;
  EXPECT_TRUE (dedupe.accept ("bob", message));
  EXPECT_FALSE (dedupe.accept ("bob", message));
}

TEST (Transcription, ASegmentSurvivesItsStream) {
  const TranscriptionSegment segment{ "seg-1", "hej", "sv", 100, 2000, false };
  auto spec = transcription_stream ({ "speaker", "TR_1", {} }, segment);
  EXPECT_EQ (spec.topic, "lk.transcription");
  EXPECT_EQ (spec.sender_identity, "speaker");
  EXPECT_EQ (spec.attributes["lk.segment_id"], "seg-1");
  EXPECT_EQ (spec.attributes["lk.transcribed_track_id"], "TR_1");
  EXPECT_EQ (spec.attributes["lk.transcription_final"], "false");
  spec.id = "st";
  Receiving room;
  room.take (packets_of (spec, segment.text));
  const auto &heard = room.listener.streams["st"];
  const auto again = transcription_from_stream ("speaker", heard.ended->header, heard.whole);
  ASSERT_TRUE (again);
  EXPECT_EQ (again->identity, "speaker");
  EXPECT_EQ (again->track_sid, "TR_1");
  ASSERT_EQ (again->segments.size (), 1u);
  EXPECT_EQ (again->segments[0].id, "seg-1");
  EXPECT_EQ (again->segments[0].text, "hej");
  EXPECT_EQ (again->segments[0].language, "sv");
  EXPECT_EQ (again->segments[0].start_time_ms, 100u);
  EXPECT_EQ (again->segments[0].end_time_ms, 2000u);
  EXPECT_FALSE (again->segments[0].final);
}

TEST (Transcription, APlainTextStreamOnTheTopicIsAFinalSegment) {
  StreamHeader header;
  header.id = "st";
  header.topic = "lk.transcription";
  header.kind = TextHeader{};
  header.attributes = { { "gst.start-ms", "12x" } };
  const auto transcription = transcription_from_stream ("bob", header, "text");
  ASSERT_TRUE (transcription);
  EXPECT_EQ (transcription->segments[0].id, "st");
  EXPECT_EQ (transcription->segments[0].start_time_ms, 0u);
  EXPECT_TRUE (transcription->segments[0].final);
  header.topic = "other";
  EXPECT_FALSE (transcription_from_stream ("bob", header, "text"));
}

TEST (Ids, UuidsHaveTheirForm) {
  FakeRandom random;
  const auto id = make_uuid (random);
  ASSERT_EQ (id.size (), 36u);
  for (const size_t at : { 8, 13, 18, 23 })
    EXPECT_EQ (id[at], '-');
  EXPECT_EQ (id[14], '4');
  EXPECT_NE (std::string ("89ab").find (id[19]), std::string::npos);
  EXPECT_NE (make_uuid (random), id);
}

TEST (Ids, OnlyTheLatestAreRemembered) {
  RecentIds recent (3);
  for (const auto *id : { "a", "b", "c" })
    EXPECT_TRUE (recent.add (id));
  EXPECT_FALSE (recent.add ("a"));
  EXPECT_TRUE (recent.add ("d"));
  EXPECT_FALSE (recent.contains ("a"));
  EXPECT_TRUE (recent.contains ("b"));
}

TEST (Utf8, NulIsACharacterAndWrongBytesAreReplaced) {
  EXPECT_TRUE (is_utf8 (std::string_view ("a\0b\0", 4)));
  EXPECT_TRUE (is_utf8 (""));
  EXPECT_FALSE (is_utf8 (std::string_view ("a\0\xff", 3)));
  EXPECT_FALSE (is_utf8 ("\xc3"));
  EXPECT_EQ (to_utf8 ("a\xff"), "a\xef\xbf\xbd");
}

TEST (Utf8, HeadsAndTailsRespectCharacters) {
  const std::string text = "a\xc3\xa9\xe4\xb8\x96\xf0\x9f\x8e\x88";
  const size_t heads[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };
  for (size_t limit = 0; limit < std::size (heads); limit++)
    EXPECT_EQ (utf8_head (text, limit), heads[limit]) << limit;
  const size_t tails[] = { 0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0 };
  for (size_t size = 0; size < std::size (tails); size++)
    EXPECT_EQ (utf8_open_tail (std::string_view (text).substr (0, size)), tails[size]) << size;
}
