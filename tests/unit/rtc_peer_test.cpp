#include "rtc_peer_util.hpp"

#include "fakes/fake_time.hpp"

#include <gtest/gtest.h>

namespace lk::test {
namespace {

using rtc::PeerState;

/// A publisher whose offers a plain webrtcbin answers, unless told to hold them.
struct PublisherLoop : LonePublisher {
  std::atomic<bool> hold = false;
  std::atomic<int> offers = 0, negotiated = 0;
  std::atomic<PeerState> state{ PeerState::New };
  std::string last_offer;                  // session thread
  std::set<std::string> candidates, again; // ours, and those that came once more; session thread
  std::vector<Error> errors;

  explicit PublisherLoop (Timers *timers = nullptr) { open (timers); }
  ~PublisherLoop () override { close (); }

  void
  on_publisher_offer (const std::string &sdp, uint32_t id) override {
    last_offer = sdp;
    ++offers;
    if (!hold) publisher->set_answer (server.answer (sdp), id);
  }
  void
  on_publisher_candidate (const std::string &candidate) override {
    if (!candidates.insert (candidate).second) again.insert (candidate);
    server.add_candidate (candidate);
  }
  void
  on_publisher_state (PeerState next) override {
    state = next;
  }
  void
  on_publisher_negotiated () override {
    ++negotiated;
  }
  void
  on_publisher_message (rtc::ChannelKind, Ref<GBytes>) override {}
  void
  on_publisher_failed (const Error &error) override {
    errors.push_back (error);
  }

