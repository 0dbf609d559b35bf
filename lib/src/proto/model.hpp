// LiveKit's words as plain values: what the server tells (SignalEvent) and what we ask (SignalCommand).
// Nothing above signal/ sees protobuf; proto/convert.hpp translates. Field meanings: docs/protocol notes of
// each type.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lk {

// Enumerators carry the wire numbers, so conversion is a checked cast.
enum class TrackKind { Audio = 0, Video = 1, Data = 2 };
enum class TrackSource { Unknown = 0, Camera = 1, Microphone = 2, ScreenShare = 3, ScreenShareAudio = 4 };
enum class VideoQuality { Low = 0, Medium = 1, High = 2, Off = 3 };
enum class ConnectionQuality { Poor = 0, Good = 1, Excellent = 2, Lost = 3 };
enum class ParticipantState { Joining = 0, Joined = 1, Active = 2, Disconnected = 3 };
enum class ParticipantKind {
  Standard = 0,
  Ingress = 1,
  Egress = 2,
  Sip = 3,
  Agent = 4,
  Connector = 7,
  Bridge = 8
};
enum class Encryption { None = 0, Gcm = 1, Custom = 2 };
enum class AudioFeature {
  Stereo = 0,
  NoDtx = 1,
  AutoGainControl = 2,
  EchoCancellation = 3,
  NoiseSuppression = 4,
  EnhancedNoiseCancellation = 5,
  PreconnectBuffer = 6
};
enum class PeerTarget { Publisher = 0, Subscriber = 1 };
enum class LeaveAction { Disconnect = 0, Resume = 1, Reconnect = 2 };
enum class DisconnectReason {
  Unknown = 0,
  ClientInitiated = 1,
  DuplicateIdentity = 2,
  ServerShutdown = 3,
  ParticipantRemoved = 4,
  RoomDeleted = 5,
  StateMismatch = 6,
  JoinFailure = 7,
  Migration = 8,
  SignalClose = 9,
  RoomClosed = 10,
  UserUnavailable = 11,
  UserRejected = 12,
  SipTrunkFailure = 13,
  ConnectionTimeout = 14,
  MediaFailure = 15,
  AgentError = 16
};
enum class RequestReason {
  Ok = 0,
  NotFound = 1,
  NotAllowed = 2,
  LimitExceeded = 3,
  Queued = 4,
  UnsupportedType = 5,
  UnclassifiedError = 6,
  InvalidHandle = 7,
  InvalidName = 8,
  DuplicateHandle = 9,
  DuplicateName = 10,
  InvalidRequest = 11
};

using Attributes = std::map<std::string, std::string>;

struct VideoLayer {
  VideoQuality quality = VideoQuality::High;
  uint32_t width = 0, height = 0;
  uint32_t bitrate_bps = 0;
  uint32_t ssrc = 0;
  std::string rid;
};

struct CodecInfo {
  std::string mime_type; ///< "video/VP8", in the case the server uses
  std::string mid, cid;
  std::vector<VideoLayer> layers;
};

/// A published track as the server describes it.
struct TrackInfo {
  std::string sid, name, mime_type, mid, stream;
  TrackKind kind = TrackKind::Audio;
  TrackSource source = TrackSource::Unknown;
  bool muted = false, simulcast = false, disable_red = false, stereo = false, disable_dtx = false;
  uint32_t width = 0, height = 0;
  Encryption encryption = Encryption::None;
  std::vector<VideoLayer> layers;
  std::vector<CodecInfo> codecs;
  std::vector<AudioFeature> audio_features;
};

struct Permission {
  bool can_subscribe = true, can_publish = true, can_publish_data = true;
  bool hidden = false, recorder = false, can_update_metadata = false, agent = false;
  std::vector<TrackSource> can_publish_sources; ///< empty = any
};

struct DataTrackInfo {
  uint32_t pub_handle = 0; ///< the publisher's; a subscriber's packets carry another
  std::string sid, name;
  Encryption encryption = Encryption::None;
};

struct ParticipantInfo {
  std::string sid, identity, name, metadata, region;
  ParticipantState state = ParticipantState::Joining;
  ParticipantKind kind = ParticipantKind::Standard;
  std::vector<TrackInfo> tracks;          ///< complete: a missing sid is an unpublished track
  std::vector<DataTrackInfo> data_tracks; ///< complete, too
  Attributes attributes;
  int64_t joined_at_ms = 0;
  uint32_t version = 0;
  bool is_publisher = false;
  std::optional<Permission> permission;
  DisconnectReason disconnect_reason = DisconnectReason::Unknown;
  int client_protocol = 0;  ///< 1: RPC in streams, 2: streams in one packet
  bool can_inflate = false; ///< CAP_COMPRESSION_DEFLATE_RAW
};

struct RoomInfo {
  std::string sid, name, metadata;
  uint32_t empty_timeout_s = 0, departure_timeout_s = 0, max_participants = 0;
  uint32_t num_participants = 0, num_publishers = 0;
  int64_t creation_time_ms = 0;
  bool active_recording = false;
};

