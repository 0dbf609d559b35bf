#include "session/data_port.hpp"

#include "data/ids.hpp"
#include "data/repeat_filter.hpp"
#include "data/stream_encoder.hpp"
#include "data/text_topics.hpp"
#include "proto/convert_data.hpp"
#include "session/data_reach.hpp"

#include <set>

namespace lk::session {
namespace {

constexpr size_t kMaxDestinations = 1000;

Error
too_large (size_t size, size_t limit, const char *kind) {
  return { Errc::LimitExceeded, Retry::Never,
           std::to_string (size) + " bytes are too much for one " + kind + " packet: the limit is "
               + std::to_string (limit) + ", larger data goes as a stream" };
}

Result<>
check_destinations (const std::vector<std::string> &destinations) {
  if (destinations.size () > kMaxDestinations)
    return Error{ Errc::LimitExceeded, Retry::Never, "more than 1000 destinations; none means everybody" };
  for (const auto &identity : destinations)
    if (identity.empty ())
      return Error{ Errc::Settings, Retry::Never, "a destination is empty; no destination means everybody" };
  return {};
}

/// Streams and messages have ids by which receivers of ours know a repetition.
data::PacketRole
role_of (const DataPacket &packet) {
  if (auto *header = std::get_if<StreamHeader> (&packet.body)) {
    if (header->inline_content) return { .repeatable = true };
    return { .repeatable = true, .stream = header->id, .opens = true };
  }
  if (auto *chunk = std::get_if<StreamChunk> (&packet.body))
    return { .repeatable = true, .stream = chunk->stream_id };
  if (auto *trailer = std::get_if<StreamTrailer> (&packet.body))
    return { .repeatable = true, .stream = trailer->stream_id, .ends = true };
  return { .repeatable = true };
}

/// The way of reliable packets for one caller: on the session thread nobody may wait.
struct Way {
  std::shared_ptr<DataOutlet> outlet;
  std::shared_ptr<TaskQueue> queue;

  Result<>
  send (const DataPacket &packet, const std::stop_token &stop) const {
    auto bytes = serialize_data_packet (packet, Reliability::Reliable);
    if (bytes.size () > data::kMaxPacket) return too_large (bytes.size (), data::kMaxPacket, "reliable");
    auto role = role_of (packet);
    return queue->is_current () ? outlet->post (std::move (bytes), std::move (role))
                                : outlet->send (std::move (bytes), std::move (role), stop);
  }
};

class Writer : public StreamWriter {
public:
  Writer (data::StreamSpec spec, Way way)
      : way_ (std::move (way)),
        encoder_ (std::move (spec), [this] (DataPacket packet) { return take (packet); }) {}
  ~Writer () override {
    aborting_ = true;
    encoder_.abort ("the sender gave up");
  }

  Result<>
  open (const std::stop_token &stop) {
    stop_ = stop;
    return encoder_.open ();
  }
  std::string
  id () const override {
    return encoder_.spec ().id;
  }
  Result<>
  write (std::string_view bytes, std::stop_token stop) override {
    stop_ = std::move (stop);
    return encoder_.write (bytes);
  }
  Result<>
  close (const Attributes &attributes, std::stop_token stop) override {
    stop_ = std::move (stop);
    return encoder_.close (attributes);
  }

private:
  Result<>
  take (const DataPacket &packet) {
    if (!aborting_) return way_.send (packet, stop_);
    return way_.outlet->post (serialize_data_packet (packet, Reliability::Reliable), role_of (packet));
  }

  const Way way_;
  std::stop_token stop_; ///< of the call under way
  bool aborting_ = false;
  data::StreamEncoder encoder_;
};

class Port : public DataPort {
public:
  explicit Port (DataPortParts parts)
      : parts_ (std::move (parts)), way_{ parts_.outlet, parts_.context.queue },
        ids_ (*parts_.context.env.random) {}

