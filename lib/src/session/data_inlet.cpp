#include "session/data_inlet.hpp"

#include "base/glob.hpp"
#include "base/log.hpp"
#include "proto/convert_data.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// An RPC has no limit of its own; it comes from anybody.
constexpr uint64_t kMaxRpc = 16 * 1024 * 1024, kMaxMessageText = 1024 * 1024;
// Remembered: streams that came whole, and senders of what cannot be read.
constexpr size_t kMaxFinished = 4096, kMaxEncrypted = 1024;
// Nobody tells that a participant has left whom the server had not announced. One that is still there sends
// something meanwhile, or has been announced.
constexpr Millis kStranger{ 20000 }, kStrangerCheck{ 5000 };
constexpr size_t kMaxStrangers = 1024;

template <typename... Fn> struct Overloaded : Fn... { using Fn::operator()...; };
template <typename... Fn> Overloaded (Fn...) -> Overloaded<Fn...>;

bool
from (const DataFilter &filter, const DataSender &sender) {
  return matches_globs (filter.participants, sender.identity);
}

Error
too_long () {
  return { Errc::LimitExceeded, Retry::Never, "the stream is longer than this listener takes" };
}

} // namespace

DataInlet::DataInlet (const Context &context, const Roster &roster, std::shared_ptr<DataListeners> listeners,
                      DataRpc &rpc, std::shared_ptr<Counters> counters)
    : context_ (context), roster_ (roster), listeners_ (std::move (listeners)), rpc_ (rpc),
      counters_ (std::move (counters)), dedupe_ (*context.env.clock), finished_ (kMaxFinished),
      assembler_ (*this, *context.env.clock, *context.timers), encrypted_ (kMaxEncrypted) {}

void
DataInlet::on_message (Reliability reliability, std::string_view bytes) {
  ++counters_->received;
  counters_->bytes += bytes.size ();
  auto packet = bytes.size () <= data::kMaxMessage ? parse_data_packet (bytes) : std::nullopt;
  if (!packet) {
    ++counters_->malformed;
    return;
  }
  if (reliability == Reliability::Reliable && !dedupe_.accept (packet->sender_sid, packet->sequence)) {
    ++counters_->duplicates;
    return;
  }
  handle ({ std::move (packet->sender_identity), std::move (packet->sender_sid) }, reliability,
          std::move (packet->body));
}

void
DataInlet::handle (const DataSender &sender, Reliability reliability, DataBody body) {
  std::visit (
      Overloaded{
          [&] (UserMessage &message) {
            if (message.id && data::RepeatFilter::is_ours (*message.id)) {
              if (!repeats_.accept (sender.identity, *message.id)) {
                ++counters_->duplicates;
                return;
              }
              message.id.reset (); // it has done its work
            }
            PacketReceived event{ sender, reliability, std::move (message) };
            auto topic = event.message.topic.value_or ("");
            listeners_->tell (event, [&] (const DataFilter &filter) {
              return filter.packets && from (filter, sender) && matches_globs (filter.topics, topic);
            });
          },
          [&] (ChatMessage &message) { tell_chat (sender, message); },
          [&] (Transcription &transcription) { tell_transcription (sender, transcription); },
          [&] (RpcRequest &request) { rpc_.on_request (sender.identity, std::move (request)); },
          [&] (RpcAck &ack) { rpc_.on_ack (sender.identity, ack); },
          [&] (RpcResponse &response) { rpc_.on_response (sender.identity, std::move (response)); },
          [&] (StreamHeader &header) {
            assembler_.on_header (sender.identity, sender.sid, std::move (header));
          },
          [&] (StreamChunk &chunk) {
            if (auto it = strangers_.find (sender.sid); it != strangers_.end ())
              it->second.heard = context_.env.clock->now ();
            assembler_.on_chunk (sender.identity, sender.sid, std::move (chunk));
          },
          [&] (StreamTrailer &trailer) { assembler_.on_trailer (sender.identity, sender.sid, trailer); },
          [&] (EncryptedData &) {
            ++counters_->dropped;
            if (!encrypted_.add (sender.sid)) return;
            GST_WARNING ("%s: %s sends encrypted data, which cannot be read", context_.name.c_str (),
                         sender.identity.c_str ());
            listeners_->tell (EncryptedDataMet{ sender },
                              [&] (const DataFilter &filter) { return from (filter, sender); });
          },
          [&] (auto &) {}, // tones, and what newer protocols bring
      },
      body);
}

void
DataInlet::tell_chat (const DataSender &sender, const ChatMessage &message) {
  if (!chats_.accept (sender.identity, message)) return;
  listeners_->tell (ChatReceived{ sender, message },
                    [&] (const DataFilter &filter) { return filter.chat && from (filter, sender); });
}

void
DataInlet::tell_transcription (const DataSender &sender, const Transcription &transcription) {
  listeners_->tell (TranscriptionReceived{ sender, transcription },
                    [&] (const DataFilter &filter) { return filter.transcription && from (filter, sender); });
}

// ---- who is not in the roster

bool
DataInlet::is_known (const DataSender &sender) const {
  auto it = roster_.participants ().find (sender.identity);
  return it != roster_.participants ().end () && it->second->sid == sender.sid;
}

void
DataInlet::watch_stranger (const DataSender &sender) {
  if (is_known (sender) || strangers_.size () >= kMaxStrangers) return;
  strangers_[sender.sid] = { sender.identity, context_.env.clock->now () };
  if (!strangers_timer_)
    strangers_timer_ = context_.timers->every (kStrangerCheck, [this] { look_after_strangers (); });
}