/// One ICE server of the join response; the credential is secret.
struct IceServer {
  std::vector<std::string> urls;
  std::string username, credential;
};

struct ClientConfiguration {
  bool resume_disabled = false; ///< resume_connection = DISABLED
  bool force_relay = false;     ///< force_relay = ENABLED
};

struct ServerInfo {
  std::string version, region, node_id;
  int protocol = 0;
  bool cloud = false;
};

struct RegionInfo {
  std::string region, url;
  int64_t distance = 0;
};

// ---- what the server sends

struct JoinResponse {
  RoomInfo room;
  ParticipantInfo participant;
  std::vector<ParticipantInfo> others;
  std::vector<IceServer> ice_servers;
  std::vector<std::string> enabled_publish_codecs; ///< mime types
  ServerInfo server;
  ClientConfiguration client_configuration;
  std::string alternative_url, sif_trailer;
  bool subscriber_primary = false, fast_publish = false;
  std::chrono::seconds ping_interval{ 5 }, ping_timeout{ 15 };
};
struct ReconnectResponse {
  std::vector<IceServer> ice_servers;
  ClientConfiguration client_configuration;
  ServerInfo server;
  uint32_t last_message_seq = 0;
};
/// An SDP in either direction; `target` says whose. Server answers are for the publisher, its offers for the
/// subscriber.
struct SessionDescription {
  enum class Type { Offer, Answer };
  Type type = Type::Offer;
  std::string sdp;
  uint32_t id = 0;
  std::map<std::string, std::string> mid_to_track; ///< mid → track sid, active sections only
};
struct Trickle {
  PeerTarget target = PeerTarget::Publisher;
  std::string candidate; ///< "candidate:…" without "a="; empty = nothing to add
  bool final = false;
};
struct ParticipantUpdate {
  std::vector<ParticipantInfo> participants;
};
struct TrackPublished {
  std::string cid;
  TrackInfo track;
};
struct TrackUnpublished {
  std::string sid;
};
struct Leave {
  DisconnectReason reason = DisconnectReason::Unknown;
  LeaveAction action = LeaveAction::Disconnect;
  std::vector<RegionInfo> regions;
};
struct MuteTrack {
  std::string sid;
  bool muted = false;
};
struct Speaker {
  std::string participant_sid;
  float level = 0; ///< 0 … 1
  bool active = false;
};
struct SpeakersChanged {
  std::vector<Speaker> speakers; ///< changes only
};
struct RoomUpdate {
  RoomInfo room;
};
struct ConnectionQualityUpdate {
  struct Entry {
    std::string participant_sid;
    ConnectionQuality quality = ConnectionQuality::Excellent;
    float score = 0;
  };
  std::vector<Entry> entries;
};
struct StreamStateUpdate {
  struct Entry {
    std::string participant_sid, track_sid;
    bool paused = false;
  };
  std::vector<Entry> entries;
};
struct SubscribedQualityUpdate {
  struct Codec {
    std::string codec; ///< lower case, short: "vp8"
    std::vector<std::pair<VideoQuality, bool>> qualities;
  };
  std::string track_sid;
  std::vector<Codec> codecs;
};
struct SubscriptionPermissionUpdate {
  std::string participant_sid, track_sid;
  bool allowed = true;
};
struct RefreshToken {
  std::string token; ///< secret
};
struct SubscriptionResponse {
  std::string track_sid;
  enum class Problem { Unknown = 0, CodecUnsupported = 1, TrackNotFound = 2 } problem = Problem::Unknown;
};
/// The server's verdict on one of our requests; most carry no request id, so the request is told by what it
/// echoes.
struct RequestResponse {
  uint32_t request_id = 0;
  RequestReason reason = RequestReason::Ok;
  std::string message;
  std::string add_track_cid; ///< set when it answers an AddTrack
  std::string mute_sid;      ///< set when it answers a MuteTrack
  bool update_metadata = false, trickle = false;
  uint32_t publish_data_track = 0, unpublish_data_track = 0; ///< the handle that it answers for
};
struct TrackSubscribed {
  std::string track_sid;
};
struct RoomMoved {
  RoomInfo room;
  std::string token; ///< secret
  ParticipantInfo participant;
  std::vector<ParticipantInfo> others;
};
struct MediaSectionsRequirement {
  uint32_t num_audios = 0, num_videos = 0;
};
struct SubscribedAudioCodecUpdate {
  std::string track_sid;
  std::vector<std::pair<std::string, bool>> codecs;
};
struct DataTrackPublished {
  DataTrackInfo info;
};
struct DataTrackUnpublished {
  DataTrackInfo info;
};
struct DataTrackSubscriberHandles {
  struct Entry {
    std::string publisher_identity, publisher_sid, track_sid;
  };
  std::map<uint32_t, Entry> handles;
};
/// pong (ms of the server clock) and pong_resp; consumed by the signal client itself.
struct Pong {
  int64_t last_ping_timestamp_ms = 0, timestamp_ms = 0;
};