  Result<> send (OutgoingPacket packet, std::stop_token stop) override;
  Result<std::unique_ptr<StreamWriter>> open_stream (OutgoingStream spec, std::stop_token stop) override;
  Result<std::string> send_stream (OutgoingStream spec, std::string_view bytes, std::stop_token stop,
                                   std::function<void (uint64_t)> progress) override;
  Result<std::string> send_chat (ChatMessage message, std::vector<std::string> destinations,
                                 std::stop_token stop) override;
  Result<> send_transcription (Transcription transcription, std::stop_token stop) override;
  std::shared_ptr<LocalDataTrack> publish_track (OutgoingDataTrack spec,
                                                 std::optional<Millis> max_latency) override;
  void add_listener (const std::shared_ptr<DataListener> &listener, DataFilter filter) override;
  void remove_listener (const DataListener *listener) override;
  void perform_rpc (RpcCall call, std::function<void (RpcResult)> done) override;
  Result<> serve_rpc (const std::string &method, RpcHandler handler) override;
  void widen_repeat_window (Millis window) override;
  DataStats stats () const override;
  std::optional<Nanos> media_path (const std::string &participant_sid) const override;

private:
  /// Runs `task (room)` on the session thread; false when that has ended.
  template <typename Task>
  bool
  post (Task task) const {
    return parts_.context.queue->post ([weak = parts_.room, task = std::move (task)] () mutable {
      if (auto room = weak.lock ()) task (*room);
    });
  }
  data::StreamSpec to_spec (OutgoingStream stream) const;
  Result<> send_whole (data::StreamSpec spec, std::string_view bytes, const std::stop_token &stop,
                       const std::function<void (uint64_t)> &progress = {});

