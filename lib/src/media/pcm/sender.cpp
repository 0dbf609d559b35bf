#include "media/pcm/sender.hpp"

#include "base/log.hpp"
#include "media/pad_element.hpp"
#include "media/time_map.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media::pcm {

namespace {

using Steady = std::chrono::steady_clock;

// A process that was stopped for longer does not catch up.
constexpr Millis kMostLag{ 200 };

/// The encoder's way in: the thread pushes here.
class Head : public PadHandler {
public:
  bool
  has_task () const override {
    return false;
  }
  bool
  src_query (GstQuery *query) override {
    if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY) return false;
    gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
    return true;
  }
  void
  push (const Pacer::Block &block, GstClockTime pts) {
    if (!begun_) {
      gst_pad_push_event (src_pad, gst_event_new_stream_start ("pcm"));
    }
    if (!begun_ || block.format != format_) {
      format_ = block.format;
      auto caps = Ref<GstCaps>::adopt (gst_caps_new_simple (
          "audio/x-raw", "format", G_TYPE_STRING, G_BYTE_ORDER == G_LITTLE_ENDIAN ? "S16LE" : "S16BE",
          "layout", G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, format_.rate, "channels", G_TYPE_INT,
          format_.channels, nullptr));
      gst_pad_push_event (src_pad, gst_event_new_caps (caps.get ()));
    }
    if (!begun_) {
      GstSegment segment;
      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_pad_push_event (src_pad, gst_event_new_segment (&segment));
      begun_ = true;
    }
    const gsize size = block.frames * size_t (format_.channels) * sizeof (int16_t);
    GstBuffer *buffer = gst_buffer_new_allocate (nullptr, size, nullptr);
    gst_buffer_fill (buffer, 0, block.pcm, size);
    GST_BUFFER_PTS (buffer) = pts;
    GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (block.frames, GST_SECOND, guint64 (format_.rate));
    if (discont) GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    discont = false;
    gst_pad_push (src_pad, buffer);
  }
  bool discont = true;

private:
  bool begun_ = false;
  Format format_;
};

/// And its way out.
class Tail : public PadHandler {
public:
  explicit Tail (const Sender::Hooks &hooks) : hooks_ (hooks) {}
  GstFlowReturn
  chain (Ref<GstBuffer> buffer) override {
    hooks_.packet (std::move (buffer), caps_);
    return GST_FLOW_OK;
  }
  bool
  sink_event (Ref<GstEvent> event) override {
    GstCaps *caps = nullptr;
    if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_CAPS) {
      gst_event_parse_caps (event.get (), &caps);
      caps_ = Ref<GstCaps>::retain (caps);
    }
    return true;
  }

private:
  const Sender::Hooks &hooks_;
  Ref<GstCaps> caps_;
};

/// Head → encoder → tail, outside any pipeline.
struct Chain {
  Ref<GstElement> bin, encode;
  std::shared_ptr<Head> head;

  Chain () = default;
  Chain (Chain &&) = default;
  ~Chain () {
    if (bin) gst_element_set_state (bin.get (), GST_STATE_NULL);
  }
  static Result<Chain> make (const EncodeSpec &spec, const Sender::Hooks &hooks);
};

Result<Chain>
Chain::make (const EncodeSpec &spec, const Sender::Hooks &hooks) {
  Chain chain;
  auto encode = make_encode_bin (spec);
  if (!encode) return encode.error ();
  chain.encode = *encode;
  chain.head = std::make_shared<Head> ();
  auto first = make_pad_element (nullptr, chain.head, nullptr, "audio/x-raw");
  auto last = make_pad_element (nullptr, std::make_shared<Tail> (hooks), "ANY", nullptr);
  chain.bin = Ref<GstElement>::sink (gst_bin_new (nullptr));
  for (const auto &element : { first, chain.encode, last })
    gst_bin_add (GST_BIN (chain.bin.get ()), element.get ());
  if (!gst_element_link_many (first.get (), chain.encode.get (), last.get (), nullptr)
      || gst_element_set_state (chain.bin.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return Error{ Errc::MediaFailed, Retry::Never, "the audio encoder did not start" };
  return chain;
}

class SenderImpl : public Sender {
public:
  explicit SenderImpl (Millis depth) : inlet_ (depth), pacer_ (inlet_) {}
  ~SenderImpl () override { stop (); }

  Inlet::Outcome
  write (const int16_t *pcm, size_t frames, Format format) override {
    return inlet_.write (pcm, frames, format);
  }
  InletStats
  stats () const override {
    return inlet_.stats ();
  }
  uint64_t
  underruns () const override {
    return pacer_.underruns ();
  }
  void
  set_bitrate (uint32_t bitrate_bps) override {
    Ref<GstElement> encode;
    {
      std::lock_guard guard (lock_);
      encode = encode_;
    }
    if (encode) set_encode_bitrate (encode.get (), bitrate_bps);
  }
  void
  start (EncodeSpec spec, Hooks hooks) override {
    stop ();
    stopping_ = false;
    inlet_.forget ();
    thread_ = std::thread ([this, spec = std::move (spec), hooks = std::move (hooks)] { run (spec, hooks); });
  }
  void
  stop () override {
    if (!thread_.joinable ()) return;
    {
      std::lock_guard guard (lock_);
      stopping_ = true;
    }
    wake_.notify_all ();
    thread_.join ();
  }

private:
  void run (const EncodeSpec &spec, const Hooks &hooks);
  bool
  wait_until (Steady::time_point due) {
    std::unique_lock guard (lock_);
    return !wake_.wait_until (guard, due, [this] { return stopping_; });
  }

  Inlet inlet_;
  Pacer pacer_; // the thread's
  std::thread thread_;
  std::mutex lock_; // leaf
  std::condition_variable wake_;
  Ref<GstElement> encode_;
  bool stopping_ = false;
};

void
SenderImpl::run (const EncodeSpec &spec, const Hooks &hooks) {
  hooks.begin ();
  auto chain = Chain::make (spec, hooks);
  if (!chain) return hooks.failed (chain.error ());
  {
    std::lock_guard guard (lock_);
    encode_ = chain->encode;
  }
  // The encoder was made meanwhile, which takes a while on a busy machine.
  inlet_.catch_up ();
  auto due = Steady::now ();
  GstClockTime pts = monotonic_now ();
  while (wait_until (due)) {
    if (const auto late = Steady::now () - due; late > kMostLag) {
      GST_INFO ("%d ms behind, going on from here", int (std::chrono::duration_cast<Millis> (late).count ()));
      due += late;
      pts = monotonic_now ();
      chain->head->discont = true;
    }
    chain->head->push (pacer_.next (), pts);
    due += kBlock;
    pts += GstClockTime (std::chrono::nanoseconds (kBlock).count ());
  }
  std::lock_guard guard (lock_);
  encode_ = nullptr;
}

} // namespace

std::unique_ptr<Sender>
Sender::create (Millis depth) {
  return std::make_unique<SenderImpl> (depth);
}

} // namespace lk::media::pcm
