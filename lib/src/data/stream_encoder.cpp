#include "data/stream_encoder.hpp"

#include "base/utf8.hpp"
#include "data/deflate.hpp"
#include "data/limits.hpp"
#include "proto/convert_data.hpp"

#include <algorithm>
#include <utility>

namespace lk::data {

namespace {

/// How much of a large content is compressed before deciding whether that is worth it.
constexpr size_t kSample = 1024 * 1024;
constexpr size_t kPiece = 64 * 1024;

Error
unusable (std::string message) {
  return { Errc::Settings, Retry::Never, std::move (message) };
}

bool
is_utf8 (const Attributes &attributes) {
  return std::all_of (attributes.begin (), attributes.end (), [] (const auto &entry) {
    return lk::is_utf8 (entry.first) && lk::is_utf8 (entry.second);
  });
}

bool
is_utf8 (const std::vector<std::string> &texts) {
  return std::all_of (texts.begin (), texts.end (), [] (const auto &text) { return lk::is_utf8 (text); });
}

bool
texts_are_utf8 (const StreamSpec &spec) {
  using lk::is_utf8;
  return is_utf8 (spec.id) && is_utf8 (spec.topic) && is_utf8 (spec.mime_type) && is_utf8 (spec.name)
         && is_utf8 (spec.sender_identity) && is_utf8 (spec.reply_to) && data::is_utf8 (spec.attributes)
         && data::is_utf8 (spec.destinations) && data::is_utf8 (spec.attached);
}

DataPacket
packet_of (const StreamSpec &spec, DataBody body) {
  DataPacket packet;
  packet.sender_identity = spec.sender_identity;
  packet.destinations = spec.destinations;
  packet.body = std::move (body);
  return packet;
}

StreamHeader
header_of (const StreamSpec &spec) {
  StreamHeader header;
  header.id = spec.id;
  header.topic = spec.topic;
  header.mime_type = spec.mime_type;
  if (header.mime_type.empty ()) header.mime_type = spec.text ? "text/plain" : "application/octet-stream";
  header.timestamp_ms = spec.timestamp_ms;
  header.total_length = spec.total_length;
  header.attributes = spec.attributes;
  if (spec.text)
    header.kind = TextHeader{ spec.operation, spec.version, spec.reply_to, spec.attached, spec.generated };
  else
    header.kind = ByteHeader{ spec.name.empty () ? "unknown" : spec.name };
  return header;
}

size_t
size_of (const DataPacket &packet) {
  return serialize_data_packet (packet, Reliability::Reliable).size ();
}

Result<>
send_header (const StreamSpec &spec, bool deflated, const PacketSink &sink) {
  if (!texts_are_utf8 (spec)) return unusable ("a topic, name or attribute of the stream is not UTF-8");
  auto header = header_of (spec);
  header.deflated = deflated;
  auto packet = packet_of (spec, std::move (header));
  if (size_of (packet) > kMaxPacket)
    return Error{ Errc::LimitExceeded, Retry::Never,
                  "the stream's topic, attributes and destinations don't fit into one packet" };
  return sink (std::move (packet));
}

Result<>
send_trailer (const StreamSpec &spec, std::string reason, const Attributes &attributes,
              const PacketSink &sink) {
  auto packet = packet_of (spec, StreamTrailer{ spec.id, std::move (reason), attributes });
  if (size_of (packet) > kMaxPacket)
    return Error{ Errc::LimitExceeded, Retry::Never,
                  "the stream's last attributes don't fit into one packet" };
  return sink (std::move (packet));
}

/// Sends the header with everything in it where that fits.
/// @return nothing when it doesn't
std::optional<Result<>>
send_inline (const StreamSpec &spec, std::string_view content, bool deflated, const PacketSink &sink) {
  if (content.size () > kInlinePacket) return std::nullopt;
  auto header = header_of (spec);
  header.inline_content = content;
  header.deflated = deflated;
  auto packet = packet_of (spec, std::move (header));
  if (size_of (packet) > kInlinePacket) return std::nullopt;
  return sink (std::move (packet));
}

/// What a stretch of the content became, and whether it is all.
struct Compressed {
  Deflater deflater;
  std::string out;
  size_t taken = 0;
  bool complete = false;

