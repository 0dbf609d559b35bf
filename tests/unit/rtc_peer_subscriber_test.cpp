#include "rtc_peer_util.hpp"

#include <gtest/gtest.h>

namespace lk::test {
namespace {

using rtc::Incoming;
using rtc::PeerState;

/// A subscriber that a plain webrtcbin sends to.
struct SubscriberLoop : rtc::Subscriber::Listener {
  Session session;
  PlainPeer server;
  std::shared_ptr<rtc::Subscriber> subscriber;
  std::string offer;
  std::function<void (const Incoming &)> attach; ///< what to do with a new stream

  // Session thread.
  std::vector<uint32_t> answers;
  std::vector<rtc::ReceiveSection> sections;
  std::map<std::string, Incoming> incoming; // by codec, the newest
  std::map<std::string, CountingSink> sinks;
  std::vector<rtc::SenderReport> reports;
  std::vector<Error> errors;
  std::map<std::string, int> announced;

  SubscriberLoop () {
    attach = [this] (const Incoming &stream) {
      EXPECT_TRUE (subscriber->attach (stream, sinks[stream.codec].make ()));
    };
    session.run ([&] {
      auto created = rtc::Subscriber::create (session.config ("sub"), { "opus", "vp8", "h264" }, *this);
      ASSERT_TRUE (created) << created.error ().message;
      subscriber = *created;
    });
    server.on_candidate = [this] (std::string line) {
      session.queue ()->post ([this, line] {
        if (subscriber) subscriber->add_candidate (line);
      });
    };
  }
  ~SubscriberLoop () override {
    std::promise<void> done;
    session.run ([&] {
      subscriber->close ([&] { done.set_value (); });
      subscriber.reset ();
    });
    EXPECT_EQ (done.get_future ().wait_for (10s), std::future_status::ready);
  }

  void
  on_subscriber_answer (const std::string &sdp, uint32_t id) override {
    answers.push_back (id);
    if (answers.size () == 1) server.take_answer (sdp);
  }
  void
  on_subscriber_candidate (const std::string &candidate) override {
    server.add_candidate (candidate);
  }
  void
  on_subscriber_state (PeerState) override {}
  void
  on_subscriber_sections (const std::vector<rtc::ReceiveSection> &now) override {
    sections = now;
  }
  void
  on_incoming (const Incoming &stream) override {
    ++announced[stream.codec];
    incoming[stream.codec] = stream;
    attach (stream);
  }
  void
  on_sender_report (const rtc::SenderReport &report) override {
    reports.push_back (report);
  }
  void
  on_subscriber_message (rtc::ChannelKind, Ref<GBytes>) override {}
  void
  on_subscriber_failed (const Error &error) override {
    errors.push_back (error);
  }

