#include "proto/convert.hpp"

#include "base/utf8.hpp"
#include "livekit_wire.pb.h"
#include "proto/candidate.hpp"

#include <algorithm>
#include <limits>

namespace lk {

namespace {

/// Names and metadata come from users; one stray byte in them would make the server refuse the whole message.
std::string
utf8 (const std::string &text) {
  return to_utf8 (text);
}

template <typename Field>
void
write_all (const std::vector<std::string> &from, Field *to) {
  for (const auto &text : from)
    to->Add (utf8 (text));
}

void
write (const VideoLayer &from, wire::VideoLayer *to) {
  to->set_quality (wire::VideoQuality (from.quality));
  to->set_width (from.width);
  to->set_height (from.height);
  to->set_bitrate (from.bitrate_bps);
  to->set_ssrc (from.ssrc);
  to->set_rid (utf8 (from.rid));
}

template <typename Field>
void
write (const std::vector<VideoLayer> &from, Field *to) {
  for (const auto &layer : from)
    write (layer, to->Add ());
}

void
write (const SessionDescription &from, wire::SessionDescription *to) {
  to->set_type (from.type == SessionDescription::Type::Offer ? "offer" : "answer");
  to->set_sdp (utf8 (from.sdp));
  to->set_id (from.id);
  for (const auto &[mid, track] : from.mid_to_track)
    (*to->mutable_mid_to_track_id ())[utf8 (mid)] = utf8 (track);
}

void
write (const TrackInfo &from, wire::TrackInfo *to) {
  to->set_sid (utf8 (from.sid));
  to->set_type (wire::TrackType (from.kind));
  to->set_name (utf8 (from.name));
  to->set_muted (from.muted);
  to->set_width (from.width);
  to->set_height (from.height);
  to->set_simulcast (from.simulcast);
  to->set_disable_dtx (from.disable_dtx);
  to->set_source (wire::TrackSource (from.source));
  write (from.layers, to->mutable_layers ());
  to->set_mime_type (utf8 (from.mime_type));
  to->set_mid (utf8 (from.mid));
  for (const auto &codec : from.codecs) {
    auto *info = to->add_codecs ();
    info->set_mime_type (utf8 (codec.mime_type));
    info->set_mid (utf8 (codec.mid));
    info->set_cid (utf8 (codec.cid));
    write (codec.layers, info->mutable_layers ());
  }
  to->set_stereo (from.stereo);
  to->set_disable_red (from.disable_red);
  to->set_encryption (wire::Encryption::Type (from.encryption));
  to->set_stream (utf8 (from.stream));
  for (auto feature : from.audio_features)
    to->add_audio_features (wire::AudioTrackFeature (feature));
}

void
write (const UpdateSubscription &from, wire::UpdateSubscription *to) {
  to->set_subscribe (from.subscribe);
  write_all (from.track_sids, to->mutable_track_sids ());
  for (const auto &[participant, tracks] : from.participant_tracks) {
    auto *entry = to->add_participant_tracks ();
    entry->set_participant_sid (utf8 (participant));
    write_all (tracks, entry->mutable_track_sids ());
  }
}

/// One overload per command: std::visit refuses to compile when one is missing.
struct RequestWriter {
  wire::SignalRequest &request;

  void
  operator() (const SessionDescription &from) const {
    write (from, from.type == SessionDescription::Type::Offer ? request.mutable_offer ()
                                                              : request.mutable_answer ());
  }

  void
  operator() (const Trickle &from) const {
    auto *to = request.mutable_trickle ();
    to->set_candidateinit (candidate_to_json (utf8 (from.candidate)));
    to->set_target (wire::SignalTarget (from.target));
    to->set_final (from.final);
  }

  void
  operator() (const AddTrack &from) const {
    auto *to = request.mutable_add_track ();
    to->set_cid (utf8 (from.cid));
    to->set_name (utf8 (from.name));
    to->set_type (wire::TrackType (from.kind));
    to->set_width (from.width);
    to->set_height (from.height);
    to->set_muted (from.muted);
    to->set_source (wire::TrackSource (from.source));
    write (from.layers, to->mutable_layers ());
    for (const auto &codec : from.codecs) {
      auto *entry = to->add_simulcast_codecs ();
      entry->set_codec (utf8 (codec.mime_type));
      entry->set_cid (utf8 (codec.cid));
      write (codec.layers, entry->mutable_layers ());
    }
    to->set_disable_red (from.disable_red);
    to->set_encryption (wire::Encryption::Type (from.encryption));
    to->set_stream (utf8 (from.stream));
    for (auto feature : from.audio_features)
      to->add_audio_features (wire::AudioTrackFeature (feature));
  }

  void
  operator() (const MuteTrack &from) const {
    request.mutable_mute ()->set_sid (utf8 (from.sid));
    request.mutable_mute ()->set_muted (from.muted);
  }

  void
  operator() (const UpdateSubscription &from) const {
    write (from, request.mutable_subscription ());
  }

  void
  operator() (const UpdateTrackSettings &from) const {
    auto *to = request.mutable_track_setting ();
    write_all (from.track_sids, to->mutable_track_sids ());
    to->set_disabled (from.disabled);
    to->set_quality (wire::VideoQuality (from.quality));
    to->set_width (from.width);
    to->set_height (from.height);
    to->set_fps (from.fps);
  }