  rtc::SenderId
  add (rtc::MediaKind kind, const std::string &cid, Ref<GstElement> source) {
    return session.run ([&] {
      rtc::SenderSpec spec;
      spec.kind = kind;
      spec.cid = cid;
      spec.stream = "stream";
      spec.codec = kind == rtc::MediaKind::Audio ? "opus" : "vp8";
      auto id = publisher->add_sender (spec, std::move (source));
      EXPECT_TRUE (id) << id.error ().message;
      publisher->negotiate ();
      return id ? *id : 0;
    });
  }
  rtc::SenderId
  add_audio (const std::string &cid = "a") {
    return add (rtc::MediaKind::Audio, cid, make_bin (kAudioSource));
  }
  rtc::SenderId
  add_video (const std::string &cid = "v") {
    return add (rtc::MediaKind::Video, cid, make_bin (kVideoSource));
  }
  void
  remove (rtc::SenderId id) {
    session.run ([&] {
      publisher->remove_sender (id);
      publisher->negotiate ();
    });
  }
  bool
  flows (const std::string &encoding, uint64_t more = 10) {
    auto before = server.received (encoding);
    return wait_until ([&] { return server.received (encoding) >= before + more; }, 20s);
  }
};

size_t
count_sections (const std::string &sdp) {
  size_t count = 0;
  for (size_t at = sdp.find ("\nm="); at != sdp.npos; at = sdp.find ("\nm=", at + 1))
    ++count;
  return count;
}

TEST (Publisher, AudioAndVideoReachTheServer) {
  PublisherLoop loop;
  loop.add_audio ();
  loop.add_video ();
  EXPECT_TRUE (loop.flows ("OPUS"));
  EXPECT_TRUE (loop.flows ("VP8"));
  EXPECT_EQ (loop.state, PeerState::Connected);
  EXPECT_GE (loop.session.run ([&] { return loop.publisher->activity ().rtp_out; }), 20u);
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, OffersBeforeTheSourceHasSentAnything) {
  PublisherLoop loop;
  // Nothing comes out of it, ever: only its caps can be in the offer.
  loop.add (rtc::MediaKind::Video, "silent",
            make_bin ("appsrc ! rtpvp8pay pt=96 ! "
                      "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000"));
  EXPECT_TRUE (wait_until ([&] { return loop.negotiated == 1; }, 10s));
  EXPECT_NE (loop.session.run ([&] { return loop.last_offer; }).find ("a=msid:stream silent"),
             std::string::npos);
}

TEST (Publisher, KeyFrameRequestReachesTheSource) {
  PublisherLoop loop;
  auto source = make_bin (kVideoSource);
  auto requests = count_keyframe_requests (source.get ());
  loop.add (rtc::MediaKind::Video, "v", std::move (source));
  ASSERT_TRUE (loop.flows ("VP8"));
  auto before = requests->load ();
  loop.server.request_keyframe ("VP8");
  EXPECT_TRUE (wait_until ([&] { return *requests > before; }, 10s));
}

TEST (Publisher, RemovedSenderLeavesTheOthersAloneAndAnotherCanCome) {
  PublisherLoop loop;
  auto audio = loop.add_audio ("first");
  loop.add_video ();
  ASSERT_TRUE (loop.flows ("OPUS") && loop.flows ("VP8"));
  loop.remove (audio);
  ASSERT_TRUE (
      wait_until ([&] { return !loop.session.run ([&] { return loop.publisher->negotiating (); }); }, 10s));
  auto offer = loop.session.run ([&] { return loop.last_offer; });
  EXPECT_NE (offer.find ("a=recvonly"), std::string::npos);
  EXPECT_EQ (offer.find ("first"), std::string::npos);
  EXPECT_TRUE (loop.flows ("VP8"));
  loop.add_audio ("second");
  EXPECT_TRUE (loop.flows ("OPUS"));
  EXPECT_TRUE (loop.flows ("VP8"));
  auto again = loop.session.run ([&] { return loop.last_offer; });
  EXPECT_NE (again.find ("a=msid:stream second"), std::string::npos);
  EXPECT_EQ (count_sections (again), count_sections (offer)) << "the section is used again";
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, RepublishedVideoStartsWithAKeyFrame) {
  PublisherLoop loop;
  auto first = loop.add_video ("first");
  ASSERT_TRUE (loop.flows ("VP8"));
  loop.remove (first);
  ASSERT_TRUE (
      wait_until ([&] { return !loop.session.run ([&] { return loop.publisher->negotiating (); }); }, 10s));
  auto source = make_bin (kVideoSource);
  auto requests = count_keyframe_requests (source.get ());
  // Its first packets are held back until the server knows of them.
  loop.add (rtc::MediaKind::Video, "second", std::move (source));
  EXPECT_TRUE (loop.flows ("VP8"));
  EXPECT_TRUE (wait_until ([&] { return *requests >= 1; }, 10s));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, SenderCanBeRemovedWhileItWaitsForTheAnswer) {
  PublisherLoop loop;
  loop.hold = true;
  auto video = loop.add_video ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  loop.remove (video); // its thread hangs in webrtcbin's pad
  loop.hold = false;
  loop.session.run ([&] { loop.publisher->set_answer (loop.server.answer (loop.last_offer), 1); });
  loop.add_audio ();
  EXPECT_TRUE (loop.flows ("OPUS"));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, RequestsDuringANegotiationBecomeOneMore) {
  PublisherLoop loop;
  loop.hold = true;
  loop.add_audio ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  loop.hold = false;
  loop.session.run ([&] {
    for (int i = 0; i < 5; ++i)
      loop.publisher->negotiate ();
    EXPECT_TRUE (loop.publisher->negotiating ());
    loop.publisher->set_answer (loop.server.answer (loop.last_offer), 1);
  });
  ASSERT_TRUE (wait_until ([&] { return loop.negotiated == 2; }, 10s));
  EXPECT_FALSE (loop.session.run ([&] { return loop.publisher->negotiating (); }));
  EXPECT_EQ (loop.offers, 2);
}

TEST (Publisher, AnswerToAnotherOfferIsDropped) {
  PublisherLoop loop;
  loop.hold = true;
  loop.add_audio ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  loop.session.run ([&] {
    loop.publisher->set_answer ("nothing that could be parsed", 7);
    EXPECT_TRUE (loop.publisher->negotiating ());
    loop.publisher->set_answer (loop.server.answer (loop.last_offer), 1);
  });
  EXPECT_TRUE (loop.flows ("OPUS"));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, WithoutSignallingNothingIsOfferedUntilItRestarts) {
  PublisherLoop loop;
  loop.hold = true;
  loop.add_audio ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  auto first = loop.session.run ([&] {
    loop.publisher->suspend (); // the answer is lost
    loop.publisher->negotiate ();
    return rtc::ice_credentials (loop.last_offer)->ufrag;
  });
  loop.add_video ();
  EXPECT_EQ (loop.offers, 1);
  loop.hold = false;
  loop.session.run ([&] { loop.publisher->restart (); });
  EXPECT_TRUE (loop.flows ("OPUS"));
  EXPECT_TRUE (loop.flows ("VP8"));
  EXPECT_TRUE (loop.errors.empty ());
  // ICE had not begun.
  EXPECT_EQ (loop.session.run ([&] { return rtc::ice_credentials (loop.last_offer)->ufrag; }), first);
}

TEST (Publisher, AnOfferThatIsBeingMadeWhenSignallingEndsIsNotTheEndOfIt) {
  PublisherLoop loop;
  loop.session.run ([&] {
    loop.publisher->negotiate ();
    loop.publisher->suspend ();
  });
  loop.session.run ([&] { loop.publisher->restart (); });
  EXPECT_TRUE (wait_until ([&] { return loop.state == PeerState::Connected; }, 10s));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, ARestartHasOtherCredentialsAndAllCandidatesAgain) {
  PublisherLoop loop;
  loop.add_audio ();
  ASSERT_TRUE (loop.flows ("OPUS"));
  loop.hold = true; // a plain webrtcbin does not restart its side
  auto [before, candidates] = loop.session.run ([&] {
    loop.publisher->suspend ();
    loop.publisher->restart ();
    return std::pair (*rtc::ice_credentials (loop.last_offer), loop.candidates);
  });
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 2; }, 10s));
  auto after = loop.session.run ([&] { return *rtc::ice_credentials (loop.last_offer); });
  EXPECT_NE (after.ufrag, before.ufrag);
  EXPECT_NE (after.pwd, before.pwd);
  EXPECT_EQ (loop.state, PeerState::Connecting);
  EXPECT_TRUE (wait_until ([&] { return loop.session.run ([&] { return loop.again == candidates; }); }, 10s));
  EXPECT_TRUE (loop.flows ("OPUS")); // on the old path, until there is another
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, UnparsableAnswerFailsOnce) {
  PublisherLoop loop;
  loop.hold = true;
  loop.add_audio ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  loop.session.run ([&] {
    loop.publisher->set_answer ("v=0\r\nm=rubbish", 1);
    loop.publisher->set_answer ("v=0\r\nm=rubbish", 1);
    loop.publisher->negotiate ();
    ASSERT_EQ (loop.errors.size (), 1u);
    EXPECT_EQ (loop.errors[0].code, Errc::Protocol);
    EXPECT_EQ (loop.errors[0].retry, Retry::Restart);
  });
}

