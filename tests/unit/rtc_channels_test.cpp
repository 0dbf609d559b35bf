#include "rtc_peer_util.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lk::test {
namespace {

using rtc::ChannelKind;

std::string
numbered (size_t number, size_t size) {
  auto text = std::to_string (number) + ":";
  text.resize (std::max (size, text.size ()), 'x');
  return text;
}
Ref<GBytes>
bytes_of (const std::string &text) {
  return Ref<GBytes>::adopt (g_bytes_new (text.data (), text.size ()));
}

/// What came in, by channel; written on the session thread.
class Received {
public:
  void
  add (ChannelKind kind, const Ref<GBytes> &message) {
    gsize size = 0;
    auto *data = static_cast<const char *> (g_bytes_get_data (message.get (), &size));
    std::lock_guard lock (lock_);
    messages_[kind].emplace_back (data ? data : "", size);
  }
  std::vector<std::string>
  of (ChannelKind kind) {
    std::lock_guard lock (lock_);
    return messages_[kind];
  }

private:
  std::mutex lock_;
  std::map<ChannelKind, std::vector<std::string>> messages_;
};

/// A publisher without media, connected to a plain webrtcbin.
struct DataPublisher : LonePublisher {
  Received received;

  DataPublisher () { open (); }
  ~DataPublisher () override { close (); }

  void
  negotiate () {
    session.run ([&] { publisher->negotiate (); });
  }
  std::shared_ptr<rtc::DataChannel>
  channel (ChannelKind kind) {
    return session.run ([&] { return publisher->channel (kind); });
  }
  std::shared_ptr<rtc::DataChannel>
  open_channel (ChannelKind kind) {
    auto channel = this->channel (kind);
    negotiate ();
    EXPECT_TRUE (wait_until ([&] { return channel->open (); }, 20s));
    return channel;
  }

  void
  on_publisher_offer (const std::string &sdp, uint32_t id) override {
    publisher->set_answer (server.answer (sdp), id);
  }
  void
  on_publisher_candidate (const std::string &candidate) override {
    server.add_candidate (candidate);
  }
  void
  on_publisher_state (rtc::PeerState) override {}
  void
  on_publisher_negotiated () override {}
  void
  on_publisher_message (ChannelKind kind, Ref<GBytes> message) override {
    received.add (kind, message);
  }
  void
  on_publisher_failed (const Error &error) override {
    ADD_FAILURE () << error.message;
  }
};

struct DataSubscriber : rtc::Subscriber::Listener {
  Session session;
  PlainPeer server;
  std::shared_ptr<rtc::Subscriber> subscriber;
  Received received;

  DataSubscriber () {
    session.run ([&] {
      auto created = rtc::Subscriber::create (session.config ("sub"), { "opus" }, *this);
      ASSERT_TRUE (created) << created.error ().message;
      subscriber = *created;
    });
    server.on_candidate = [this] (std::string line) {
      session.queue ()->post ([this, line] { subscriber->add_candidate (line); });
    };
  }
  ~DataSubscriber () override {
    auto done = std::make_shared<std::promise<void>> ();
    session.run ([&] { subscriber->close ([done] { done->set_value (); }); });
    EXPECT_EQ (done->get_future ().wait_for (10s), std::future_status::ready);
  }
  void
  connect () {
    auto offer = server.offer ();
    session.run ([&] { subscriber->handle_offer (offer, 1, {}); });
  }