  void
  start () {
    offer = server.offer ();
    handle (offer, 1);
  }
  void
  handle (const std::string &sdp, uint32_t id) {
    session.run ([&] { subscriber->handle_offer (sdp, id, {}); });
  }
  bool
  eventually (std::function<bool ()> pred) {
    return wait_until ([&] { return session.run (pred); }, 20s);
  }
  bool
  flows (const std::string &codec, uint64_t more = 10) {
    auto packets = [&] { return sinks[codec].packets->load (); };
    auto before = session.run (packets);
    return eventually ([&] { return packets () >= before + more; });
  }
  uint64_t
  rtp_in () {
    return session.run ([&] { return subscriber->activity ().rtp_in; });
  }
  uint32_t
  ssrc (const std::string &codec) {
    return session.run ([&] { return incoming[codec].ssrc; });
  }
  rtc::ReceiverStats
  stats (uint32_t ssrc) {
    std::promise<rtc::ReceiverStats> stats;
    session.run ([&] {
      subscriber->receiver_stats (ssrc, [&] (const rtc::ReceiverStats &s) { stats.set_value (s); });
    });
    return stats.get_future ().get ();
  }
  /// The offer without the video section's track, as the server writes it after an unpublish.
  std::string
  offer_without_video () const {
    std::string out;
    bool video = false;
    for (size_t at = 0; at < offer.size ();) {
      auto end = offer.find ("\r\n", at);
      auto line = offer.substr (at, end - at);
      at = end + 2;
      if (line.starts_with ("m=")) video = line.starts_with ("m=video");
      if (video && (line.starts_with ("a=ssrc") || line.starts_with ("a=msid"))) continue;
      out += (video && line == "a=sendonly" ? "a=recvonly" : line) + "\r\n";
    }
    return out;
  }
};

/// RFC 7741 §4.2, 4.3: of a VP8 packet without CSRCs whose RTP header may have an extension.
bool
starts_key_frame (const std::string &packet) {
  if (packet.size () < 32) return false;
  auto byte = [&] (size_t at) { return uint8_t (packet[at]); };
  size_t at = 12;
  if (byte (0) & 0x10) at += 4 + 4 * (byte (14) << 8 | byte (15));
  auto descriptor = byte (at++);
  if (descriptor & 0x80) {
    auto extended = byte (at++);
    if (extended & 0x80) at += byte (at) & 0x80 ? 2 : 1;
    if (extended & 0x40) ++at;
    if (extended & 0x30) ++at;
  }
  return (descriptor & 0x10) && !(byte (at) & 1);
}

TEST (Subscriber, StreamsAreAnnouncedWithTheirSectionAndCodec) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  EXPECT_TRUE (loop.flows ("opus"));
  EXPECT_TRUE (loop.flows ("vp8"));
  loop.session.run ([&] {
    for (const auto &section : loop.sections) {
      const auto &stream = loop.incoming[section.kind == rtc::MediaKind::Audio ? "opus" : "vp8"];
      EXPECT_EQ (stream.mid, section.mid);
      EXPECT_EQ (stream.ssrc, section.ssrc);
      EXPECT_EQ (section.participant_sid, "PA_1");
    }
    EXPECT_EQ (loop.subscriber->state (), PeerState::Connected);
  });
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Subscriber, NothingIsLostWhileAStreamWaitsForItsSink) {
  SubscriberLoop loop;
  loop.attach = [] (const Incoming &) {};
  loop.server.send (make_bin (kVideoSource)); // one key frame, the very first
  loop.start ();
  ASSERT_TRUE (loop.eventually ([&] { return loop.announced["vp8"] == 1; }));
  auto before = loop.rtp_in ();
  ASSERT_TRUE (wait_until ([&] { return loop.rtp_in () > before + 5; }, 10s));
  loop.session.run (
      [&] { EXPECT_TRUE (loop.subscriber->attach (loop.incoming["vp8"], loop.sinks["vp8"].make ())); });
  ASSERT_TRUE (loop.flows ("vp8"));
  EXPECT_TRUE (starts_key_frame (*loop.sinks["vp8"].first));
}

TEST (Subscriber, EndsWhileStreamsWaitForTheirSinks) {
  SubscriberLoop loop;
  loop.attach = [] (const Incoming &) {};
  loop.server.send (make_bin (kAudioSource));
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  ASSERT_TRUE (loop.eventually ([&] { return loop.announced["opus"] == 1 && loop.announced["vp8"] == 1; }));
  auto before = loop.rtp_in (); // so a thread stands in each pad
  ASSERT_TRUE (wait_until ([&] { return loop.rtp_in () > before + 20; }, 10s));
  auto ended = std::make_shared<std::atomic<bool>> (false);
  loop.session.run ([&] { loop.subscriber->close ([ended] { *ended = true; }); });
  EXPECT_TRUE (wait_until ([&] { return ended->load (); }, 5s));
}

TEST (Subscriber, KeyFrameRequestReachesTheSender) {
  SubscriberLoop loop;
  auto source = make_bin (kVideoSource);
  auto requests = count_keyframe_requests (source.get ());
  loop.server.send (std::move (source));
  loop.start ();
  ASSERT_TRUE (loop.flows ("vp8"));
  auto before = requests->load ();
  loop.subscriber->request_keyframe (loop.ssrc ("vp8")); // from this thread, which is any
  EXPECT_TRUE (wait_until ([&] { return *requests > before; }, 10s));
  EXPECT_GE (loop.stats (loop.ssrc ("vp8")).plis_sent, 1u);
}

TEST (Subscriber, FlowErrorInOneStreamLeavesTheOther) {
  SubscriberLoop loop;
  loop.attach = [&] (const Incoming &stream) {
    auto sink = stream.codec == "opus" ? make_bin ("identity error-after=3 ! fakesink sync=false async=false")
                                       : loop.sinks["vp8"].make ();
    EXPECT_TRUE (loop.subscriber->attach (stream, std::move (sink)));
  };
  loop.server.send (make_bin (kAudioSource));
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  ASSERT_TRUE (loop.eventually ([&] { return loop.announced["opus"] == 1; }));
  EXPECT_TRUE (loop.flows ("vp8", 50));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Subscriber, IgnoredStreamRunsIntoNothing) {
  SubscriberLoop loop;
  loop.attach = [&] (const Incoming &stream) {
    if (stream.codec == "opus")
      loop.subscriber->ignore (stream);
    else
      EXPECT_TRUE (loop.subscriber->attach (stream, loop.sinks["vp8"].make ()));
  };
  loop.server.send (make_bin (kAudioSource));
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  ASSERT_TRUE (loop.eventually ([&] { return loop.announced["opus"] == 1; }));
  EXPECT_TRUE (loop.flows ("vp8", 50));
  // And can still be wanted later.
  loop.session.run (
      [&] { EXPECT_TRUE (loop.subscriber->attach (loop.incoming["opus"], loop.sinks["opus"].make ())); });
  EXPECT_TRUE (loop.flows ("opus"));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Subscriber, DetachedSinkGetsNoMoreAndCanBeReplaced) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.start ();
  ASSERT_TRUE (loop.flows ("opus"));
  auto ssrc = loop.ssrc ("opus");
  loop.session.run ([&] { loop.subscriber->detach (ssrc); });
  auto at_detach = loop.rtp_in ();
  ASSERT_TRUE (wait_until ([&] { return loop.rtp_in () > at_detach + 5; }, 10s));
  auto before = loop.sinks["opus"].packets->load ();
  auto in = loop.rtp_in ();
  ASSERT_TRUE (wait_until ([&] { return loop.rtp_in () > in + 20; }, 10s));
  EXPECT_EQ (loop.sinks["opus"].packets->load (), before);
  loop.session.run (
      [&] { EXPECT_TRUE (loop.subscriber->attach (loop.incoming["opus"], loop.sinks["opus"].make ())); });
  EXPECT_TRUE (loop.flows ("opus"));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Subscriber, DroppedPacketsAreCountedUntilAllowedAgain) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.start ();
  ASSERT_TRUE (loop.flows ("opus"));
  auto ssrc = loop.ssrc ("opus");
  loop.subscriber->set_dropping (ssrc, true);
  EXPECT_TRUE (wait_until ([&] { return loop.stats (ssrc).dropped_paused >= 20; }, 10s));
  loop.subscriber->set_dropping (ssrc, false);
  EXPECT_TRUE (loop.flows ("opus"));
}

