// What each function of the C API makes of its session, and what it answers.
#include "capi_util.hpp"

#include <cmath>

using namespace lk;
using namespace lk::test;
using session::State;

namespace {

struct StateNote {
  int state, reason;
  std::string message;
  bool operator== (const StateNote &) const = default;
};

void
note_state (void *user, LkConnectionState state, int32_t reason, const char *message) {
  static_cast<Noted<StateNote> *> (user)->add ({ state, reason, message ? message : "" });
}

struct DataNote {
  std::string label, bytes;
  int reliability;
  bool operator== (const DataNote &) const = default;
};

void
note_data (void *user, const uint8_t *bytes, size_t len) {
  static_cast<Noted<std::string> *> (user)->add (std::string (reinterpret_cast<const char *> (bytes), len));
}

void
note_data_ex (void *user, const char *label, LkReliability reliability, const uint8_t *bytes, size_t len) {
  static_cast<Noted<DataNote> *> (user)->add (
      { label, std::string (reinterpret_cast<const char *> (bytes), len), reliability });
}

const uint8_t *
bytes (const char *text) {
  return reinterpret_cast<const uint8_t *> (text);
}

bool
subscribes (FakeSession &session) {
  const auto needs = session.needs ();
  return needs.subscribe && needs.subscribe->automatic && needs.subscribe->kinds == "audio";
}

} // namespace

TEST (CapiCodes, FollowTheDocumentedRangesOrTheExistingImplementation) {
  using capi::Code;
  using capi::number;
  const struct {
    Code code;
    int documented, legacy;
  } rows[] = {
    { Code::NullHandle, 401, 1 },         { Code::BadString, 102, 2 },
    { Code::ConnectFailed, 101, 3 },      { Code::NullPointer, 402, 4 },
    { Code::BadAudio, 301, 5 },           { Code::BadSetting, 403, 5 },
    { Code::DataNotConnected, 203, 6 },   { Code::AudioNotConnected, 304, 6 },
    { Code::AudioRefused, 302, 7 },       { Code::AudioBusy, 303, 8 },
    { Code::AlreadyConnected, 104, 104 }, { Code::LossyTooLarge, 201, 201 },
    { Code::ReliableTooLarge, 202, 202 }, { Code::SendFailed, 203, 203 },
  };
  for (const auto &row : rows) {
    EXPECT_EQ (number (row.code, false), row.documented);
    EXPECT_EQ (number (row.code, true), row.legacy);
  }
}

TEST (CapiConnect, GivesTheSessionUrlTokenAndBackoff) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 200, 3000, 2.0f)), 0);
  EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), 0);
  const auto settings = world.session ()->settings ();
  EXPECT_EQ (settings.url, kUrl);
  EXPECT_EQ (settings.token->reveal (), kToken);
  EXPECT_EQ (settings.reconnect_initial, Millis (200));
  EXPECT_EQ (settings.reconnect_max, Millis (3000));
  EXPECT_EQ (settings.reconnect_multiplier, 2.0);
  EXPECT_TRUE (subscribes (*world.session ()));
  EXPECT_EQ (lk_client_is_ready (us), 1);
  EXPECT_EQ (code (lk_disconnect (us)), 0);
  EXPECT_EQ (world.session ()->users (), 0u);
  EXPECT_EQ (lk_client_is_ready (us), 0);
}

TEST (CapiConnect, ABackoffThatMakesNoSenseIsRefused) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 0, 100, 1.5f)), 403);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 100, 99, 1.5f)), 403);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 100, 500, 0.5f)), 403);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 100, 500, NAN)), 403);
  EXPECT_EQ (code (lk_set_reconnect_backoff (us, 1000, 30000, 2.0f)), 0);
}

TEST (CapiConnect, ErrorsOfTheSessionHaveCodesAndMayBeTriedAgain) {
  World world;
  const struct {
    Errc error;
    int code;
  } rows[] = { { Errc::InvalidUrl, 102 },    { Errc::InvalidToken, 102 }, { Errc::ConnectFailed, 101 },
               { Errc::ResolveFailed, 101 }, { Errc::Timeout, 103 },      { Errc::Unauthorized, 105 },
               { Errc::MissingElement, 101 } };
  Scoped us (world);
  for (const auto &row : rows) {
    world.prepare = [&] (FakeSession &session) {
      session.connect_error = Error{ row.error, Retry::Never, "no" };
    };
    EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), row.code) << to_string (row.error);
    EXPECT_EQ (lk_client_is_ready (us), 0);
  }
  world.prepare = nullptr;
  EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), 0);
}