void
DataInlet::look_after_strangers () {
  auto now = context_.env.clock->now ();
  auto strangers = strangers_; // who hears of an end may open more
  for (const auto &[sid, stranger] : strangers) {
    if (is_known ({ stranger.identity, sid })) {
      strangers_.erase (sid);
    } else if (now - stranger.heard >= kStranger) {
      strangers_.erase (sid);
      assembler_.sender_gone (stranger.identity, sid);
    }
  }
  if (strangers_.empty ()) strangers_timer_.reset ();
}

void
DataInlet::participant_left (const ParticipantInfo &participant) {
  assembler_.sender_gone (participant.identity, participant.sid);
}

void
DataInlet::unbind (const Error &error) {
  assembler_.close (error);
  open_.clear ();
  strangers_.clear ();
  strangers_timer_.reset ();
}

// ---- streams

/// One stream, and the same again over its sender's next connection; an edit under the same id is another.
static std::string
name_of (const data::IncomingStream &stream) {
  const auto *text = std::get_if<TextHeader> (&stream.header.kind);
  return stream.identity + '\0' + stream.header.id.substr (0, 256) + '\0'
         + std::to_string (stream.header.timestamp_ms) + '\0'
         + std::to_string (text ? int (text->operation) : -1);
}

data::StreamWish
DataInlet::on_stream_opened (const data::IncomingStreamPtr &stream) {
  using Use = OpenStream::Use;
  OpenStream open;
  auto info = std::make_shared<StreamInfo> ();
  info->from = { stream->identity, stream->sid };
  info->header = stream->header;
  open.info = info;
  const auto &topic = info->header.topic;
  data::StreamWish wish;
  wish.max_bytes = 0;
  wish.pieces = false;
  if (finished_.contains (name_of (*stream))) {
    ++counters_->duplicates;
    return wish;
  }

  if (stream->is_text () && data::is_rpc_topic (topic)) {
    open.use = Use::Rpc;
    rpc_.on_stream_opened (stream->identity, stream->header);
    wish.wanted = wish.whole = true;
    wish.max_bytes = kMaxRpc;
  } else {
    auto list = listeners_->all ();
    for (const auto &entry : *list) {
      const auto &filter = entry->filter;
      if (!(stream->is_text () ? filter.text_streams : filter.byte_streams) || !from (filter, info->from)
          || !matches_globs (filter.topics, topic))
        continue;
      open.listeners.push_back (entry);
      wish.wanted = true;
      (filter.whole_streams ? wish.whole : wish.pieces) = true;
      wish.max_bytes = std::max<uint64_t> (wish.max_bytes, filter.max_stream_bytes);
    }
    bool chat = stream->is_text () && topic == data::kChatTopic;
    if (chat || (stream->is_text () && topic == data::kTranscriptionTopic)) {
      bool heard = listeners_->any ([&] (const DataFilter &filter) {
        return (chat ? filter.chat : filter.transcription) && from (filter, info->from);
      });
      if (heard) {
        open.use = chat ? Use::Chat : Use::Transcription;
        wish.wanted = wish.whole = true;
        wish.max_bytes = std::max (wish.max_bytes, kMaxMessageText);
      }
    }
  }
  if (!wish.wanted) return wish;
  watch_stranger (info->from);
  auto &added = open_[stream->key] = std::move (open);
  auto listeners = added.listeners; // a listener may end the session
  for (const auto &entry : listeners)
    listeners_->call (entry, StreamOpened{ info });
  return wish;
}

void
DataInlet::on_stream_data (const data::IncomingStreamPtr &stream, uint64_t offset, std::string_view bytes) {
  auto it = open_.find (stream->key);
  if (it == open_.end ()) return;
  std::optional<DataEvent> event;
  for (auto &entry : it->second.listeners) {
    if (!entry || entry->filter.whole_streams) continue;
    if (offset + bytes.size () > entry->filter.max_stream_bytes) {
      listeners_->call (std::exchange (entry, nullptr), StreamEnded{ it->second.info, too_long (), "" });
      continue;
    }
    if (!event) event = StreamData{ it->second.info, offset, std::string (bytes) };
    listeners_->call (entry, *event);
  }
}

void
DataInlet::on_stream_ended (const data::IncomingStreamPtr &stream, const std::optional<Error> &error,
                            std::string whole) {
  using Use = OpenStream::Use;
  auto node = open_.extract (stream->key);
  if (!node) return;
  if (!error) finished_.add (name_of (*stream));
  auto &open = node.mapped ();
  const auto &sender = open.info->from;
  if (open.use == Use::Rpc) {
    if (error)
      rpc_.on_stream_failed (sender.identity, stream->header);
    else
      rpc_.on_stream (sender.identity, stream->header, std::move (whole));
    return;
  }
  auto info = std::make_shared<StreamInfo> (*open.info);
  info->header = stream->header; // with the trailer's attributes
  for (const auto &entry : open.listeners) {
    if (!entry) continue;
    StreamEnded event{ info, error, "" };
    if (!error && entry->filter.whole_streams) {
      if (whole.size () > entry->filter.max_stream_bytes)
        event.error = too_long ();
      else
        event.bytes = whole;
    }
    listeners_->call (entry, event);
  }
  if (error) return;
  if (open.use == Use::Chat) {
    if (auto message = data::chat_from_stream (stream->header, std::move (whole)))
      tell_chat (sender, *message);
  } else if (open.use == Use::Transcription) {
    auto said = data::transcription_from_stream (sender.identity, stream->header, std::move (whole));
    if (said) tell_transcription (sender, *said);
  }
}

} // namespace lk::session
