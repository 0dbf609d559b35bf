#include "data/stream_assembler.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace lk::data {

namespace {

constexpr Millis kSweep{ 1000 };
constexpr size_t kMaxReason = 256;

Error
broken (const char *message) {
  return { Errc::Protocol, Retry::Never, message };
}

Error
too_much (const char *message) {
  return { Errc::LimitExceeded, Retry::Never, message };
}

const std::string &
sender_of (const std::string &identity, const std::string &sid) {
  return sid.empty () ? identity : sid;
}

/// What a header costs while its stream is open.
uint64_t
cost_of (const StreamHeader &header) {
  uint64_t cost = 1024 + header.id.size () + header.topic.size () + header.mime_type.size ();
  for (const auto &[key, value] : header.attributes)
    cost += 128 + key.size () + value.size ();
  if (const auto *text = std::get_if<TextHeader> (&header.kind)) cost += 64 * text->attached.size ();
  return cost;
}

} // namespace

struct StreamAssembler::Stream {
  struct Waiting {
    std::string content;
    int32_t version = 0;
  };

  IncomingStreamPtr info;
  std::string sender;
  StreamWish wish;
  std::optional<Inflater> inflater;
  std::map<uint64_t, Waiting> waiting; // chunks after a gap
  uint64_t waiting_bytes = 0, next_index = 0;
  uint64_t offset = 0; // emitted
  std::string tail;    // the begun character of a text
  std::string whole;
  uint64_t held = 0;
  Nanos heard{ 0 };
  std::optional<Nanos> trailer;

  /// Everything that was promised is there. Without a promise: everything up to here.
  bool
  complete () const {
    if (!waiting.empty ()) return false;
    if (const auto &total = info->header.total_length) return offset + tail.size () == *total;
    return !inflater || inflater->state () == Inflater::State::Done;
  }
};

StreamAssembler::StreamAssembler (StreamReceiver &receiver, const Clock &clock, Timers &timers,
                                  StreamLimits limits)
    : receiver_ (receiver), clock_ (clock), timers_ (timers), limits_ (limits) {}

StreamAssembler::~StreamAssembler () = default;

void
StreamAssembler::on_header (const std::string &identity, const std::string &sid, StreamHeader header) {
  const auto &sender = sender_of (identity, sid);
  Key key{ sender, header.id };
  if (streams_.contains (key)) return;
  const auto known = senders_.find (sender);
  if (streams_.size () >= limits_.streams
      || (known != senders_.end () && known->second.streams >= limits_.streams_per_sender)) {
    dropped_++;
    return;
  }
  begin (std::move (key), { ++next_key_, identity, sid, std::move (header) });
}

void
StreamAssembler::begin (Key key, IncomingStream info) {
  const auto content = std::exchange (info.header.inline_content, std::nullopt);
  auto stream = std::make_unique<Stream> ();
  stream->info = std::make_shared<const IncomingStream> (std::move (info));
  const auto &header = stream->info->header;
  stream->wish = receiver_.on_stream_opened (stream->info);
  if (!stream->wish.wanted) return;

  stream->sender = key.first;
  stream->heard = clock_.now ();
  if (header.deflated) stream->inflater.emplace ();
  const auto at = streams_.emplace (std::move (key), std::move (stream)).first;
  auto &opened = *at->second;
  senders_[opened.sender].streams++;
  if (!sweeper_) sweeper_ = timers_.every (kSweep, [this] { sweep (); });

  if (!hold (opened, cost_of (header))) return end (at, too_much ("too many streams at once"));
  if (header.total_length.value_or (0) > opened.wish.max_bytes)
    return end (at, too_much ("the stream is longer than allowed"));
  if (!content) return;
  opened.trailer = clock_.now ();
  auto error = take (opened, *content);
  if (!error && !opened.complete ()) error = broken ("the stream's only packet lacks a part of it");
  settle (at, std::move (error));
}

void
StreamAssembler::on_chunk (const std::string &identity, const std::string &sid, StreamChunk chunk) {
  const auto at = streams_.find ({ sender_of (identity, sid), chunk.stream_id });
  if (at == streams_.end ()) return;
  auto &stream = *at->second;
  if (chunk.index < stream.next_index) {
    dropped_++;
    return;
  }
  stream.heard = clock_.now ();
  if (chunk.index > stream.next_index) return settle (at, keep_waiting (stream, std::move (chunk)));
  stream.next_index++;
  auto error = take (stream, chunk.content);
  if (!error) error = take_waiting (stream);
  settle (at, std::move (error));
}

void
StreamAssembler::on_trailer (const std::string &identity, const std::string &sid,
                             const StreamTrailer &trailer) {
  const auto at = streams_.find ({ sender_of (identity, sid), trailer.stream_id });
  if (at == streams_.end ()) return;
  auto &stream = *at->second;
  if (!trailer.attributes.empty () && !stream.trailer) {
    auto info = *stream.info;
    for (const auto &[key, value] : trailer.attributes)
      info.header.attributes[key] = value;
    const auto cost = cost_of (info.header) - std::min (cost_of (stream.info->header), cost_of (info.header));
    stream.info = std::make_shared<const IncomingStream> (std::move (info));
    if (!hold (stream, cost)) return end (at, too_much ("too many bytes in streams at once"));
  }
  if (!stream.trailer) stream.trailer = clock_.now ();
  std::optional<Error> error;
  if (!trailer.reason.empty ())
    error = Error{ Errc::Closed, Retry::Never,
                   trailer.reason.substr (0, utf8_head (trailer.reason, kMaxReason)) };
  settle (at, std::move (error));
}