TEST (CapiConnect, ASecondOneIsRefusedWhileThereIsAConnectionOrAnAttempt) {
  World world;
  world.prepare = [] (FakeSession &session) { session.hold_connect = true; };
  Scoped us (world);
  EXPECT_EQ (code (lk_connect_async (us, kUrl, kToken)), 0);
  EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), 104);
  EXPECT_EQ (code (lk_connect_with_role_async (us, kUrl, kToken, LkRoleBoth)), 104);
  world.session ()->release ();
  ASSERT_TRUE (wait_until ([&] { return lk_client_is_ready (us) == 1; }, 10s));
  EXPECT_EQ (code (lk_connect_with_role (us, kUrl, kToken, LkRoleBoth)), 104);
}

TEST (CapiConnect, ADisconnectEndsAnAttemptThatWaits) {
  World world;
  world.prepare = [] (FakeSession &session) { session.hold_connect = true; };
  Scoped us (world);
  int result = 0;
  std::thread waiting ([&] { result = code (lk_connect (us, kUrl, kToken)); });
  ASSERT_TRUE (
      wait_until ([&] { return world.session () && world.session ()->state () == State::Connecting; }, 10s));
  EXPECT_EQ (code (lk_disconnect (us)), 0);
  waiting.join ();
  EXPECT_EQ (result, 101);
}

TEST (CapiConnect, AllFiveStatesAreToldInOrder) {
  World world;
  Scoped us (world);
  Noted<StateNote> states;
  lk_set_connection_callback (us, note_state, &states);
  EXPECT_EQ (code (lk_connect_async (us, kUrl, kToken)), 0);
  ASSERT_TRUE (wait_until ([&] { return states.size () == 2; }, 10s));
  auto session = world.session ();
  session->end (State::Reconnecting, { Errc::SignalLost, Retry::Resume, "lost" });
  ASSERT_TRUE (wait_until ([&] { return states.size () == 3; }, 10s));
  EXPECT_EQ (lk_client_is_ready (us), 0);
  session->emit_later (session::StateChanged{ State::Reconnecting, State::Connected });
  ASSERT_TRUE (wait_until ([&] { return lk_client_is_ready (us) == 1; }, 10s));
  session->end (State::Disconnected, { Errc::DuplicateIdentity, Retry::Never, "another" });
  ASSERT_TRUE (wait_until ([&] { return states.size () == 5; }, 10s));
  world.prepare = [] (FakeSession &next) {
    next.connect_error = Error{ Errc::Timeout, Retry::Never, "late" };
  };
  lk_free_str (const_cast<char *> (lk_connect (us, kUrl, kToken).message));
  ASSERT_TRUE (wait_until ([&] { return states.size () == 7; }, 10s));
  EXPECT_EQ (code (lk_disconnect (us)), 0);
  const std::vector<StateNote> wanted = { { LkConnConnecting, 0, "" },          { LkConnConnected, 0, "" },
                                          { LkConnReconnecting, 9, "lost" },    { LkConnConnected, 0, "" },
                                          { LkConnDisconnected, 2, "another" }, { LkConnConnecting, 0, "" },
                                          { LkConnFailed, 14, "late" } };
  EXPECT_EQ (states.all (), wanted);
}

TEST (CapiRole, DecidesWhatIsSubscribedAndPublishedAndChangesWithoutLeaving) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_set_role (us, LkRoleBoth, 1)), 106);
  EXPECT_EQ (code (lk_connect_with_role (us, kUrl, kToken, LkRolePublisher)), 0);
  auto session = world.session ();
  EXPECT_FALSE (subscribes (*session));
  int16_t pcm[480] = {};
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000)), 0);
  ASSERT_TRUE (wait_until ([&] { return session->track ("ue-audio") != nullptr; }, 10s));

  EXPECT_EQ (code (lk_set_role (us, LkRoleSubscriber, 1)), 0);
  EXPECT_TRUE (subscribes (*session));
  EXPECT_EQ (session->track ("ue-audio"), nullptr);
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000)), 302);

  EXPECT_EQ (code (lk_set_role (us, LkRoleBoth, 0)), 0);
  EXPECT_FALSE (subscribes (*session));
  ASSERT_TRUE (wait_until ([&] { return session->track ("ue-audio") != nullptr; }, 10s));
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000)), 0);
  EXPECT_EQ (code (lk_set_role (us, LkRole (17), 1)), 403);
  EXPECT_EQ (session->users (), 1u);
}

