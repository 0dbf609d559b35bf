// The other side of a peer connection for the rtc tests: a plain webrtcbin that plays the server, and the
// thread that plays the session.
#pragma once

#include "base/task_queue.hpp"
#include "fakes/wait.hpp"
#include "rtc/publisher.hpp"
#include "rtc/subscriber.hpp"

#include <gst/video/video.h>
#include <gst/webrtc/webrtc.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>

namespace lk::test {

using namespace std::chrono_literals;
using Counter = std::shared_ptr<std::atomic<uint64_t>>;

inline Counter
make_counter () {
  return std::make_shared<std::atomic<uint64_t>> (0);
}

/// A session thread on which a test's calls run one after the other.
class Session {
public:
  Session () : thread_ ("test") { gst_init (nullptr, nullptr); }
  template <typename Fn>
  auto
  run (Fn fn) -> decltype (fn ()) {
    using Value = decltype (fn ());
    std::promise<Value> promise;
    thread_.queue ()->post ([&] {
      if constexpr (std::is_void_v<Value>) {
        fn ();
        promise.set_value ();
      } else {
        promise.set_value (fn ());
      }
    });
    return promise.get_future ().get ();
  }
  rtc::PeerConfig
  config (const char *name, Timers *timers = nullptr) {
    rtc::PeerConfig config;
    config.name = name;
    config.queue = thread_.queue ();
    config.timers = timers ? timers : &thread_;
    return config;
  }
  const std::shared_ptr<TaskQueue> &
  queue () {
    return thread_.queue ();
  }

private:
  SessionThread thread_;
};

/// A bin from a launch line whose element "out" gives the pad "src", or whose first unlinked sink gives
/// "sink".
inline Ref<GstElement>
make_bin (const std::string &launch) {
  auto bin = Ref<GstElement>::sink (gst_parse_bin_from_description (launch.c_str (), FALSE, nullptr));
  for (auto [direction, name] : { std::pair (GST_PAD_SRC, "src"), std::pair (GST_PAD_SINK, "sink") })
    if (auto pad = Ref<GstPad>::adopt (gst_bin_find_unlinked_pad (GST_BIN (bin.get ()), direction)))
      gst_element_add_pad (bin.get (), gst_ghost_pad_new (name, pad.get ()));
  return bin;
}

inline const std::string kAudioSource
    = "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! "
      "rtpopuspay pt=111 ! "
      "application/"
      "x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2";
inline const std::string kVideoSource
    = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=25/1 ! "
      "vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=100000 ! rtpvp8pay pt=96 ! "
      "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000";

/// Counts key frame requests that arrive at the source's encoder.
inline Counter
count_keyframe_requests (GstElement *source) {
  auto counter = make_counter ();
  auto encoder = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (source), "encoder"));
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (encoder.get (), "src"));
  gst_pad_add_probe (
      pad.get (), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
        if (gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info)))
          ++**static_cast<Counter *> (data);
        return GST_PAD_PROBE_OK;
      },
      new Counter (counter), [] (gpointer data) { delete static_cast<Counter *> (data); });
  return counter;
}

/// A sink that counts packets; the first one's payload is kept.
struct CountingSink {
  Counter packets = make_counter ();
  std::shared_ptr<std::string> first = std::make_shared<std::string> ();

  Ref<GstElement>
  make () {
    auto bin = make_bin ("fakesink name=end sync=false async=false");
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (bin.get (), "sink"));
    gst_pad_add_probe (
        pad.get (), GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
          auto &self = *static_cast<CountingSink *> (data);
          if (*self.packets == 0) {
            char bytes[64];
            self.first->assign (
                bytes, gst_buffer_extract (GST_PAD_PROBE_INFO_BUFFER (info), 0, bytes, sizeof bytes));
          }
          ++*self.packets;
          return GST_PAD_PROBE_OK;
        },
        new CountingSink (*this), [] (gpointer data) { delete static_cast<CountingSink *> (data); });
    return bin;
  }
};

/// A webrtcbin without any of our code around it. Its methods wait for its own thread.
class PlainPeer {
public:
  std::function<void (std::string)> on_candidate; ///< its thread

