// Wire messages as a server would send them, for the tests of what reads them.
#pragma once

#include "livekit_wire.pb.h"
#include "proto/convert.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lk::test {

/// Parses what the server would have sent and expects an event of type T.
template <typename T>
T
event_of (const wire::SignalResponse &response) {
  auto parsed = parse_signal_response (response.SerializeAsString ());
  EXPECT_TRUE (parsed.event);
  if (!parsed.event || !std::holds_alternative<T> (*parsed.event)) {
    ADD_FAILURE () << "another kind: " << (parsed.event ? name_of (*parsed.event) : "none");
    return {};
  }
  return std::get<T> (*parsed.event);
}

inline void
fill (wire::TrackInfo *track) {
  track->set_sid ("TR_VCx");
  track->set_type (wire::VIDEO);
  track->set_name ("cam");
  track->set_muted (true);
  track->set_width (1280);
  track->set_height (720);
  track->set_simulcast (true);
  track->set_source (wire::CAMERA);
  track->set_mime_type ("video/H264");
  track->set_mid ("3");
  track->set_disable_red (true);
  track->set_encryption (wire::Encryption::GCM);
  track->set_stream ("camera");
  auto *layer = track->add_layers ();
  layer->set_quality (wire::HIGH);
  layer->set_width (1280);
  layer->set_height (720);
  layer->set_bitrate (1'700'000);
  layer->set_ssrc (4'000'000'000u);
  layer->set_rid ("f");
  auto *codec = track->add_codecs ();
  codec->set_mime_type ("video/H264");
  codec->set_mid ("3");
  codec->set_cid ("cid-1");
  codec->add_layers ()->set_quality (wire::LOW);
  track->add_audio_features (wire::TF_STEREO);
  track->add_audio_features (wire::AudioTrackFeature (99));
}

inline wire::SignalResponse
full_join () {
  wire::SignalResponse response;
  auto *join = response.mutable_join ();
  auto *room = join->mutable_room ();
  room->set_sid ("RM_x");
  room->set_name ("demo");
  room->set_metadata ("m");
  room->set_creation_time (1'700'000'000);
  room->set_num_participants (2);
  room->set_active_recording (true);
  auto *self = join->mutable_participant ();
  self->set_sid ("PA_me");
  self->set_identity ("me");
  self->set_state (wire::ParticipantInfo::JOINED);
  self->set_kind (wire::ParticipantInfo::BRIDGE);
  self->set_joined_at (12);
  self->set_joined_at_ms (12'345);
  (*self->mutable_attributes ())["k"] = "v";
  self->mutable_permission ()->set_can_publish (true);
  self->mutable_permission ()->add_can_publish_sources (wire::SCREEN_SHARE);
  auto *other = join->add_other_participants ();
  other->set_sid ("PA_other");
  other->set_state (wire::ParticipantInfo::ACTIVE);
  fill (other->add_tracks ());
  auto *ice = join->add_ice_servers ();
  ice->add_urls ("turn:h:1?transport=udp");
  ice->set_username ("u");
  ice->set_credential ("c");
  join->mutable_server_info ()->set_version ("1.13.4");
  join->mutable_server_info ()->set_protocol (17);
  join->mutable_server_info ()->set_edition (wire::ServerInfo::Cloud);
  join->mutable_client_configuration ()->set_resume_connection (wire::DISABLED);
  join->mutable_client_configuration ()->set_force_relay (wire::ENABLED);
  join->add_enabled_publish_codecs ()->set_mime ("video/VP8");
  join->add_enabled_publish_codecs ()->set_mime ("audio/opus");
  join->set_subscriber_primary (true);
  join->set_fast_publish (true);
  join->set_alternative_url ("wss://elsewhere");
  join->set_sif_trailer (std::string ("\0\xff", 2));
  join->set_ping_interval (7);
  join->set_ping_timeout (21);
  return response;
}

/// One response of every kind that the wire schema has.
inline std::vector<wire::SignalResponse>
one_of_each () {
  std::vector<wire::SignalResponse> all (29);
  std::size_t i = 0;
  all[i++] = full_join ();
  all[i++].mutable_answer ()->set_sdp ("v=0");
  (*all[i++].mutable_offer ()->mutable_mid_to_track_id ())["1"] = "TR";
  all[i++].mutable_trickle ()->set_candidateinit (R"({"candidate":"candidate:1"})");
  fill (all[i++].mutable_update ()->add_participants ()->add_tracks ());
  fill (all[i++].mutable_track_published ()->mutable_track ());
  all[i++].mutable_leave ()->mutable_regions ()->add_regions ()->set_url ("wss://r");
  all[i++].mutable_mute ()->set_muted (true);
  all[i++].mutable_speakers_changed ()->add_speakers ()->set_level (0.5f);
  all[i++].mutable_room_update ()->mutable_room ()->set_sid ("RM");
  all[i++].mutable_connection_quality ()->add_updates ()->set_score (4);
  all[i++].mutable_stream_state_update ()->add_stream_states ()->set_track_sid ("TR");
  all[i++].mutable_subscribed_quality_update ()->add_subscribed_codecs ()->add_qualities ()->set_enabled (
      true);
  all[i++].mutable_subscription_permission_update ()->set_allowed (true);
  all[i++].set_refresh_token ("t");
  all[i++].mutable_track_unpublished ()->set_track_sid ("TR");
  all[i++].set_pong (1);
  all[i++].mutable_reconnect ()->add_ice_servers ()->add_urls ("stun:h");
  all[i++].mutable_pong_resp ()->set_timestamp (1);
  all[i++].mutable_subscription_response ()->set_track_sid ("TR");
  all[i++].mutable_request_response ()->mutable_add_track ()->set_cid ("c");
  all[i++].mutable_track_subscribed ()->set_track_sid ("TR");
  all[i++].mutable_room_moved ()->add_other_participants ()->set_sid ("PA");
  all[i++].mutable_media_sections_requirement ()->set_num_audios (1);
  all[i++].mutable_subscribed_audio_codec_update ()->add_subscribed_audio_codecs ()->set_enabled (true);
  all[i++].mutable_publish_data_track_response ()->mutable_info ()->set_sid ("DTR");
  all[i++].mutable_unpublish_data_track_response ()->mutable_info ()->set_sid ("DTR");
  (*all[i++].mutable_data_track_subscriber_handles ()->mutable_sub_handles ())[7].set_track_sid ("DTR");
  all[i++].mutable_store_data_blob_response ()->set_request_id (1);
  EXPECT_EQ (i, all.size ());
  return all;
}

} // namespace lk::test