TEST (CapiToken, IsRefreshedWhileThereIsAConnection) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_refresh_token (us, kToken)), 106);
  lk_connect (us, kUrl, kToken);
  EXPECT_EQ (code (lk_refresh_token (us, "e30.e30.AAAA")), 0);
  EXPECT_EQ (code (lk_refresh_token (us, "no token")), 102);
  EXPECT_EQ (code (lk_refresh_token (us, nullptr)), 102);
  EXPECT_EQ (world.session ()->tokens (), std::vector<std::string>{ "e30.e30.AAAA" });
}

TEST (CapiPublish, TracksWaitForTheConnectionAndComeBackInTheNext) {
  World world;
  Scoped us (world);
  int16_t pcm[960] = {};
  const LkAudioTrackConfig config = { "voice", 24000, 2, 50 };
  LkAudioTrackHandle *track = nullptr;
  EXPECT_EQ (code (lk_audio_track_create (us, &config, &track)), 0);
  EXPECT_EQ (code (lk_audio_track_publish_pcm_i16 (track, pcm, 240)), 304);
  for (size_t round : { 0u, 1u }) {
    EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), 0);
    auto session = world.session (round);
    ASSERT_TRUE (wait_until ([&] { return session->track ("voice") != nullptr; }, 10s));
    EXPECT_EQ (code (lk_audio_track_publish_pcm_i16 (track, pcm, 240)), 0);
    auto published = session->track ("voice");
    EXPECT_TRUE (published->spec ().stereo);
    EXPECT_EQ (published->spec ().codec, "opus");
    ASSERT_TRUE (wait_until ([&] { return !published->sender.sent ().empty (); }, 30s));
    EXPECT_EQ (code (lk_disconnect (us)), 0);
    EXPECT_TRUE (published->unpublished);
  }
  EXPECT_EQ (code (lk_audio_track_destroy (track)), 0);
  EXPECT_EQ (code (lk_audio_track_publish_pcm_i16 (track, pcm, 240)), 401);
}

TEST (CapiPublish, OptionsReachTheTrack) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_set_audio_publish_options (us, 48000, 1, 1)), 0);
  EXPECT_EQ (code (lk_set_audio_publish_options (us, 5999, 0, 0)), 301);
  EXPECT_EQ (code (lk_set_audio_publish_options (us, 510001, 0, 0)), 301);
  lk_connect (us, kUrl, kToken);
  int16_t pcm[960] = {};
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm, 480, 2, 48000)), 0);
  ASSERT_TRUE (wait_until ([&] { return world.session ()->track ("ue-audio") != nullptr; }, 10s));
  const auto spec = world.session ()->track ("ue-audio")->spec ();
  EXPECT_EQ (spec.bitrate_bps, 48000u);
  EXPECT_TRUE (spec.dtx && spec.stereo);
}

TEST (CapiPublish, TheFormatMayChangeAndStatsFollow) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  std::vector<int16_t> pcm (2 * 96000);
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm.data (), 480, 1, 48000)), 0);
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm.data (), 96000, 2, 16000)), 0); // six times the ring
  LkAudioStats stats;
  EXPECT_EQ (code (lk_get_audio_stats (us, &stats)), 0);
  EXPECT_EQ (stats.sample_rate, 16000);
  EXPECT_EQ (stats.channels, 2);
  EXPECT_EQ (stats.ring_capacity_frames, 16000);
  EXPECT_EQ (stats.overruns, 1);
}

TEST (CapiPublish, RingsAreAsDeepAsAskedForWithinTheirLimits) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  for (int buffer_ms : { -5, 0, 1, 50, 100000 }) {
    const LkAudioTrackConfig config = { nullptr, 48000, 1, buffer_ms };
    LkAudioTrackHandle *track = nullptr;
    EXPECT_EQ (code (lk_audio_track_create (us, &config, &track)), 0);
    EXPECT_NE (track, nullptr);
    EXPECT_EQ (code (lk_audio_track_destroy (track)), 0);
  }
}