void
StreamAssembler::sender_gone (const std::string &identity, const std::string &sid) {
  if (!sid.empty ()) end_sender (sid);
  if (!identity.empty ()) end_sender (identity);
}

void
StreamAssembler::end_sender (const std::string &sender) {
  for (;;) {
    const auto at = streams_.lower_bound ({ sender, "" });
    if (at == streams_.end () || at->first.first != sender) return;
    end (at, Error{ Errc::TransportLost, Retry::Never, "the sender left before the end of the stream" });
  }
}

void
StreamAssembler::close (const Error &error) {
  while (!streams_.empty ())
    end (streams_.begin (), error);
}

std::optional<Error>
StreamAssembler::keep_waiting (Stream &stream, StreamChunk chunk) {
  const auto [at, fresh] = stream.waiting.try_emplace (chunk.index);
  auto &slot = at->second;
  if (!fresh && chunk.version <= slot.version) {
    dropped_++;
    return std::nullopt;
  }
  release (stream, slot.content.size ());
  stream.waiting_bytes += chunk.content.size () - slot.content.size ();
  slot = { std::move (chunk.content), chunk.version };
  if (stream.waiting.size () > limits_.waiting_chunks || stream.waiting_bytes > limits_.waiting_bytes
      || !hold (stream, slot.content.size ()))
    return too_much ("too much of the stream is out of order");
  return std::nullopt;
}

std::optional<Error>
StreamAssembler::take_waiting (Stream &stream) {
  while (!stream.waiting.empty () && stream.waiting.begin ()->first == stream.next_index) {
    const auto node = stream.waiting.extract (stream.waiting.begin ());
    const auto &content = node.mapped ().content;
    stream.next_index++;
    stream.waiting_bytes -= content.size ();
    release (stream, content.size ());
    if (auto error = take (stream, content)) return error;
  }
  return std::nullopt;
}

/// The next bytes of the stream as they were sent.
std::optional<Error>
StreamAssembler::take (Stream &stream, std::string_view content) {
  if (!stream.inflater) return deliver (stream, content);
  std::optional<Error> error;
  const auto state = stream.inflater->feed (content, [&] (std::string_view piece) {
    error = deliver (stream, piece);
    return !error;
  });
  if (state == Inflater::State::Broken) return broken ("the stream's compressed content is broken");
  return error;
}

/// The next bytes of the stream as they were meant.
std::optional<Error>
StreamAssembler::deliver (Stream &stream, std::string_view bytes) {
  const auto seen = stream.offset + stream.tail.size ();
  const auto &total = stream.info->header.total_length;
  if (total && bytes.size () > *total - seen) return broken ("the stream is longer than it said");
  if (bytes.size () > stream.wish.max_bytes - seen) return too_much ("the stream is longer than allowed");
  if (!stream.info->is_text ()) return emit (stream, bytes);

  std::string joined;
  if (!stream.tail.empty ()) {
    joined = std::move (stream.tail);
    joined += bytes;
    bytes = joined;
  }
  const auto open = utf8_open_tail (bytes);
  stream.tail = bytes.substr (bytes.size () - open);
  bytes.remove_suffix (open);
  if (!is_utf8 (bytes)) return broken ("the stream's text is not UTF-8");
  return emit (stream, bytes);
}

std::optional<Error>
StreamAssembler::emit (Stream &stream, std::string_view bytes) {
  if (bytes.empty ()) return std::nullopt;
  if (stream.wish.whole) {
    if (!hold (stream, bytes.size ())) return too_much ("too many bytes in streams at once");
    stream.whole += bytes;
  }
  if (stream.wish.pieces) receiver_.on_stream_data (stream.info, stream.offset, bytes);
  stream.offset += bytes.size ();
  return std::nullopt;
}

bool
StreamAssembler::hold (Stream &stream, uint64_t bytes) {
  auto &sender = senders_[stream.sender];
  stream.held += bytes;
  sender.held += bytes;
  held_ += bytes;
  return sender.held <= std::max (limits_.held_per_sender, stream.wish.max_bytes)
         && held_ <= std::max (limits_.held, stream.wish.max_bytes);
}

void
StreamAssembler::release (Stream &stream, uint64_t bytes) {
  stream.held -= bytes;
  senders_[stream.sender].held -= bytes;
  held_ -= bytes;
}

void
StreamAssembler::settle (Streams::iterator at, std::optional<Error> error) {
  const auto &stream = *at->second;
  if (!error && (!stream.trailer || !stream.complete ())) return;
  if (!error && !stream.tail.empty ()) error = broken ("the stream's text ends within a character");
  end (at, std::move (error));
}

void
StreamAssembler::end (Streams::iterator at, std::optional<Error> error) {
  const auto stream = std::move (at->second);
  streams_.erase (at);
  release (*stream, stream->held);
  const auto sender = senders_.find (stream->sender);
  if (--sender->second.streams == 0) senders_.erase (sender);
  if (streams_.empty ()) sweeper_.reset ();
  if (error) stream->whole.clear ();
  receiver_.on_stream_ended (stream->info, error, std::move (stream->whole));
}

void
StreamAssembler::sweep () {
  const auto now = clock_.now ();
  std::vector<Key> late;
  for (const auto &[key, stream] : streams_) {
    const bool waited = stream->trailer && now - *stream->trailer >= limits_.trailer_grace;
    if (waited || now - stream->heard >= limits_.silence) late.push_back (key);
  }
  for (const auto &key : late) {
    const auto at = streams_.find (key);
    if (at->second->trailer)
      end (at, broken ("a part of the stream never came"));
    else
      end (at, Error{ Errc::Timeout, Retry::Never, "the stream fell silent" });
  }
}

} // namespace lk::data
