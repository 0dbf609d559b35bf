// Chat and transcription, between their own packets (data_model.hpp) and the text streams that newer clients
// use instead.
#pragma once

#include "data/ids.hpp"
#include "data/stream_encoder.hpp"
#include "proto/data_model.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lk::data {

inline constexpr std::string_view kChatTopic = "lk.chat", kTranscriptionTopic = "lk.transcription";

/// The stream that says the same as the packet; its id is the message's, so a receiver of both can tell. The
/// text is the content.
StreamSpec chat_stream (const ChatMessage &message, std::vector<std::string> destinations);
/// Of a whole text stream. An edit or deletion takes the id of the message that it is about (reply_to where
/// the sender uses it so).
std::optional<ChatMessage> chat_from_stream (const StreamHeader &header, std::string text);

/// Tells the two wire forms of one message apart from two messages. Both forms come within moments of each
/// other, so remembering the latest few hundred is enough.
class ChatDedupe {
public:
  /// False when this message, edit or deletion of this sender came before.
  bool accept (const std::string &sender, const ChatMessage &message);

private:
  RecentIds seen_{ 512 };
};

/// The stream of one segment; its text is the content. Every update of a segment is a stream of its own.
/// Start, end and language, which LiveKit has no attribute for, go as `gst.start-ms`, `gst.end-ms`,
/// `gst.language`.
/// @param transcription  its identity, when not empty, is spoken for: the server lets agents only
StreamSpec transcription_stream (const Transcription &transcription, const TranscriptionSegment &segment);
/// Of a whole text stream: a transcription with one segment, of the stream's sender.
std::optional<Transcription> transcription_from_stream (const std::string &sender, const StreamHeader &header,
                                                        std::string text);

} // namespace lk::data