  void
  operator() (const LeaveRequest &from) const {
    request.mutable_leave ()->set_reason (wire::DisconnectReason (from.reason));
    request.mutable_leave ()->set_action (wire::LeaveRequest::DISCONNECT);
  }

  void
  operator() (const SyncState &from) const {
    auto *to = request.mutable_sync_state ();
    if (from.answer) write (*from.answer, to->mutable_answer ());
    if (from.offer) write (*from.offer, to->mutable_offer ());
    write (from.subscription, to->mutable_subscription ());
    for (const auto &published : from.publish_tracks) {
      auto *entry = to->add_publish_tracks ();
      entry->set_cid (utf8 (published.cid));
      write (published.track, entry->mutable_track ());
    }
    for (const auto &channel : from.data_channels) {
      auto *entry = to->add_data_channels ();
      entry->set_label (utf8 (channel.label));
      entry->set_id (channel.stream);
      entry->set_target (wire::SignalTarget (channel.target));
    }
    write_all (from.track_sids_disabled, to->mutable_track_sids_disabled ());
    for (const auto &received : from.received) {
      auto *entry = to->add_datachannel_receive_states ();
      entry->set_publisher_sid (utf8 (received.publisher_sid));
      entry->set_last_seq (received.last_sequence);
    }
    for (const auto &info : from.publish_data_tracks) {
      auto *entry = to->add_publish_data_tracks ()->mutable_info ();
      entry->set_pub_handle (info.pub_handle);
      entry->set_sid (utf8 (info.sid));
      entry->set_name (utf8 (info.name));
      entry->set_encryption (wire::Encryption::Type (info.encryption));
    }
  }

  void
  operator() (const UpdateMetadata &from) const {
    auto *to = request.mutable_update_metadata ();
    if (from.metadata) to->set_metadata (utf8 (*from.metadata));
    if (from.name) to->set_name (utf8 (*from.name));
    for (const auto &[key, value] : from.attributes)
      (*to->mutable_attributes ())[utf8 (key)] = utf8 (value);
    to->set_request_id (from.request_id);
  }

  void
  operator() (const UpdateVideoTrack &from) const {
    auto *to = request.mutable_update_video_track ();
    to->set_track_sid (utf8 (from.track_sid));
    to->set_width (from.width);
    to->set_height (from.height);
  }

  void
  operator() (const UpdateAudioTrack &from) const {
    auto *to = request.mutable_update_audio_track ();
    to->set_track_sid (utf8 (from.track_sid));
    for (auto feature : from.features)
      to->add_features (wire::AudioTrackFeature (feature));
  }

  void
  operator() (const SimulateScenario &from) const {
    using Kind = SimulateScenario::Kind;
    constexpr int64_t kMaxSeconds = std::numeric_limits<int32_t>::max ();
    auto *to = request.mutable_simulate ();
    switch (from.kind) {
    case Kind::SpeakerUpdate:
      to->set_speaker_update (int32_t (std::clamp<int64_t> (from.value, 0, kMaxSeconds)));
      break;
    case Kind::NodeFailure:
      to->set_node_failure (true);
      break;
    case Kind::Migration:
      to->set_migration (true);
      break;
    case Kind::ServerLeave:
      to->set_server_leave (true);
      break;
    case Kind::SwitchProtocol:
      to->set_switch_candidate_protocol (
          wire::CandidateProtocol (std::clamp<int64_t> (from.value, 0, wire::TLS)));
      break;
    case Kind::SubscriberBandwidth:
      to->set_subscriber_bandwidth (from.value);
      break;
    case Kind::DisconnectOnResume:
      to->set_disconnect_signal_on_resume (true);
      break;
    case Kind::DisconnectOnResumeNoMessages:
      to->set_disconnect_signal_on_resume_no_messages (true);
      break;
    case Kind::LeaveFullReconnect:
      to->set_leave_request_full_reconnect (true);
      break;
    }
  }

  void
  operator() (const PublishDataTrack &from) const {
    auto *to = request.mutable_publish_data_track_request ();
    to->set_pub_handle (from.pub_handle);
    to->set_name (utf8 (from.name));
    to->set_encryption (wire::Encryption::Type (from.encryption));
  }

  void
  operator() (const UnpublishDataTrack &from) const {
    request.mutable_unpublish_data_track_request ()->set_pub_handle (from.pub_handle);
  }

  void
  operator() (const UpdateDataSubscription &from) const {
    auto *to = request.mutable_update_data_subscription ();
    for (const auto &update : from.updates) {
      auto *entry = to->add_updates ();
      entry->set_track_sid (utf8 (update.track_sid));
      entry->set_subscribe (update.subscribe);
    }
  }

  void
  operator() (const Ping &from) const {
    request.mutable_ping_req ()->set_timestamp (from.timestamp_ms);
    request.mutable_ping_req ()->set_rtt (from.rtt_ms);
  }
};

} // namespace

std::string
serialize_signal_request (const SignalCommand &command) {
  wire::SignalRequest request;
  std::visit (RequestWriter{ request }, command);
  return request.SerializeAsString ();
}

} // namespace lk
