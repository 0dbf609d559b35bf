// The data of a room without a room: keeps what elements send, blocks or refuses when told, and delivers what
// the test says on a thread of its own.
//
//   session->port->deliver (session::PacketReceived{ … });      // to the listeners that asked for such
//   session->port->block = true;  …  session->port->unblock ();
//   session->port->refuse (Error{ … });                         // every later send
#pragma once

#include "base/glob.hpp"
#include "base/task_queue.hpp"
#include "session/data.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

namespace lk::test {

class FakeRpcInvocation : public session::RpcInvocation {
public:
  FakeRpcInvocation (std::string id, std::string caller, std::string method, std::string payload,
                     Millis timeout = Millis (8000))
      : id_ (std::move (id)), caller_ (std::move (caller)), method_ (std::move (method)),
        payload_ (std::move (payload)), timeout_ (timeout) {}
  const std::string &
  id () const override {
    return id_;
  }
  const std::string &
  caller () const override {
    return caller_;
  }
  const std::string &
  method () const override {
    return method_;
  }
  const std::string &
  payload () const override {
    return payload_;
  }
  Millis
  timeout () const override {
    return timeout_;
  }
  void
  answer (session::RpcResult result) override {
    std::lock_guard guard (lock_);
    if (!answer_) answer_ = std::move (result);
  }

  // The test's side.
  std::optional<session::RpcResult>
  answered () const {
    std::lock_guard guard (lock_);
    return answer_;
  }

private:
  const std::string id_, caller_, method_, payload_;
  const Millis timeout_;
  mutable std::mutex lock_;
  std::optional<session::RpcResult> answer_;
};

class FakeDataTrack : public session::LocalDataTrack {
public:
  struct Frame {
    std::string payload;
    uint32_t timestamp_90k;
    std::optional<uint64_t> user_timestamp;
  };
  FakeDataTrack (session::OutgoingDataTrack spec, std::optional<Millis> max_latency)
      : spec (std::move (spec)), max_latency (max_latency) {}

  std::string
  sid () const override {
    std::lock_guard guard (lock_);
    return sid_;
  }
  bool
  push (std::string_view payload, uint32_t timestamp_90k, std::optional<uint64_t> user_timestamp) override {
    std::lock_guard guard (lock_);
    if (sid_.empty () || ended_) return false;
    frames_.push_back ({ std::string (payload), timestamp_90k, user_timestamp });
    return true;
  }
  std::optional<Error>
  ended () const override {
    std::lock_guard guard (lock_);
    return ended_;
  }

  // The test's side.
  const session::OutgoingDataTrack spec;
  const std::optional<Millis> max_latency;
  std::vector<Frame>
  frames () const {
    std::lock_guard guard (lock_);
    return frames_;
  }
  void
  set_sid (std::string sid) {
    std::lock_guard guard (lock_);
    sid_ = std::move (sid);
  }
  void
  end (Error error) {
    std::lock_guard guard (lock_);
    ended_ = std::move (error);
  }

private:
  mutable std::mutex lock_;
  std::string sid_ = "DTR_fake";
  std::vector<Frame> frames_;
  std::optional<Error> ended_;
};

class FakeDataPort : public session::DataPort, public std::enable_shared_from_this<FakeDataPort> {
public:
  /// A stream as the element wrote it.
  struct Stream {
    session::OutgoingStream spec;
    std::string bytes;
    bool whole = false, closed = false, aborted = false; ///< whole: by send_stream()
    Attributes closing;                                  ///< the attributes given to close()
  };
  struct Chat {
    ChatMessage message;
    std::vector<std::string> destinations;
  };
  struct Call {
    session::RpcCall call;
    std::function<void (session::RpcResult)> done;
  };

  // The test's side ----------------------------------------------------------------------------------------

