// Data of a room: packets, streams, RPC, chat, transcription, data tracks. What livekitdatasink,
// livekitdatasrc and the C API use; reached through Session::data().
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "proto/data_model.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace lk::session {

class User;

// Our sending limits. Up to 65,535 bytes are received.
inline constexpr size_t kMaxLossyPayload = 1300, kMaxReliablePayload = 15360;

// ---- what comes in

/// Who sent it; the name is the participant's at that moment.
struct DataSender {
  std::string identity, sid;
};

struct PacketReceived {
  DataSender from;
  Reliability reliability = Reliability::Reliable;
  UserMessage message;
};
struct ChatReceived {
  DataSender from;
  ChatMessage message; ///< from either wire form
};
struct TranscriptionReceived {
  DataSender from;
  Transcription transcription; ///< from either wire form
};

/// A stream's header, shared by its chunks and its end.
struct StreamInfo {
  DataSender from;
  StreamHeader header; ///< without inline content; the trailer's attributes are merged in at the end
  bool
  is_text () const {
    return std::holds_alternative<TextHeader> (header.kind);
  }
};
using StreamInfoPtr = std::shared_ptr<const StreamInfo>;

struct StreamOpened {
  StreamInfoPtr stream;
};
/// Chunks come in order, without gaps, decompressed.
struct StreamData {
  StreamInfoPtr stream;
  uint64_t offset = 0;
  std::string bytes;
};
/// The last word about a stream. With an error it is incomplete: aborted, sender gone, timed out, over a
/// limit.
struct StreamEnded {
  StreamInfoPtr stream;
  std::optional<Error> error;
  std::string bytes; ///< everything, when the listener asked for whole streams and there was no error
};

/// A frame of a data track.
struct TrackFrameReceived {
  DataSender from;
  DataTrackInfo track;
  std::string payload;
  uint32_t timestamp_90k = 0;
  std::optional<uint64_t> user_timestamp;
};
struct DataTrackAppeared {
  DataSender from;
  DataTrackInfo track;
};
struct DataTrackGone {
  DataSender from;
  DataTrackInfo track;
};

/// Data came that only a key opens; it is left out and counted. Once for each sender.
struct EncryptedDataMet {
  DataSender from;
};

using DataEvent
    = std::variant<PacketReceived, ChatReceived, TranscriptionReceived, StreamOpened, StreamData, StreamEnded,
                   TrackFrameReceived, DataTrackAppeared, DataTrackGone, EncryptedDataMet>;

/// What a listener wants. Globs as in base/glob.hpp; empty = all.
struct DataFilter {
  std::string topics, participants; ///< topics: packets' and streams'; names of data tracks
  bool packets = false, text_streams = false, byte_streams = false, chat = false, transcription = false;
  bool tracks = false;                        ///< subscribes to the matching ones
  bool whole_streams = true;                  ///< StreamEnded carries everything, no StreamData comes
  size_t max_stream_bytes = 64 * 1024 * 1024; ///< more ends the stream with Errc::LimitExceeded
};

class DataListener {
public:
  virtual ~DataListener () = default;
  /// Session thread, no lock held; must not block.
  virtual void on_data (const DataEvent &event) = 0;
};

// ---- what goes out

struct OutgoingPacket {
  Reliability reliability = Reliability::Reliable;
  std::string payload;
  std::optional<std::string> topic;
  std::vector<std::string> destinations; ///< identities; empty = everybody else
  /// Lossy only: dropped (and counted) when it has waited longer behind others.
  std::optional<Millis> max_latency;
  std::optional<uint64_t> start_time; ///< of what it is about, in the application's unit
};

struct OutgoingStream {
  bool text = false;
  std::string topic, mime_type, name; ///< mime type "" = the default of the kind; name: byte streams
  Attributes attributes;
  std::vector<std::string> destinations;
  std::optional<uint64_t> total_length;
  std::string id; ///< "" = made
  std::string reply_to;
  std::vector<std::string> attached;
};

/// A stream being written. One thread at a time; destroying it before close() aborts it for the receivers.
class StreamWriter {
public:
  virtual ~StreamWriter () = default;
  virtual std::string id () const = 0;
  /// Blocks while the channel is full. Text is split at character boundaries.
  virtual Result<> write (std::string_view bytes, std::stop_token stop) = 0;
  virtual Result<> close (const Attributes &attributes, std::stop_token stop) = 0;
};

