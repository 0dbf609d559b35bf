// An engine on fakes, run by the test's own thread: nothing happens behind the test's back.
#pragma once

#include "fakes/fake_peers.hpp"
#include "fakes/fake_time.hpp"
#include "session/engine.hpp"

#include <gtest/gtest.h>

namespace lk::test {

inline TrackInfo
make_track (const std::string &sid, TrackKind kind = TrackKind::Audio, const std::string &name = "") {
  TrackInfo track;
  track.sid = sid;
  track.name = name.empty () ? sid : name;
  track.kind = kind;
  track.mime_type = kind == TrackKind::Audio ? "audio/opus" : "video/VP8";
  track.source = kind == TrackKind::Audio ? TrackSource::Microphone : TrackSource::Camera;
  return track;
}

inline ParticipantInfo
make_participant (const std::string &identity, std::vector<TrackInfo> tracks = {}, uint32_t version = 1) {
  ParticipantInfo info;
  info.identity = identity;
  info.sid = "PA_" + identity;
  info.state = ParticipantState::Active;
  info.tracks = std::move (tracks);
  info.version = version;
  return info;
}

inline rtc::ReceiveSection
make_section (const std::string &mid, const std::string &track_sid, uint32_t ssrc,
              rtc::MediaKind kind = rtc::MediaKind::Audio) {
  rtc::ReceiveSection section;
  section.mid = mid;
  section.kind = kind;
  section.active = !track_sid.empty ();
  section.track_sid = track_sid;
  section.ssrc = ssrc;
  return section;
}

class EngineTest : public ::testing::Test {
protected:
  EngineTest () : timers_ (clock_) {
    main_ = Ref<GMainContext>::adopt (g_main_context_new ());
    queue_ = std::make_shared<TaskQueue> (main_.get ());
    queue_->post ([] {});
    run (); // from now on this thread is the session thread
    session::Environment environment{ parts_, &clock_, &random_,
                                      [] (const char *) { return std::string (); } };
    context_ = { environment, queue_, &timers_, "test" };
    snapshot_ = std::make_shared<session::Snapshot> ();
    engine_ = std::make_shared<session::Engine> (
        context_, snapshot_, [this] (const session::SessionEvent &event) { events_.push_back (event); });
    settings_.url = "ws://example.test";
    settings_.room = "room";
    settings_.identity = "me";
    settings_.api_key = "key";
    settings_.api_secret = Secret ("secret-secret-secret-secret-secret");
  }
  ~EngineTest () override {
    engine_->shut_down ();
    run ();
  }

  void
  run () {
    while (g_main_context_iteration (main_.get (), FALSE)) {
    }
  }
  void
  advance (Millis by) {
    timers_.advance (by);
    run ();
  }

  FakeSignal &
  signal () {
    return parts_->signal ();
  }
  FakePublisher &
  publisher () {
    return parts_->publisher ();
  }
  FakeSubscriber &
  subscriber () {
    return parts_->subscriber ();
  }

  void
  start (bool automatic = true) {
    engine_->start (settings_, automatic);
    run ();
  }
  JoinResponse
  join_response (std::vector<ParticipantInfo> others = {}) {
    JoinResponse join;
    join.room.name = "room";
    join.room.sid = "RM_1";
    join.participant = make_participant ("me");
    join.others = std::move (others);
    join.subscriber_primary = true;
    join.enabled_publish_codecs = { "video/VP8", "video/H264", "audio/opus" };
    return join;
  }
  void
  join (std::vector<ParticipantInfo> others = {}) {
    deliver (join_response (std::move (others)));
  }
  void
  deliver (const SignalEvent &event) {
    signal ().deliver (event);
    run ();
  }
  void
  connect (std::vector<ParticipantInfo> others = {}) {
    start ();
    join (std::move (others));
    subscriber ().connect ();
    run ();
  }

  std::shared_ptr<session::LocalTrackImpl>
  publish (session::PublishSpec spec) {
    auto frames = parts_->make_frame_sender (media::codecs ().front ());
    session::LocalTrackImpl::Port port{ queue_, engine_->publications (), &clock_ };
    auto track
        = std::make_shared<session::LocalTrackImpl> (spec, "cid-" + std::to_string (++cids_), frames, port);
    engine_->publications ()->add (track, this);
    run ();
    return track;
  }
  static session::PublishSpec
  microphone () {
    session::PublishSpec spec;
    spec.name = "mic";
    spec.codec = "opus";
    spec.source = TrackSource::Microphone;
    return spec;
  }
  static session::PublishSpec
  camera () {
    session::PublishSpec spec;
    spec.name = "cam";
    spec.codec = "vp8";
    spec.source = TrackSource::Camera;
    spec.width = 640;
    spec.height = 360;
    spec.bitrate_bps = 600'000;
    return spec;
  }
  void
  acknowledge (const std::string &cid, const std::string &sid) {
    TrackPublished published;
    published.cid = cid;
    published.track = make_track (sid);
    deliver (published);
  }
  /// The publisher offers, the server answers.
  void
  negotiate () {
    publisher ().offer ();
    deliver (SessionDescription{ SessionDescription::Type::Answer, "answer", ++answers_, {} });
  }

  /// The signalling connection is lost and resumed: ICE restarts on both sides.
  void
  resume (uint32_t last_sequence = 0) {
    signal ().lose ({ Errc::SignalLost, Retry::Resume, "broken" });
    advance (Millis (0));
    answer_resume (last_sequence);
    restart_ice ();
  }
  void
  answer_resume (uint32_t last_sequence = 0) {
    ReconnectResponse response;
    response.last_message_seq = last_sequence;
    deliver (response);
  }
  void
  restart_ice () {
    for (auto state : { rtc::PeerState::Connecting, rtc::PeerState::Connected }) {
      subscriber ().set_state (state);
      if (!parts_->publishers.empty ()) publisher ().set_state (state);
    }
    run ();
  }

  /// All events of one kind so far, in order.
  template <typename T>
  std::vector<T>
  events () const {
    std::vector<T> found;
    for (const auto &event : events_)
      if (auto *match = std::get_if<T> (&event)) found.push_back (*match);
    return found;
  }
  template <typename T>
  size_t
  count () const {
    return events<T> ().size ();
  }
  /// Position of the first event of a kind; the end when there is none.
  template <typename T>
  size_t
  position () const {
    for (size_t i = 0; i < events_.size (); ++i)
      if (std::holds_alternative<T> (events_[i])) return i;
    return events_.size ();
  }

  FakeClock clock_;
  FakeTimers timers_;
  FakeRandom random_;
  std::shared_ptr<FakeParts> parts_ = std::make_shared<FakeParts> ();
  Ref<GMainContext> main_;
  std::shared_ptr<TaskQueue> queue_;
  session::Context context_;
  std::shared_ptr<session::Snapshot> snapshot_;
  std::shared_ptr<session::Engine> engine_;
  std::vector<session::SessionEvent> events_;
  session::Settings settings_;
  int cids_ = 0;
  uint32_t answers_ = 0;
};

} // namespace lk::test