  /// While true, everything with a stop token waits as if the channel were full.
  std::atomic<bool> block{ false };
  std::atomic<int> waiting{ 0 }; ///< senders that wait now
  void
  unblock () {
    {
      std::lock_guard guard (lock_);
      block = false;
    }
    changed_.notify_all ();
  }
  /// What every later send ends with; empty = works again.
  void
  refuse (std::optional<Error> error) {
    std::lock_guard guard (lock_);
    refusal_ = std::move (error);
  }
  /// To every listener that asked for it, on the port's thread.
  void
  deliver (session::DataEvent event) {
    thread_.queue ()->post ([this, event = std::move (event)] {
      std::vector<Entry> entries;
      {
        std::lock_guard guard (lock_);
        entries = listeners_;
      }
      for (const auto &entry : entries)
        if (wants (entry.filter, event)) entry.listener->on_data (event);
    });
  }
  /// Somebody calls a method that the element serves. False: nobody serves it.
  bool
  call (std::shared_ptr<FakeRpcInvocation> invocation) {
    session::RpcHandler handler;
    {
      std::lock_guard guard (lock_);
      if (auto it = handlers_.find (invocation->method ()); it != handlers_.end ()) handler = it->second;
    }
    if (!handler) return false;
    thread_.queue ()->post ([handler, invocation] { handler (invocation); });
    return true;
  }
  void
  on_thread (std::function<void ()> fn) {
    thread_.queue ()->post (std::move (fn));
  }
  void
  set_media_path (const std::string &participant_sid, Nanos path) {
    std::lock_guard guard (lock_);
    media_paths_[participant_sid] = path;
  }
  void
  set_stats (session::DataStats stats) {
    std::lock_guard guard (lock_);
    stats_ = stats;
  }
  std::vector<session::OutgoingPacket>
  packets () const {
    std::lock_guard guard (lock_);
    return packets_;
  }
  std::vector<Stream>
  streams () const {
    std::lock_guard guard (lock_);
    std::vector<Stream> copies;
    for (const auto &stream : streams_)
      copies.push_back (*stream);
    return copies;
  }
  std::vector<Chat>
  chats () const {
    std::lock_guard guard (lock_);
    return chats_;
  }
  std::vector<Transcription>
  transcriptions () const {
    std::lock_guard guard (lock_);
    return transcriptions_;
  }
  /// Those that the element has not let go, in order of publishing.
  std::vector<std::shared_ptr<FakeDataTrack>>
  tracks () const {
    std::lock_guard guard (lock_);
    std::vector<std::shared_ptr<FakeDataTrack>> alive;
    for (const auto &weak : tracks_)
      if (auto track = weak.lock ()) alive.push_back (std::move (track));
    return alive;
  }
  std::vector<session::DataFilter>
  filters () const {
    std::lock_guard guard (lock_);
    std::vector<session::DataFilter> filters;
    for (const auto &entry : listeners_)
      filters.push_back (entry.filter);
    return filters;
  }
  /// Calls that wait for the test to answer them by `done`, on the port's thread.
  std::vector<Call>
  calls () const {
    std::lock_guard guard (lock_);
    return calls_;
  }
  bool
  serves (const std::string &method) const {
    std::lock_guard guard (lock_);
    return handlers_.count (method) != 0;
  }

  // DataPort -----------------------------------------------------------------------------------------------