TEST (CapiPublish, ATrackThatTheServerRefusesSaysSo) {
  World world;
  world.prepare = [] (FakeSession &session) {
    session.publish_error = Error{ Errc::NotAllowed, Retry::Never, "not permitted" };
  };
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  int16_t pcm[480] = {};
  EXPECT_EQ (code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000)), 0);
  EXPECT_TRUE (
      wait_until ([&] { return code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000)) == 302; }, 10s));
}

TEST (CapiData, GoesOutWithItsLabelAndReliability) {
  World world;
  Scoped us (world);
  EXPECT_EQ (code (lk_send_data (us, bytes ("x"), 1, LkReliable)), 203);
  lk_connect (us, kUrl, kToken);
  EXPECT_EQ (code (lk_send_data (us, bytes ("a"), 1, LkReliable)), 0);
  EXPECT_EQ (code (lk_send_data (us, bytes ("b"), 1, LkLossy)), 0);
  EXPECT_EQ (code (lk_send_data_ex (us, bytes ("c"), 1, LkReliable, 0, "own")), 0);
  EXPECT_EQ (code (lk_set_default_data_labels (us, "r", "l")), 0);
  EXPECT_EQ (code (lk_send_data (us, bytes ("d"), 1, LkReliable)), 0);
  EXPECT_EQ (code (lk_send_data (us, nullptr, 0, LkLossy)), 0);
  EXPECT_EQ (code (lk_set_default_data_labels (us, nullptr, nullptr)), 0);
  EXPECT_EQ (code (lk_send_data (us, bytes ("e"), 1, LkReliable)), 0);
  std::vector<DataNote> sent;
  for (const auto &one : world.session ()->port->packets ())
    sent.push_back (
        { *one.topic, one.payload, one.reliability == Reliability::Lossy ? LkLossy : LkReliable });
  const std::vector<DataNote> wanted = { { "mocap-bin-reliable", "a", LkReliable },
                                         { "mocap-bin-lossy", "b", LkLossy },
                                         { "own", "c", LkReliable },
                                         { "r", "d", LkReliable },
                                         { "l", "", LkLossy },
                                         { "mocap-bin-reliable", "e", LkReliable } };
  EXPECT_EQ (sent, wanted);
}

TEST (CapiData, LimitsAndWrongArgumentsHaveCodes) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  const std::string large (15361, 'x');
  EXPECT_EQ (code (lk_send_data (us, bytes (large.c_str ()), 1300, LkLossy)), 0);
  EXPECT_EQ (code (lk_send_data (us, bytes (large.c_str ()), 1301, LkLossy)), 201);
  EXPECT_EQ (code (lk_send_data (us, bytes (large.c_str ()), 15360, LkReliable)), 0);
  EXPECT_EQ (code (lk_send_data (us, bytes (large.c_str ()), 15361, LkReliable)), 202);
  EXPECT_EQ (code (lk_send_data (us, bytes (large.c_str ()), SIZE_MAX, LkReliable)), 202);
  EXPECT_EQ (code (lk_send_data (us, nullptr, 1, LkReliable)), 402);
  EXPECT_EQ (code (lk_send_data (us, bytes ("x"), 1, LkReliability (2))), 403);
  EXPECT_EQ (code (lk_send_data_ex (us, bytes ("x"), 1, LkReliable, 1, "\xc3")), 102);
  EXPECT_EQ (code (lk_set_default_data_labels (us, "\xff", nullptr)), 102);
}