struct OutgoingDataTrack {
  std::string name;
};
/// A published data track; destroying it unpublishes. Waits until the session is connected, comes back after
/// a reconnect.
class LocalDataTrack {
public:
  virtual ~LocalDataTrack () = default;
  virtual std::string sid () const = 0; ///< "" until published
  /// Sends one frame, dropping the oldest waiting ones past `max_latency`. False: dropped (not published,
  /// closed).
  virtual bool push (std::string_view payload, uint32_t timestamp_90k, std::optional<uint64_t> user_timestamp)
      = 0;
  /// Why it ended: refused by the server or revoked. Empty while it waits or stands.
  virtual std::optional<Error> ended () const = 0;
};

struct DataStats {
  uint64_t reliable_sent = 0, reliable_sent_bytes = 0, reliable_dropped = 0;
  /// After a full reconnect: sent again, and not sent again although nobody knows whether they arrived.
  uint64_t repeated = 0, unconfirmed = 0;
  uint64_t lossy_sent = 0, lossy_sent_bytes = 0, lossy_dropped = 0;
  uint64_t track_sent = 0, track_sent_bytes = 0, track_dropped = 0;
  uint64_t received = 0, received_bytes = 0, duplicates = 0, malformed = 0, received_dropped = 0;
  uint64_t buffered = 0; ///< bytes in the reliable channel now
  bool settled = true;   ///< the server has acknowledged what left the channel
};

struct RpcCall {
  std::string destination, method, payload;
  Millis timeout{ 15000 };
};
/// A call from somebody; answer it once, from any thread. Unanswered when dropped: APPLICATION_ERROR.
class RpcInvocation {
public:
  virtual ~RpcInvocation () = default;
  virtual const std::string &id () const = 0;
  virtual const std::string &caller () const = 0; ///< identity
  virtual const std::string &method () const = 0;
  virtual const std::string &payload () const = 0;
  virtual Millis timeout () const = 0;
  virtual void answer (std::variant<std::string, RpcError> result) = 0;
};
using RpcHandler = std::function<void (std::shared_ptr<RpcInvocation>)>;
using RpcResult = std::variant<std::string, RpcError>;

/// Any thread, unless said otherwise. What needs the room works while the session is connected; until then
/// (at most the connect time-out) reliable data waits and lossy data is dropped and counted.
class DataPort {
public:
  virtual ~DataPort () = default;

  // Sending. Those with a stop token block the caller while the channel is full; Errc::Closed when stopped.
  virtual Result<> send (OutgoingPacket packet, std::stop_token stop) = 0;
  virtual Result<std::unique_ptr<StreamWriter>> open_stream (OutgoingStream spec, std::stop_token stop) = 0;
  /// A whole stream: inline or compressed where every receiver can take it. Returns its id. `progress` is
  /// told the bytes taken so far.
  virtual Result<std::string> send_stream (OutgoingStream spec, std::string_view bytes, std::stop_token stop,
                                           std::function<void (uint64_t)> progress)
      = 0;
  /// Both wire forms. Returns the message's id.
  virtual Result<std::string> send_chat (ChatMessage message, std::vector<std::string> destinations,
                                         std::stop_token stop)
      = 0;
  /// A text stream on `lk.transcription`, one per segment id and update.
  virtual Result<> send_transcription (Transcription transcription, std::stop_token stop) = 0;
  /// After a full reconnect reliable packets and streams that were sent up to so long before it are sent
  /// again: receivers of ours know them by their ids, others may get them twice. The widest window counts.
  virtual void widen_repeat_window (Millis window) = 0;
  virtual std::shared_ptr<LocalDataTrack> publish_track (OutgoingDataTrack spec,
                                                         std::optional<Millis> max_latency)
      = 0;

  // Receiving. A listener hears nothing after remove_listener() returned (on the session thread: nothing more
  // after the running call).
  virtual void add_listener (const std::shared_ptr<DataListener> &listener, DataFilter filter) = 0;
  virtual void remove_listener (const DataListener *listener) = 0;

  // RPC. `done` comes once, on the session thread.
  virtual void perform_rpc (RpcCall call, std::function<void (RpcResult)> done) = 0;
  /// Handlers are called on the session thread. Refused while the method has one already; an empty one ends
  /// it.
  virtual Result<> serve_rpc (const std::string &method, RpcHandler handler) = 0;

  virtual DataStats stats () const = 0;

  /// What lies between that participant's clock (since 1970) and CLOCK_MONOTONIC for its sound and picture:
  /// the PTS of a frame minus the time of its capture. Unknown before its first sender report.
  virtual std::optional<Nanos> media_path (const std::string &participant_sid) const = 0;
};

} // namespace lk::session