  Result<>
  send (session::OutgoingPacket packet, std::stop_token stop) override {
    std::unique_lock guard (lock_);
    if (packet.reliability == Reliability::Reliable)
      if (auto ok = wait (guard, stop); !ok) return ok;
    if (refusal_) return *refusal_;
    packets_.push_back (std::move (packet));
    return {};
  }
  Result<std::unique_ptr<session::StreamWriter>>
  open_stream (session::OutgoingStream spec, std::stop_token stop) override {
    std::unique_lock guard (lock_);
    if (auto ok = wait (guard, stop); !ok) return ok.error ();
    if (refusal_) return *refusal_;
    return std::unique_ptr<session::StreamWriter> (
        std::make_unique<Writer> (shared_from_this (), add_stream (std::move (spec))));
  }
  Result<std::string>
  send_stream (session::OutgoingStream spec, std::string_view bytes, std::stop_token stop,
               std::function<void (uint64_t)> progress) override {
    std::string id;
    {
      std::unique_lock guard (lock_);
      if (auto ok = wait (guard, stop); !ok) return ok.error ();
      if (refusal_) return *refusal_;
      auto stream = add_stream (std::move (spec));
      stream->bytes = bytes;
      stream->whole = stream->closed = true;
      id = stream->spec.id;
    }
    if (progress) progress (bytes.size ());
    return id;
  }
  Result<std::string>
  send_chat (ChatMessage message, std::vector<std::string> destinations, std::stop_token stop) override {
    std::unique_lock guard (lock_);
    if (auto ok = wait (guard, stop); !ok) return ok.error ();
    if (refusal_) return *refusal_;
    if (message.id.empty ()) message.id = "chat-" + std::to_string (chats_.size () + 1);
    chats_.push_back ({ message, std::move (destinations) });
    return message.id;
  }
  Result<>
  send_transcription (Transcription transcription, std::stop_token stop) override {
    std::unique_lock guard (lock_);
    if (auto ok = wait (guard, stop); !ok) return ok;
    if (refusal_) return *refusal_;
    transcriptions_.push_back (std::move (transcription));
    return {};
  }
  std::shared_ptr<session::LocalDataTrack>
  publish_track (session::OutgoingDataTrack spec, std::optional<Millis> max_latency) override {
    std::lock_guard guard (lock_);
    auto track = std::make_shared<FakeDataTrack> (std::move (spec), max_latency);
    if (refusal_) track->end (*refusal_);
    tracks_.push_back (track);
    return track;
  }
  void
  add_listener (const std::shared_ptr<session::DataListener> &listener, session::DataFilter filter) override {
    std::lock_guard guard (lock_);
    listeners_.push_back ({ listener, std::move (filter) });
  }
  void
  remove_listener (const session::DataListener *listener) override {
    std::vector<Entry> gone;
    {
      std::lock_guard guard (lock_);
      auto is_it = [&] (const Entry &entry) { return entry.listener.get () == listener; };
      std::copy_if (listeners_.begin (), listeners_.end (), std::back_inserter (gone), is_it);
      std::erase_if (listeners_, is_it);
    }
    // As in the real one: a call under way on another thread is awaited.
    if (thread_.queue ()->is_current ()) return;
    auto passed = std::make_shared<std::promise<void>> ();
    if (thread_.queue ()->post ([passed] { passed->set_value (); })) passed->get_future ().wait ();
  }
  void
  perform_rpc (session::RpcCall call, std::function<void (session::RpcResult)> done) override {
    std::lock_guard guard (lock_);
    calls_.push_back ({ std::move (call), std::move (done) });
  }
  Result<>
  serve_rpc (const std::string &method, session::RpcHandler handler) override {
    std::lock_guard guard (lock_);
    if (!handler)
      handlers_.erase (method);
    else if (!handlers_.emplace (method, std::move (handler)).second)
      return Error{ Errc::Settings, Retry::Never, "the RPC method is served already" };
    return {};
  }
  void
  widen_repeat_window (Millis window) override {
    std::lock_guard guard (lock_);
    repeat_window_ = std::max (repeat_window_, window);
  }
  Millis
  repeat_window () const {
    std::lock_guard guard (lock_);
    return repeat_window_;
  }
  std::optional<Nanos>
  media_path (const std::string &participant_sid) const override {
    std::lock_guard guard (lock_);
    auto it = media_paths_.find (participant_sid);
    return it == media_paths_.end () ? std::nullopt : std::optional (it->second);
  }
  session::DataStats
  stats () const override {
    std::lock_guard guard (lock_);
    return stats_;
  }

private:
  using StreamPtr = std::shared_ptr<Stream>;
  struct Entry {
    std::shared_ptr<session::DataListener> listener;
    session::DataFilter filter;
  };