  const DataPortParts parts_;
  const Way way_;
  data::PacketIds ids_;
  std::mutex lock_;              // leaf
  std::set<std::string> served_; ///< methods
};

Result<>
Port::send (OutgoingPacket packet, std::stop_token stop) {
  if (auto ok = check_destinations (packet.destinations); !ok) return ok;
  bool lossy = packet.reliability == Reliability::Lossy;
  auto limit = lossy ? kMaxLossyPayload : kMaxReliablePayload;
  if (packet.payload.size () > limit)
    return too_large (packet.payload.size (), limit, lossy ? "lossy" : "reliable");
  DataPacket out;
  out.destinations = std::move (packet.destinations);
  UserMessage message;
  message.payload = std::move (packet.payload);
  message.topic = std::move (packet.topic);
  message.start_time = packet.start_time;
  if (!lossy) message.id = ids_.next ();
  out.body = std::move (message);
  if (lossy)
    return parts_.outlet->send_lossy (serialize_data_packet (out, Reliability::Lossy), packet.max_latency);
  return way_.send (out, stop);
}

data::StreamSpec
Port::to_spec (OutgoingStream stream) const {
  data::StreamSpec spec;
  spec.text = stream.text;
  spec.id = stream.id.empty () ? data::make_uuid (*parts_.context.env.random) : std::move (stream.id);
  spec.topic = std::move (stream.topic);
  spec.mime_type = std::move (stream.mime_type);
  spec.name = std::move (stream.name);
  spec.timestamp_ms = parts_.context.env.clock->wall ().count ();
  spec.attributes = std::move (stream.attributes);
  spec.destinations = std::move (stream.destinations);
  spec.total_length = stream.total_length;
  spec.reply_to = std::move (stream.reply_to);
  spec.attached = std::move (stream.attached);
  return spec;
}

Result<std::unique_ptr<StreamWriter>>
Port::open_stream (OutgoingStream stream, std::stop_token stop) {
  if (auto ok = check_destinations (stream.destinations); !ok) return ok.error ();
  auto writer = std::make_unique<Writer> (to_spec (std::move (stream)), way_);
  if (auto ok = writer->open (stop); !ok) return ok.error ();
  return std::unique_ptr<StreamWriter> (std::move (writer));
}

Result<>
Port::send_whole (data::StreamSpec spec, std::string_view bytes, const std::stop_token &stop,
                  const std::function<void (uint64_t)> &progress) {
  auto reach = parts_.snapshot->read (
      [&] (const Snapshot::Data &data) { return reach_of (data.participants, spec.destinations); });
  return data::send_stream (
      std::move (spec), bytes, reach, [&] (DataPacket packet) { return way_.send (packet, stop); }, progress);
}

Result<std::string>
Port::send_stream (OutgoingStream stream, std::string_view bytes, std::stop_token stop,
                   std::function<void (uint64_t)> progress) {
  if (auto ok = check_destinations (stream.destinations); !ok) return ok.error ();
  auto spec = to_spec (std::move (stream));
  auto id = spec.id;
  if (auto ok = send_whole (std::move (spec), bytes, stop, progress); !ok) return ok.error ();
  return id;
}

Result<std::string>
Port::send_chat (ChatMessage message, std::vector<std::string> destinations, std::stop_token stop) {
  if (auto ok = check_destinations (destinations); !ok) return ok.error ();
  if (message.id.empty ()) message.id = data::make_uuid (*parts_.context.env.random);
  if (message.timestamp_ms == 0) message.timestamp_ms = parts_.context.env.clock->wall ().count ();
  DataPacket packet;
  packet.destinations = destinations;
  packet.body = message;
  if (auto ok = way_.send (packet, stop); !ok) return ok.error ();
  auto spec = data::chat_stream (message, std::move (destinations));
  if (auto ok = send_whole (std::move (spec), message.text, stop); !ok) return ok.error ();
  return message.id;
}

Result<>
Port::send_transcription (Transcription transcription, std::stop_token stop) {
  for (const auto &segment : transcription.segments) {
    auto spec = data::transcription_stream (transcription, segment);
    if (spec.id.empty ()) spec.id = data::make_uuid (*parts_.context.env.random);
    spec.timestamp_ms = transcription.timestamp_ms;
    if (spec.timestamp_ms == 0) spec.timestamp_ms = parts_.context.env.clock->wall ().count ();
    if (auto ok = send_whole (std::move (spec), segment.text, stop); !ok) return ok;
  }
  return {};
}

std::shared_ptr<LocalDataTrack>
Port::publish_track (OutgoingDataTrack spec, std::optional<Millis> max_latency) {
  return make_local_track (parts_.context.queue, parts_.tracks, parts_.outlet, spec, max_latency);
}

void
Port::add_listener (const std::shared_ptr<DataListener> &listener, DataFilter filter) {
  auto entry = parts_.listeners->add (listener, std::move (filter));
  if (entry->filter.tracks) post ([entry] (DataRoom &room) { room.tracks ().listener_added (entry); });
}

void
Port::remove_listener (const DataListener *listener) {
  parts_.listeners->remove (listener);
  post ([] (DataRoom &room) { room.tracks ().sync (); });
}

void
Port::perform_rpc (RpcCall call, std::function<void (RpcResult)> done) {
  auto once = std::make_shared<std::function<void (RpcResult)>> (std::move (done));
  bool posted = parts_.context.queue->post ([weak = parts_.room, call = std::move (call), once] () mutable {
    auto finish = [once] (RpcResult result) { (*once) (std::move (result)); };
    if (auto room = weak.lock ())
      room->rpc ().perform (std::move (call), finish);
    else
      finish (data::rpc_error (data::RpcCode::SendFailed));
  });
  // There is no session thread any more.
  if (!posted) (*once) (data::rpc_error (data::RpcCode::SendFailed));
}

Result<>
Port::serve_rpc (const std::string &method, RpcHandler handler) {
  {
    std::lock_guard lock (lock_);
    if (!handler)
      served_.erase (method);
    else if (!served_.insert (method).second)
      return Error{ Errc::Settings, Retry::Never,
                    "the RPC method \"" + method
                        + "\" is served already by another element of this session" };
  }
  post ([method, handler = std::move (handler)] (DataRoom &room) mutable {
    room.rpc ().serve (method, std::move (handler));
  });
  return {};
}

void
Port::widen_repeat_window (Millis window) {
  parts_.outlet->widen_repeat_window (window);
}

DataStats
Port::stats () const {
  DataStats stats;
  parts_.outlet->add_to (stats);
  const auto &counters = *parts_.counters;
  stats.received = counters.received;
  stats.received_bytes = counters.bytes;
  stats.duplicates = counters.duplicates;
  stats.malformed = counters.malformed;
  stats.received_dropped = counters.dropped + counters.transport_drops;
  return stats;
}

std::optional<Nanos>
Port::media_path (const std::string &participant_sid) const {
  return parts_.snapshot->read ([&] (const Snapshot::Data &data) -> std::optional<Nanos> {
    auto it = data.media_paths.find (participant_sid);
    if (it == data.media_paths.end ()) return {};
    return it->second;
  });
}

} // namespace

std::shared_ptr<DataPort>
make_data_port (DataPortParts parts) {
  return std::make_shared<Port> (std::move (parts));
}

} // namespace lk::session