  PlainPeer () {
    pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
    webrtc_ = Ref<GstElement>::sink (gst_element_factory_make ("webrtcbin", "plain"));
    gst_util_set_object_arg (G_OBJECT (webrtc_.get ()), "bundle-policy", "max-bundle");
    gst_bin_add (GST_BIN (pipeline_.get ()), webrtc_.get ());
    // GStreamer 1.26 writes no report by send time before somebody has distributed the latency.
    auto rtpbin = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (webrtc_.get ()), "rtpbin"));
    g_object_set (rtpbin.get (), "rtcp-sync-send-time", FALSE, nullptr);
    g_signal_connect (webrtc_.get (), "on-ice-candidate",
                      G_CALLBACK (+[] (GstElement *, guint, gchar *candidate, PlainPeer *self) {
                        if (self->on_candidate) self->on_candidate (candidate);
                      }),
                      this);
    g_signal_connect (webrtc_.get (), "pad-added",
                      G_CALLBACK (+[] (GstElement *, GstPad *pad, PlainPeer *self) {
                        if (GST_PAD_IS_SRC (pad)) self->receive (pad);
                      }),
                      this);
    g_signal_connect (webrtc_.get (), "on-data-channel",
                      G_CALLBACK (+[] (GstElement *, GstWebRTCDataChannel *channel, PlainPeer *self) {
                        self->listen (channel);
                      }),
                      this);
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
  }
  ~PlainPeer () { gst_element_set_state (pipeline_.get (), GST_STATE_NULL); }

  /// From the first negotiation on: what it says on data channels, their acceptance too, gets lost.
  void
  silence_channels () {
    auto on_element = +[] (GstBin *, GstBin *, GstElement *element, gpointer) {
      if (g_str_has_prefix (GST_OBJECT_NAME (element), "sctpenc"))
        g_signal_connect (element, "pad-added", G_CALLBACK (on_channel_pad), nullptr);
    };
    g_signal_connect (webrtc_.get (), "deep-element-added", G_CALLBACK (on_element), nullptr);
  }
  /// From the first negotiation on: asks for retransmission and loses one packet in ten.
  void
  lose_packets () {
    g_signal_connect (webrtc_.get (), "on-new-transceiver",
                      G_CALLBACK (+[] (GstElement *, GObject *transceiver) {
                        g_object_set (transceiver, "do-nack", TRUE, nullptr);
                      }),
                      nullptr);
    auto rtpbin = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (webrtc_.get ()), "rtpbin"));
    g_signal_connect (rtpbin.get (), "pad-added", G_CALLBACK (+[] (GstElement *, GstPad *pad) {
                        if (!g_str_has_prefix (GST_PAD_NAME (pad), "recv_rtp_sink_")) return;
                        gst_pad_add_probe (
                            pad, GST_PAD_PROBE_TYPE_BUFFER,
                            [] (GstPad *, GstPadProbeInfo *, gpointer) {
                              static std::atomic<unsigned> count = 0;
                              return ++count % 10 == 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
                            },
                            nullptr, nullptr);
                      }),
                      nullptr);
  }
  /// Adds a source that it will offer.
  void
  send (Ref<GstElement> source) {
    auto *bin = source.get ();
    gst_bin_add (GST_BIN (pipeline_.get ()), source.release ());
    auto sink = Ref<GstPad>::adopt (gst_element_request_pad_simple (webrtc_.get (), "sink_%u"));
    Ref<GstWebRTCRTPTransceiver> transceiver;
    g_object_get (sink.get (), "transceiver", transceiver.out (), nullptr);
    g_object_set (transceiver.get (), "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, nullptr);
    auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (bin, "src"));
    g_assert_cmpint (gst_pad_link (src.get (), sink.get ()), ==, GST_PAD_LINK_OK);
    gst_element_sync_state_with_parent (bin);
    g_assert_true (wait_until (
        [&] { return bool (Ref<GstCaps>::adopt (gst_pad_get_current_caps (sink.get ()))); }, 10s));
  }
  /// An offer as the server writes it: with a=msid, which webrtcbin 1.22 leaves out, and without bundle-only.
  std::string
  offer () {
    auto text = describe ("create-offer", "offer");
    set ("set-local-description", GST_WEBRTC_SDP_TYPE_OFFER, text);
    std::string out, mid;
    for (size_t at = 0; at < text.size ();) {
      auto end = text.find ("\r\n", at);
      auto line = text.substr (at, end - at);
      at = end + 2;
      // The rest of the bundle is offered like the first section.
      if (line == "a=bundle-only") continue;
      if (line.starts_with ("m=video 0 ") || line.starts_with ("m=audio 0 ")) line[8] = '9';
      out += line + "\r\n";
      if (line.starts_with ("a=mid:"))
        out += "a=msid:PA_1|TR_" + line.substr (6) + " TR_" + line.substr (6) + "\r\n";
    }
    return out;
  }
  /// Like the real server, and unlike webrtcbin, it goes on when a stopped section starts again.
  std::string
  answer (std::string offer) {
    constexpr std::string_view kStopped = "a=recvonly", kRuns = "a=sendonly";
    for (size_t at = 0; (at = offer.find (kStopped, at)) != offer.npos;)
      offer.replace (at, kStopped.size (), kRuns);
    set ("set-remote-description", GST_WEBRTC_SDP_TYPE_OFFER, offer);
    auto text = describe ("create-answer", "answer");
    set ("set-local-description", GST_WEBRTC_SDP_TYPE_ANSWER, text);
    return text;
  }
  void
  take_answer (const std::string &answer) {
    set ("set-remote-description", GST_WEBRTC_SDP_TYPE_ANSWER, answer);
  }
  void
  add_candidate (const std::string &line) {
    g_signal_emit_by_name (webrtc_.get (), "add-ice-candidate", 0u, line.c_str ());
  }

  /// Opens a data channel; before the first offer.
  void
  open_channel (const char *label) {
    Ref<GstWebRTCDataChannel> channel;
    g_signal_emit_by_name (webrtc_.get (), "create-data-channel", label, nullptr, channel.out ());
    listen (channel.get ());
  }
  /// An open channel, ours or theirs; null when there is none within 20 s.
  Ref<GstWebRTCDataChannel>
  channel (const std::string &label) {
    Ref<GstWebRTCDataChannel> found;
    wait_until (
        [&] {
          std::lock_guard lock (lock_);
          auto it = channels_.find (label);
          if (it == channels_.end ()) return false;
          GstWebRTCDataChannelState state;
          g_object_get (it->second.get (), "ready-state", &state, nullptr);
          if (state == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN) found = it->second;
          return bool (found);
        },
        20s);
    return found;
  }
  /// What came on a channel, in order.
  std::vector<std::string>
  messages (const std::string &label) {
    std::lock_guard lock (lock_);
    return messages_[label];
  }

  /// Packets received of that encoding ("VP8").
  uint64_t
  received (const std::string &encoding) {
    std::lock_guard lock (lock_);
    uint64_t sum = 0;
    for (auto &[name, stream] : streams_)
      if (name == encoding) sum += *stream.first;
    return sum;
  }
  void
  request_keyframe (const std::string &encoding) {
    std::lock_guard lock (lock_);
    for (auto &[name, stream] : streams_)
      if (name == encoding)
        gst_pad_send_event (stream.second.get (),
                            gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
  }

private:
  static void
  on_channel_pad (GstElement *, GstPad *pad) {
    if (GST_PAD_IS_SINK (pad))
      gst_pad_add_probe (
          pad, GST_PAD_PROBE_TYPE_BUFFER,
          [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_DROP; }, nullptr, nullptr);
  }
  std::string
  describe (const char *signal, const char *field) {
    auto promise = Ref<GstPromise>::adopt (gst_promise_new ());
    g_signal_emit_by_name (webrtc_.get (), signal, nullptr, promise.get ());
    g_assert_cmpint (gst_promise_wait (promise.get ()), ==, GST_PROMISE_RESULT_REPLIED);
    GstWebRTCSessionDescription *description = nullptr;
    gst_structure_get (gst_promise_get_reply (promise.get ()), field, GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                       &description, nullptr);
    CString text (gst_sdp_message_as_text (description->sdp));
    gst_webrtc_session_description_free (description);
    return text.get ();
  }
  void
  set (const char *signal, GstWebRTCSDPType type, const std::string &text) {
    GstSDPMessage *message = nullptr;
    gst_sdp_message_new_from_text (text.c_str (), &message);
    auto *description = gst_webrtc_session_description_new (type, message);
    auto promise = Ref<GstPromise>::adopt (gst_promise_new ());
    g_signal_emit_by_name (webrtc_.get (), signal, description, promise.get ());
    gst_promise_wait (promise.get ());
    gst_webrtc_session_description_free (description);
  }
  void
  listen (GstWebRTCDataChannel *channel) {
    gchar *raw = nullptr;
    g_object_get (channel, "label", &raw, nullptr);
    CString label (raw);
    g_signal_connect (channel, "on-message-data",
                      G_CALLBACK (+[] (GstWebRTCDataChannel *from, GBytes *bytes, PlainPeer *self) {
                        gchar *name = nullptr;
                        g_object_get (from, "label", &name, nullptr);
                        gsize size = 0;
                        auto *data = static_cast<const char *> (g_bytes_get_data (bytes, &size));
                        std::lock_guard lock (self->lock_);
                        self->messages_[CString (name).get ()].emplace_back (data, size);
                      }),
                      this);
    std::lock_guard lock (lock_);
    channels_[label.get ()] = Ref<GstWebRTCDataChannel>::retain (channel);
  }
  void
  receive (GstPad *pad) {
    CountingSink sink;
    auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad));
    auto *bin = sink.make ().release ();
    gst_bin_add (GST_BIN (pipeline_.get ()), bin);
    gst_object_unref (bin);
    gst_element_sync_state_with_parent (bin);
    auto target = Ref<GstPad>::adopt (gst_element_get_static_pad (bin, "sink"));
    gst_pad_link (pad, target.get ());
    std::lock_guard lock (lock_);
    streams_.emplace (gst_structure_get_string (gst_caps_get_structure (caps.get (), 0), "encoding-name"),
                      std::pair (sink.packets, Ref<GstPad>::retain (pad)));
  }

  Ref<GstElement> pipeline_, webrtc_;
  std::mutex lock_;
  std::multimap<std::string, std::pair<Counter, Ref<GstPad>>> streams_;
  std::map<std::string, Ref<GstWebRTCDataChannel>> channels_;
  std::map<std::string, std::vector<std::string>> messages_;
};