  class Writer : public session::StreamWriter {
  public:
    Writer (std::shared_ptr<FakeDataPort> port, StreamPtr stream)
        : port_ (std::move (port)), stream_ (std::move (stream)) {}
    ~Writer () override {
      std::lock_guard guard (port_->lock_);
      stream_->aborted = !stream_->closed;
    }
    std::string
    id () const override {
      return stream_->spec.id;
    }
    Result<>
    write (std::string_view bytes, std::stop_token stop) override {
      std::unique_lock guard (port_->lock_);
      if (auto ok = port_->wait (guard, stop); !ok) return ok;
      if (port_->refusal_) return *port_->refusal_;
      stream_->bytes += bytes;
      return {};
    }
    Result<>
    close (const Attributes &attributes, std::stop_token stop) override {
      std::unique_lock guard (port_->lock_);
      if (auto ok = port_->wait (guard, stop); !ok) return ok;
      if (port_->refusal_) return *port_->refusal_;
      stream_->closing = attributes;
      stream_->closed = true;
      return {};
    }

  private:
    const std::shared_ptr<FakeDataPort> port_;
    const StreamPtr stream_;
  };

  Result<>
  wait (std::unique_lock<std::mutex> &guard, const std::stop_token &stop) {
    ++waiting;
    bool free = changed_.wait (guard, stop, [this] { return !block; });
    --waiting;
    if (!free || stop.stop_requested ()) return Error{ Errc::Closed, Retry::Never, "stopped" };
    return {};
  }
  StreamPtr
  add_stream (session::OutgoingStream spec) {
    if (spec.id.empty ()) spec.id = "stream-" + std::to_string (streams_.size () + 1);
    streams_.push_back (std::make_shared<Stream> (Stream{ std::move (spec), "", false, false, false, {} }));
    return streams_.back ();
  }

  template <typename... Fn> struct Overloaded : Fn... { using Fn::operator()...; };
  template <typename... Fn> Overloaded (Fn...) -> Overloaded<Fn...>;

  static bool
  wants (const session::DataFilter &filter, const session::DataEvent &event) {
    auto from = [&] (const session::DataSender &sender) {
      return matches_globs (filter.participants, sender.identity);
    };
    auto stream = [&] (const session::StreamInfoPtr &info) {
      return (info->is_text () ? filter.text_streams : filter.byte_streams) && from (info->from)
             && matches_globs (filter.topics, info->header.topic);
    };
    auto track = [&] (const session::DataSender &sender, const DataTrackInfo &info) {
      return filter.tracks && from (sender) && matches_globs (filter.topics, info.name);
    };
    return std::visit (
        Overloaded{
            [&] (const session::PacketReceived &e) {
              return filter.packets && from (e.from)
                     && matches_globs (filter.topics, e.message.topic.value_or (""));
            },
            [&] (const session::ChatReceived &e) { return filter.chat && from (e.from); },
            [&] (const session::TranscriptionReceived &e) { return filter.transcription && from (e.from); },
            [&] (const session::StreamOpened &e) { return stream (e.stream); },
            [&] (const session::StreamData &e) { return !filter.whole_streams && stream (e.stream); },
            [&] (const session::StreamEnded &e) { return stream (e.stream); },
            [&] (const session::TrackFrameReceived &e) { return track (e.from, e.track); },
            [&] (const session::DataTrackAppeared &e) { return track (e.from, e.track); },
            [&] (const session::DataTrackGone &e) { return track (e.from, e.track); },
            [&] (const session::EncryptedDataMet &e) { return from (e.from); },
        },
        event);
  }

  mutable std::mutex lock_;
  std::condition_variable_any changed_;
  std::optional<Error> refusal_;
  std::vector<session::OutgoingPacket> packets_;
  std::vector<StreamPtr> streams_;
  std::vector<Chat> chats_;
  std::vector<Transcription> transcriptions_;
  std::vector<std::weak_ptr<FakeDataTrack>> tracks_;
  std::vector<Entry> listeners_;
  std::vector<Call> calls_;
  std::map<std::string, session::RpcHandler> handlers_;
  session::DataStats stats_;
  std::map<std::string, Nanos> media_paths_;
  Millis repeat_window_{ 0 };
  SessionThread thread_{ "fake-data" };
};

} // namespace lk::test