TEST (Publisher, SilentServerFailsAfterFifteenSeconds) {
  FakeClock clock;
  FakeTimers timers (clock);
  PublisherLoop loop (&timers);
  loop.hold = true;
  loop.add_audio ();
  ASSERT_TRUE (wait_until ([&] { return loop.offers == 1; }, 10s));
  loop.session.run ([&] {
    timers.advance (14s);
    EXPECT_TRUE (loop.errors.empty ());
    timers.advance (2s);
    ASSERT_EQ (loop.errors.size (), 1u);
    EXPECT_EQ (loop.errors[0].code, Errc::Timeout);
  });
}

TEST (Publisher, SourceThatFailsIsNotTheEndOfThePublisher) {
  PublisherLoop loop;
  loop.add_video ();
  loop.add (rtc::MediaKind::Audio, "bad",
            make_bin ("audiotestsrc is-live=true ! opusenc ! identity error-after=5 ! rtpopuspay pt=111 ! "
                      "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000"));
  EXPECT_TRUE (loop.flows ("VP8", 40));
  EXPECT_TRUE (loop.errors.empty ());
}

TEST (Publisher, SourceOfAnotherKindIsRefused) {
  PublisherLoop loop;
  loop.session.run ([&] {
    rtc::SenderSpec spec{ rtc::MediaKind::Audio, "c", "s", "vp8" };
    EXPECT_FALSE (loop.publisher->add_sender (spec, make_bin (kVideoSource)));
    spec.codec = "theora";
    EXPECT_FALSE (loop.publisher->add_sender (spec, make_bin (kVideoSource)));
    spec.codec = "opus";
    EXPECT_FALSE (loop.publisher->add_sender (spec, make_bin ("fakesrc ! fakesink")));
  });
}