/// A publisher of ours, and the plain webrtcbin that it negotiates with. Who listens opens it when born and
/// closes it before it dies.
struct LonePublisher : rtc::Publisher::Listener {
  Session session;
  PlainPeer server;
  std::shared_ptr<rtc::Publisher> publisher;

  void
  open (Timers *timers = nullptr) {
    session.run ([&] {
      auto created = rtc::Publisher::create (session.config ("pub", timers), *this);
      ASSERT_TRUE (created) << created.error ().message;
      publisher = *created;
    });
    server.on_candidate = [this] (std::string line) {
      session.queue ()->post ([this, line] {
        if (publisher) publisher->add_candidate (line);
      });
    };
  }
  void
  close () {
    auto done = std::make_shared<std::promise<void>> ();
    if (session.run ([&] {
          if (!publisher) return true;
          publisher->close ([done] { done->set_value (); });
          publisher.reset ();
          return false;
        }))
      return;
    EXPECT_EQ (done->get_future ().wait_for (10s), std::future_status::ready);
  }
};

inline size_t
count_entries (const char *folder, std::function<bool (const std::filesystem::path &)> counts = nullptr) {
  size_t count = 0;
  std::error_code gone;
  for (auto it = std::filesystem::directory_iterator (folder, gone);
       it != std::filesystem::directory_iterator (); it.increment (gone))
    count += !counts || counts (it->path ());
  return count;
}
inline size_t
thread_count () {
  return count_entries ("/proc/self/task");
}
inline size_t
thread_count (const std::string &name) {
  return count_entries ("/proc/self/task", [&] (const std::filesystem::path &task) {
    std::string comm;
    std::ifstream file (task / "comm");
    return std::getline (file, comm) && comm == name;
  });
}
inline size_t
descriptor_count () {
  return count_entries ("/proc/self/fd");
}

} // namespace lk::test
