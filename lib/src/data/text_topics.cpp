#include "data/text_topics.hpp"

#include <charconv>
#include <functional>
#include <utility>

namespace lk::data {

namespace {

constexpr const char *kSegmentId = "lk.segment_id";
constexpr const char *kTrackId = "lk.transcribed_track_id";
constexpr const char *kFinal = "lk.transcription_final";
constexpr const char *kStart = "gst.start-ms", *kEnd = "gst.end-ms", *kLanguage = "gst.language";

std::string
text_of (const Attributes &attributes, const char *name) {
  const auto at = attributes.find (name);
  return at == attributes.end () ? std::string () : at->second;
}

/// 0 for what is not a number.
uint64_t
number_of (const Attributes &attributes, const char *name) {
  const auto text = text_of (attributes, name);
  uint64_t value = 0;
  const auto [end, problem] = std::from_chars (text.data (), text.data () + text.size (), value);
  return problem == std::errc () && end == text.data () + text.size () ? value : 0;
}

StreamOperation
operation_of (const ChatMessage &message) {
  if (message.deleted) return StreamOperation::Delete;
  return message.edited_ms ? StreamOperation::Update : StreamOperation::Create;
}

} // namespace

StreamSpec
chat_stream (const ChatMessage &message, std::vector<std::string> destinations) {
  StreamSpec spec;
  spec.text = true;
  spec.id = message.id;
  spec.topic = kChatTopic;
  spec.timestamp_ms = message.edited_ms.value_or (message.timestamp_ms);
  spec.destinations = std::move (destinations);
  spec.operation = operation_of (message);
  spec.generated = message.generated;
  return spec;
}

std::optional<ChatMessage>
chat_from_stream (const StreamHeader &header, std::string text) {
  const auto *kind = std::get_if<TextHeader> (&header.kind);
  if (!kind || header.topic != kChatTopic || kind->operation == StreamOperation::Reaction)
    return std::nullopt;
  ChatMessage message;
  message.id = header.id;
  message.text = std::move (text);
  message.timestamp_ms = header.timestamp_ms;
  message.generated = kind->generated;
  if (kind->operation == StreamOperation::Create) return message;
  if (!kind->reply_to.empty ()) message.id = kind->reply_to;
  message.deleted = kind->operation == StreamOperation::Delete;
  if (!message.deleted) message.edited_ms = header.timestamp_ms;
  return message;
}

bool
ChatDedupe::accept (const std::string &sender, const ChatMessage &message) {
  // The text tells one edit from the next, as the two forms of an edit share no other mark.
  auto key = sender + '\0' + message.id.substr (0, 256) + '\0';
  key += char ('0' + int (operation_of (message)));
  if (message.edited_ms) key += std::to_string (std::hash<std::string>{}(message.text));
  return seen_.add (key);
}

StreamSpec
transcription_stream (const Transcription &transcription, const TranscriptionSegment &segment) {
  StreamSpec spec;
  spec.text = true;
  spec.topic = kTranscriptionTopic;
  spec.sender_identity = transcription.identity;
  spec.attributes = { { kSegmentId, segment.id }, { kFinal, segment.final ? "true" : "false" } };
  if (!transcription.track_sid.empty ()) spec.attributes[kTrackId] = transcription.track_sid;
  if (segment.start_time_ms) spec.attributes[kStart] = std::to_string (segment.start_time_ms);
  if (segment.end_time_ms) spec.attributes[kEnd] = std::to_string (segment.end_time_ms);
  if (!segment.language.empty ()) spec.attributes[kLanguage] = segment.language;
  return spec;
}

std::optional<Transcription>
transcription_from_stream (const std::string &sender, const StreamHeader &header, std::string text) {
  if (!std::holds_alternative<TextHeader> (header.kind) || header.topic != kTranscriptionTopic)
    return std::nullopt;
  TranscriptionSegment segment;
  segment.id = text_of (header.attributes, kSegmentId);
  if (segment.id.empty ()) segment.id = header.id;
  segment.text = std::move (text);
  segment.language = text_of (header.attributes, kLanguage);
  segment.start_time_ms = number_of (header.attributes, kStart);
  segment.end_time_ms = number_of (header.attributes, kEnd);
  segment.final
      = text_of (header.attributes, kFinal) != "false"; // who doesn't know the attribute won't revise
  return Transcription{
    sender, text_of (header.attributes, kTrackId), { std::move (segment) }, header.timestamp_ms
  };
}

} // namespace lk::data