TEST (Publisher, StatsTellWhatWasSent) {
  PublisherLoop loop;
  auto id = loop.add_audio ();
  ASSERT_TRUE (loop.flows ("OPUS"));
  std::promise<rtc::SenderStats> stats;
  loop.session.run (
      [&] { loop.publisher->sender_stats (id, [&] (const rtc::SenderStats &s) { stats.set_value (s); }); });
  auto now = stats.get_future ().get ();
  EXPECT_GE (now.packets, 10u);
  EXPECT_GT (now.bytes, now.packets);
  EXPECT_NE (now.ssrc, 0u);
}

TEST (Publisher, LostVideoIsSentAgainUnderTheSsrcThatTheFirstOfferNamed) {
  PublisherLoop loop;
  loop.server.lose_packets ();
  auto id = loop.add_video ();
  loop.add_audio (); // another offer, for which webrtcbin draws another SSRC
  ASSERT_TRUE (loop.flows ("VP8"));
  ASSERT_GE (loop.offers, 2);
  auto retransmitted = [&] {
    std::promise<uint64_t> count;
    loop.session.run ([&] {
      loop.publisher->sender_stats (id,
                                    [&] (const rtc::SenderStats &s) { count.set_value (s.retransmitted); });
    });
    return count.get_future ().get ();
  };
  EXPECT_TRUE (wait_until ([&] { return retransmitted () > 0; }, 20s));
}

TEST (Publisher, FiftyRoundsLeaveNothingBehind) {
  Session session;
  struct Nobody : rtc::Publisher::Listener {
    std::atomic<int> offers = 0;
    void
    on_publisher_offer (const std::string &, uint32_t) override {
      ++offers;
    }
    void
    on_publisher_candidate (const std::string &) override {}
    void
    on_publisher_state (PeerState) override {}
    void
    on_publisher_negotiated () override {}
    void
    on_publisher_message (rtc::ChannelKind, Ref<GBytes>) override {}
    void
    on_publisher_failed (const Error &error) override {
      ADD_FAILURE () << error.message;
    }
  } nobody;
  auto round = [&] {
    nobody.offers = 0;
    auto publisher = session.run ([&] {
      auto created = rtc::Publisher::create (session.config ("pub"), nobody);
      rtc::SenderSpec spec{ rtc::MediaKind::Audio, "c", "s", "opus" };
      EXPECT_TRUE ((*created)->add_sender (spec, make_bin (kAudioSource)));
      (*created)->negotiate ();
      return *created;
    });
    EXPECT_TRUE (wait_until ([&] { return nobody.offers > 0; }, 10s));
    std::promise<void> done;
    session.run ([&] {
      publisher->close ([&] { done.set_value (); });
      publisher.reset ();
    });
    ASSERT_EQ (done.get_future ().wait_for (10s), std::future_status::ready);
  };
  for (int i = 0; i < 5; ++i)
    round ();
  auto threads = thread_count (), descriptors = descriptor_count ();
  for (int i = 0; i < 50; ++i)
    round ();
  EXPECT_TRUE (wait_until (
      [&] { return thread_count () <= threads + 2 && descriptor_count () <= descriptors + 2; }, 20s))
      << thread_count () << " threads after " << threads << ", " << descriptor_count ()
      << " descriptors after " << descriptors;
}

} // namespace
} // namespace lk::test