  void
  on_subscriber_answer (const std::string &sdp, uint32_t) override {
    server.take_answer (sdp);
  }
  void
  on_subscriber_candidate (const std::string &candidate) override {
    server.add_candidate (candidate);
  }
  void
  on_subscriber_state (rtc::PeerState) override {}
  void
  on_subscriber_sections (const std::vector<rtc::ReceiveSection> &) override {}
  void
  on_incoming (const rtc::Incoming &) override {}
  void
  on_sender_report (const rtc::SenderReport &) override {}
  void
  on_subscriber_message (ChannelKind kind, Ref<GBytes> message) override {
    received.add (kind, message);
  }
  void
  on_subscriber_failed (const Error &error) override {
    ADD_FAILURE () << error.message;
  }
};

TEST (Channels, LabelsAreTheServers) {
  EXPECT_STREQ (rtc::label_of (ChannelKind::Reliable), "_reliable");
  EXPECT_STREQ (rtc::label_of (ChannelKind::Lossy), "_lossy");
  EXPECT_STREQ (rtc::label_of (ChannelKind::DataTrack), "_data_track");
}

TEST (Channels, NothingIsSentBeforeTheChannelIsOpen) {
  DataPublisher loop;
  auto channel = loop.channel (ChannelKind::Reliable);
  EXPECT_FALSE (channel->open ());
  EXPECT_FALSE (channel->send (bytes_of ("early")));
  EXPECT_EQ (channel->buffered (), 0u);
}

TEST (Channels, TellWhenTheyOpen) {
  DataPublisher loop;
  auto channel = loop.channel (ChannelKind::Reliable);
  std::atomic<int> opened = 0;
  channel->watch (1000, [&, weak = std::weak_ptr (channel)] {
    auto self = weak.lock ();
    if (self && self->open ()) ++opened;
  });
  loop.negotiate ();
  EXPECT_TRUE (wait_until ([&] { return opened > 0; }, 20s));
  channel->watch (0, {});
}

TEST (Channels, WhereMessagesMayOvertakeNothingIsSentBeforeTheOtherEndHasAccepted) {
  DataPublisher loop;
  loop.server.silence_channels ();
  auto reliable = loop.open_channel (ChannelKind::Reliable);
  ASSERT_TRUE (reliable->send (bytes_of ("first")));
  ASSERT_TRUE (wait_until ([&] { return !loop.server.messages ("_reliable").empty (); }, 20s));
  auto lossy = loop.channel (ChannelKind::Lossy);
  EXPECT_FALSE (wait_until ([&] { return lossy->open (); }, 1s));
  EXPECT_FALSE (lossy->send (bytes_of ("early")));
}

TEST (Channels, AThousandReliableMessagesArriveInOrder) {
  DataPublisher loop;
  auto channel = loop.open_channel (ChannelKind::Reliable);
  constexpr size_t kCount = 1000;
  for (size_t i = 0; i < kCount; ++i)
    ASSERT_TRUE (channel->send (bytes_of (numbered (i, 1000))));
  ASSERT_TRUE (wait_until ([&] { return loop.server.messages ("_reliable").size () == kCount; }, 20s));
  auto messages = loop.server.messages ("_reliable");
  for (size_t i = 0; i < kCount; ++i)
    ASSERT_EQ (messages[i], numbered (i, 1000));
}

TEST (Channels, TheLargestMessageArrivesAndALargerOneIsRefused) {
  DataPublisher loop;
  auto channel = loop.open_channel (ChannelKind::Reliable);
  EXPECT_FALSE (channel->send (bytes_of (std::string (65536, 'x'))));
  EXPECT_FALSE (channel->send (bytes_of ("")));
  EXPECT_TRUE (channel->send (bytes_of (numbered (1, 65535))));
  ASSERT_TRUE (wait_until ([&] { return loop.server.messages ("_reliable").size () == 1; }, 20s));
  EXPECT_EQ (loop.server.messages ("_reliable")[0], numbered (1, 65535));
}

TEST (Channels, FallingToTheLowMarkIsTold) {
  DataPublisher loop;
  auto channel = loop.open_channel (ChannelKind::Reliable);
  // It may fall, and be told, while we are still sending: what counts is the fall from far above.
  std::atomic<bool> full = false, told = false;
  channel->watch (64 * 1024, [&] { told = told || (full && channel->buffered () <= 64 * 1024); });
  for (size_t i = 0; i < 1000 && channel->buffered () < 2'000'000; ++i)
    ASSERT_TRUE (channel->send (bytes_of (numbered (i, 60'000))));
  full = true;
  ASSERT_GT (channel->buffered (), 64u * 1024);
  EXPECT_TRUE (wait_until ([&] { return told.load (); }, 20s));
  EXPECT_LE (channel->buffered (), 64u * 1024);
  EXPECT_TRUE (wait_until ([&] { return channel->buffered () == 0; }, 20s));
  channel->watch (0, {});
}

TEST (Channels, SendingFromAnotherThreadWhileThePeerClosesIsHarmless) {
  for (int round = 0; round < 3; ++round) {
    DataPublisher loop;
    auto channel = loop.open_channel (ChannelKind::Reliable);
    std::atomic<bool> started = false;
    std::thread sender ([&] {
      while (channel->send (bytes_of (numbered (1, 200))))
        started = true;
    });
    EXPECT_TRUE (wait_until ([&] { return started.load (); }, 20s));
    loop.close ();
    sender.join (); // the channel refused
    EXPECT_FALSE (channel->open ());
    EXPECT_EQ (channel->buffered (), 0u);
  }
}

TEST (Channels, ClosedByTheOtherSideTheyRefuse) {
  DataPublisher loop;
  auto channel = loop.open_channel (ChannelKind::Lossy);
  auto other = loop.server.channel ("_lossy");
  ASSERT_TRUE (other);
  g_signal_emit_by_name (other.get (), "close");
  EXPECT_TRUE (wait_until ([&] { return !channel->open (); }, 20s));
  EXPECT_FALSE (channel->send (bytes_of ("late")));
}

TEST (Channels, ThePublishersChannelsReceiveToo) {
  DataPublisher loop;
  loop.open_channel (ChannelKind::Lossy);
  auto other = loop.server.channel ("_lossy");
  ASSERT_TRUE (other);
  g_signal_emit_by_name (other.get (), "send-data", bytes_of ("down").get ());
  EXPECT_TRUE (wait_until ([&] { return loop.received.of (ChannelKind::Lossy).size () == 1; }, 20s));
  EXPECT_EQ (loop.received.of (ChannelKind::Lossy)[0], "down");
}

TEST (Channels, TheSubscriberReceivesFromTheFirstMessageOn) {
  DataSubscriber loop;
  loop.server.open_channel ("_reliable");
  loop.server.open_channel ("_data_track");
  loop.server.open_channel ("something");
  loop.connect ();
  auto reliable = loop.server.channel ("_reliable"), track = loop.server.channel ("_data_track"),
       other = loop.server.channel ("something");
  ASSERT_TRUE (reliable && track && other);
  g_signal_emit_by_name (other.get (), "send-data", bytes_of ("nobody's").get ());
  for (size_t i = 0; i < 600; ++i) // more than one turn of the session thread
    g_signal_emit_by_name (reliable.get (), "send-data", bytes_of (numbered (i, 100)).get ());
  g_signal_emit_by_name (track.get (), "send-data", bytes_of ("frame").get ());
  EXPECT_TRUE (wait_until ([&] { return loop.received.of (ChannelKind::Reliable).size () == 600; }, 20s));
  EXPECT_TRUE (wait_until ([&] { return loop.received.of (ChannelKind::DataTrack).size () == 1; }, 20s));
  auto messages = loop.received.of (ChannelKind::Reliable);
  for (size_t i = 0; i < messages.size (); ++i)
    ASSERT_EQ (messages[i], numbered (i, 100));
  EXPECT_EQ (loop.received.of (ChannelKind::DataTrack)[0], "frame");
  EXPECT_EQ (loop.received.of (ChannelKind::Lossy).size (), 0u);
}

TEST (Channels, TextIsSurvived) {
  DataSubscriber loop;
  loop.server.open_channel ("_reliable");
  loop.connect ();
  auto reliable = loop.server.channel ("_reliable");
  ASSERT_TRUE (reliable);
  g_signal_emit_by_name (reliable.get (), "send-string", "text");
  g_signal_emit_by_name (reliable.get (), "send-data", bytes_of ("end").get ());
  EXPECT_TRUE (wait_until (
      [&] {
        auto messages = loop.received.of (ChannelKind::Reliable);
        return !messages.empty () && messages.back () == "end";
      },
      20s));
  EXPECT_EQ (loop.received.of (ChannelKind::Reliable).front (), "text");
}

} // namespace
} // namespace lk::test