using SignalEvent
    = std::variant<JoinResponse, ReconnectResponse, SessionDescription, Trickle, ParticipantUpdate,
                   TrackPublished, TrackUnpublished, Leave, MuteTrack, SpeakersChanged, RoomUpdate,
                   ConnectionQualityUpdate, StreamStateUpdate, SubscribedQualityUpdate,
                   SubscriptionPermissionUpdate, RefreshToken, SubscriptionResponse, RequestResponse,
                   TrackSubscribed, RoomMoved, MediaSectionsRequirement, SubscribedAudioCodecUpdate,
                   DataTrackPublished, DataTrackUnpublished, DataTrackSubscriberHandles, Pong>;

// ---- what we send

/// SessionDescription, Trickle and MuteTrack above travel in both directions.
struct AddTrack {
  std::string cid, name, stream;
  TrackKind kind = TrackKind::Audio;
  TrackSource source = TrackSource::Unknown;
  uint32_t width = 0, height = 0;
  bool muted = false, disable_red = true;
  std::vector<VideoLayer> layers;
  std::vector<CodecInfo> codecs; ///< simulcast_codecs: mime_type is the short name ("vp8"), cid set
  std::vector<AudioFeature> audio_features;
  Encryption encryption = Encryption::None;
};
struct UpdateSubscription {
  bool subscribe = true;
  std::vector<std::string> track_sids;
  std::map<std::string, std::vector<std::string>> participant_tracks; ///< participant sid → track sids
};
/// Always carry a quality or a size: neither means LOW to the server.
struct UpdateTrackSettings {
  std::vector<std::string> track_sids;
  bool disabled = false;
  VideoQuality quality = VideoQuality::High;
  uint32_t width = 0, height = 0, fps = 0;
};
struct LeaveRequest {
  DisconnectReason reason = DisconnectReason::ClientInitiated;
};
struct SyncState {
  struct Channel {
    std::string label;
    uint32_t stream = 0; ///< of SCTP
    PeerTarget target = PeerTarget::Publisher;
  };
  struct Received {
    std::string publisher_sid;
    uint32_t last_sequence = 0;
  };
  std::optional<SessionDescription> answer, offer;
  UpdateSubscription subscription;
  std::vector<TrackPublished> publish_tracks;
  std::vector<Channel> data_channels;
  std::vector<std::string> track_sids_disabled;
  std::vector<Received> received; ///< of reliable data
  std::vector<DataTrackInfo> publish_data_tracks;
};
struct UpdateMetadata {
  std::optional<std::string> metadata, name;
  Attributes attributes;
  uint32_t request_id = 0;
};
struct UpdateVideoTrack {
  std::string track_sid;
  uint32_t width = 0, height = 0;
};
struct UpdateAudioTrack {
  std::string track_sid;
  std::vector<AudioFeature> features;
};
struct SimulateScenario {
  enum class Kind {
    SpeakerUpdate,
    NodeFailure,
    Migration,
    ServerLeave,
    SwitchProtocol,
    SubscriberBandwidth,
    DisconnectOnResume,
    DisconnectOnResumeNoMessages,
    LeaveFullReconnect
  };
  Kind kind = Kind::NodeFailure;
  int64_t value = 0; ///< seconds, protocol (0 UDP, 1 TCP, 2 TLS) or bit/s
};
struct PublishDataTrack {
  uint32_t pub_handle = 0; ///< 1 to 65535, unique among ours
  std::string name;        ///< 1 to 256 characters, unique among ours
  Encryption encryption = Encryption::None;
};
struct UnpublishDataTrack {
  uint32_t pub_handle = 0;
};
struct UpdateDataSubscription {
  struct Update {
    std::string track_sid;
    bool subscribe = true;
  };
  std::vector<Update> updates;
};
struct Ping {
  int64_t timestamp_ms = 0, rtt_ms = 0;
};

using SignalCommand
    = std::variant<SessionDescription, Trickle, AddTrack, MuteTrack, UpdateSubscription, UpdateTrackSettings,
                   LeaveRequest, SyncState, UpdateMetadata, UpdateVideoTrack, UpdateAudioTrack,
                   SimulateScenario, PublishDataTrack, UnpublishDataTrack, UpdateDataSubscription, Ping>;

// ---- names

/// Lower-case, dash-separated names as properties, messages and logs use them ("screen-share",
/// "duplicate-identity").
const char *to_string (TrackKind);
const char *to_string (TrackSource);
const char *to_string (VideoQuality);
const char *to_string (ConnectionQuality);
const char *to_string (ParticipantState);
const char *to_string (ParticipantKind);
const char *to_string (DisconnectReason);
const char *to_string (LeaveAction);
const char *to_string (RequestReason);
/// The kind of a message, for logs ("join", "participant-update").
const char *name_of (const SignalEvent &);
const char *name_of (const SignalCommand &);

} // namespace lk