TEST (Subscriber, SenderReportsNameTheirStream) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.start ();
  ASSERT_TRUE (loop.eventually ([&] { return !loop.reports.empty (); }));
  loop.session.run ([&] {
    EXPECT_EQ (loop.reports[0].ssrc, loop.sections[0].ssrc);
    EXPECT_NE (loop.reports[0].ntp_time, 0u);
    EXPECT_LE (loop.reports[0].arrival, system_clock ().now ());
  });
}

TEST (Subscriber, OffersAreAnsweredInTheirOrder) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.offer = loop.server.offer ();
  loop.session.run ([&] {
    for (uint32_t id : { 7, 8, 9 })
      loop.subscriber->handle_offer (loop.offer, id, {});
  });
  ASSERT_TRUE (loop.eventually ([&] { return loop.answers.size () == 3; }));
  EXPECT_EQ (loop.session.run ([&] { return loop.answers; }), (std::vector<uint32_t>{ 7, 8, 9 }));
  EXPECT_TRUE (loop.flows ("opus"));
}

TEST (Subscriber, UnparsableOfferFailsOnce) {
  SubscriberLoop loop;
  loop.handle ("v=0\r\nm=rubbish", 1);
  loop.handle ("v=0\r\nm=rubbish", 2);
  loop.session.run ([&] {
    ASSERT_EQ (loop.errors.size (), 1u);
    EXPECT_EQ (loop.errors[0].code, Errc::Protocol);
  });
}

TEST (Subscriber, StreamThatLeavesTheOfferFreesItsThreadsAndMayComeBack) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kAudioSource));
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  ASSERT_TRUE (loop.flows ("opus") && loop.flows ("vp8"));
  // Each jitter buffer's own thread is called so; newer GLib keeps the other, idle, in its pool for a while.
  ASSERT_EQ (thread_count ("timer"), 2u);
  loop.handle (loop.offer_without_video (), 2);
  ASSERT_TRUE (loop.eventually ([&] { return loop.answers.size () == 2; }));
  EXPECT_TRUE (wait_until ([&] { return thread_count ("timer") == 1; }, 20s));
  // The other side sends on: packets that nobody offered make no stream.
  EXPECT_EQ (loop.session.run ([&] { return loop.announced["vp8"]; }), 1);
  EXPECT_TRUE (loop.flows ("opus"));
  loop.handle (loop.offer, 3);
  EXPECT_TRUE (loop.flows ("vp8"));
  EXPECT_EQ (loop.session.run ([&] { return loop.announced["vp8"]; }), 2);
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Subscriber, StreamThatComesBackAtOnceIsAnnouncedAgain) {
  SubscriberLoop loop;
  loop.server.send (make_bin (kVideoSource));
  loop.start ();
  ASSERT_TRUE (loop.flows ("vp8"));
  loop.session.run ([&] {
    loop.subscriber->handle_offer (loop.offer_without_video (), 2, {});
    loop.subscriber->handle_offer (loop.offer, 3, {});
  });
  ASSERT_TRUE (loop.eventually ([&] { return loop.announced["vp8"] == 2; }));
  EXPECT_TRUE (loop.flows ("vp8"));
  EXPECT_TRUE (loop.errors.empty ());
}

} // namespace
} // namespace lk::test