  void
  take (std::string_view content, size_t count) {
    const auto piece = content.substr (taken, count);
    taken += piece.size ();
    complete = taken == content.size ();
    deflater.feed (piece, complete, out);
  }
};

/// Sends whole chunks of what is compressed, the last one whatever its size.
Result<>
send_compressed (const StreamSpec &spec, std::string_view content, Compressed &compressed,
                 const PacketSink &sink, const std::function<void (uint64_t)> &progress) {
  for (uint64_t index = 0;;) {
    size_t at = 0;
    while (compressed.out.size () - at >= kStreamChunk
           || (compressed.complete && at < compressed.out.size ())) {
      auto piece = compressed.out.substr (at, kStreamChunk);
      at += piece.size ();
      if (auto sent = sink (packet_of (spec, StreamChunk{ spec.id, std::move (piece), index++, 0 })); !sent)
        return sent;
    }
    compressed.out.erase (0, at);
    if (progress) progress (compressed.taken);
    if (compressed.complete) return {};
    compressed.take (content, kPiece);
  }
}

Result<>
send_plain (const StreamSpec &spec, std::string_view content, const PacketSink &sink,
            const std::function<void (uint64_t)> &progress) {
  uint64_t index = 0;
  for (size_t at = 0; at < content.size ();) {
    const auto rest = content.substr (at);
    const auto size = spec.text ? utf8_head (rest, kStreamChunk) : std::min (rest.size (), kStreamChunk);
    auto packet = packet_of (spec, StreamChunk{ spec.id, std::string (rest.substr (0, size)), index++, 0 });
    if (auto sent = sink (std::move (packet)); !sent) return sent;
    at += size;
    if (progress) progress (at);
  }
  return {};
}

} // namespace

StreamEncoder::StreamEncoder (StreamSpec spec, PacketSink sink)
    : spec_ (std::move (spec)), sink_ (std::move (sink)) {}

Result<>
StreamEncoder::open () {
  auto sent = send_header (spec_, false, sink_);
  state_ = sent ? State::Open : State::Ended;
  return sent;
}

Result<>
StreamEncoder::write (std::string_view bytes) {
  if (state_ != State::Open) return Error{ Errc::Closed, Retry::Never, "the stream has ended" };
  if (spec_.total_length && bytes.size () > *spec_.total_length - written_ - tail_.size ())
    return fail (unusable ("more bytes than the stream's total length"));
  return spec_.text ? write_text (bytes) : send_chunks (bytes);
}

Result<>
StreamEncoder::write_text (std::string_view bytes) {
  auto before = tail_;
  auto text = std::exchange (tail_, {});
  text += bytes;
  tail_ = text.substr (text.size () - utf8_open_tail (text));
  text.resize (text.size () - tail_.size ());
  if (!lk::is_utf8 (text)) return fail (unusable ("the text is not UTF-8"));
  auto sent = send_chunks (text);
  if (!sent && state_ == State::Open) tail_ = std::move (before);
  return sent;
}

Result<>
StreamEncoder::send_chunks (std::string_view bytes) {
  const auto first = next_index_;
  while (!bytes.empty ()) {
    const auto size = spec_.text ? utf8_head (bytes, kStreamChunk) : std::min (bytes.size (), kStreamChunk);
    auto chunk = StreamChunk{ spec_.id, std::string (bytes.substr (0, size)), next_index_, 0 };
    if (auto sent = sink_ (packet_of (spec_, std::move (chunk))); !sent) {
      if (next_index_ != first) state_ = State::Broken;
      return sent;
    }
    next_index_++;
    written_ += size;
    bytes.remove_prefix (size);
  }
  return {};
}

Result<>
StreamEncoder::close (const Attributes &attributes) {
  if (state_ != State::Open) return Error{ Errc::Closed, Retry::Never, "the stream has ended" };
  if (!tail_.empty ()) return fail (unusable ("the text ends within a character"));
  if (spec_.total_length && written_ < *spec_.total_length)
    return fail (unusable ("fewer bytes than the stream's total length"));
  if (!data::is_utf8 (attributes)) return fail (unusable ("an attribute of the stream is not UTF-8"));
  auto sent = send_trailer (spec_, {}, attributes, sink_);
  if (!sent) return sent.error ().code == Errc::LimitExceeded ? fail (sent.error ()) : sent;
  state_ = State::Ended;
  return sent;
}

void
StreamEncoder::abort (const std::string &reason) {
  if (state_ != State::Open && state_ != State::Broken) return;
  state_ = State::Ended;
  (void)send_trailer (spec_, reason.empty () ? "aborted" : reason, {}, sink_);
}

Result<>
StreamEncoder::fail (Error error) {
  abort (error.message);
  return error;
}

Result<>
send_stream (StreamSpec spec, std::string_view content, StreamReach reach, const PacketSink &sink,
             const std::function<void (uint64_t)> &progress) {
  spec.total_length = content.size ();
  if (spec.text && !lk::is_utf8 (content)) return unusable ("the text is not UTF-8");
  if (!texts_are_utf8 (spec)) return unusable ("a topic, name or attribute of the stream is not UTF-8");

  Compressed compressed;
  while (reach.deflate && !compressed.complete && compressed.taken < kSample)
    compressed.take (content, kPiece);
  const bool smaller = compressed.out.size () < compressed.taken;

  if (reach.inline_content && spec.attached.empty ()) { // as the SDKs: what has attachments is in chunks
    auto sent = compressed.complete && smaller ? send_inline (spec, compressed.out, true, sink)
                                               : send_inline (spec, content, false, sink);
    if (sent && *sent && progress) progress (content.size ());
    if (sent) return *sent;
  }

  // Less than a tenth saved, as with most media files, is not worth the work at both ends.
  const bool deflated = compressed.taken > 0 && compressed.out.size () < compressed.taken / 10 * 9;
  if (auto opened = send_header (spec, deflated, sink); !opened) return opened;
  auto sent = deflated ? send_compressed (spec, content, compressed, sink, progress)
                       : send_plain (spec, content, sink, progress);
  if (!sent) {
    (void)send_trailer (spec, "the sender failed", {}, sink);
    return sent;
  }
  return send_trailer (spec, {}, {}, sink);
}

} // namespace lk::data