TEST (CapiData, WhileTheChannelIsFullAMegabyteWaitsInOrderAndTheCallerDoesNot) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  auto port = world.session ()->port;
  port->block = true;
  const std::string block (15000, 'x');
  int taken = 0;
  while (taken < 1000 && code (lk_send_data (us, bytes (block.c_str ()), block.size (), LkReliable)) == 0)
    ++taken;
  EXPECT_GE (taken, 60);
  EXPECT_LE (taken, 80);
  EXPECT_EQ (code (lk_send_data (us, bytes ("b"), 1, LkLossy)), 0); // passes
  LkDataStats stats;
  EXPECT_EQ (code (lk_get_data_stats (us, &stats)), 0);
  EXPECT_EQ (stats.reliable_dropped, 1);
  EXPECT_EQ (stats.reliable_sent_bytes, 0);
  EXPECT_EQ (code (lk_send_data (us, bytes ("last"), 4, LkReliable)), 0); // there is room for so little
  port->unblock ();
  ASSERT_TRUE (wait_until ([&] { return port->packets ().size () == size_t (taken) + 2; }, 10s));
  EXPECT_EQ (port->packets ().back ().payload, "last");
  ASSERT_TRUE (wait_until (
      [&] {
        EXPECT_EQ (code (lk_get_data_stats (us, &stats)), 0);
        return stats.reliable_sent_bytes == int64_t (taken) * 15000 + 4;
      },
      10s));
}

TEST (CapiData, WhatWaitsWhenTheClientLeavesIsLostAndCounted) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  world.session ()->port->block = true;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ (code (lk_send_data (us, bytes ("a"), 1, LkReliable)), 0);
  EXPECT_EQ (code (lk_disconnect (us)), 0);
  LkDataStats stats;
  EXPECT_EQ (code (lk_get_data_stats (us, &stats)), 0);
  EXPECT_EQ (stats.reliable_dropped, 3);
}

TEST (CapiData, WhatTheChannelDropsIsCountedAcrossConnections) {
  World world;
  Scoped us (world);
  LkDataStats stats;
  for (int64_t round : { 1, 2 }) {
    lk_connect (us, kUrl, kToken);
    session::DataStats channel;
    channel.lossy_dropped = 5;
    world.newest ()->port->set_stats (channel);
    lk_send_data (us, bytes ("abc"), 3, LkLossy);
    EXPECT_EQ (code (lk_get_data_stats (us, &stats)), 0);
    EXPECT_EQ (stats.lossy_dropped, 5 * round);
    EXPECT_EQ (stats.lossy_sent_bytes, 3 * round);
    lk_disconnect (us);
  }
  EXPECT_EQ (code (lk_get_data_stats (us, &stats)), 0);
  EXPECT_EQ (stats.lossy_dropped, 10);
}

TEST (CapiData, IsHeardWithTopicAndTrueReliabilityAndTheExtendedCallbackWins) {
  World world;
  Scoped us (world);
  Noted<DataNote> extended;
  Noted<std::string> plain;
  lk_client_set_data_callback_ex (us, note_data_ex, &extended);
  lk_client_set_data_callback (us, note_data, &plain);
  lk_connect (us, kUrl, kToken);
  auto port = world.session ()->port;
  port->deliver (packet ("a", "pose"));
  port->deliver (packet ("b", {}, Reliability::Lossy));
  auto info = std::make_shared<session::StreamInfo> ();
  info->from = { "them", "PA_them" };
  info->header.topic = "old";
  info->header.kind = ByteHeader{};
  port->deliver (session::StreamEnded{ info, {}, "c" });
  port->deliver (session::StreamEnded{ info, Error{ Errc::Closed, Retry::Never, "aborted" }, "" });
  ASSERT_TRUE (wait_until ([&] { return extended.size () == 3; }, 10s));
  lk_client_set_data_callback_ex (us, nullptr, nullptr);
  port->deliver (packet ("d"));
  ASSERT_TRUE (wait_until ([&] { return plain.size () == 1; }, 10s));
  const std::vector<DataNote> wanted
      = { { "pose", "a", LkReliable }, { "", "b", LkLossy }, { "old", "c", LkReliable } };
  EXPECT_EQ (extended.all (), wanted);
  EXPECT_EQ (plain.all (), std::vector<std::string>{ "d" });
}

TEST (CapiLog, TakesItsFiveLevels) {
  World world;
  Scoped us (world);
  for (int level = LkLogTrace; level >= LkLogError; --level)
    EXPECT_EQ (code (lk_set_log_level (us, LkLogLevel (level))), 0);
  EXPECT_EQ (code (lk_set_log_level (us, LkLogLevel (5))), 403);
  EXPECT_EQ (code (lk_set_log_level (us, LkLogLevel (-1))), 403);
}
