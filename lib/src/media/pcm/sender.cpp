#include "media/pcm/sender.hpp"

#include "base/log.hpp"
#include "media/pcm/line.hpp"
#include "media/time_map.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media::pcm {

namespace {

using Steady = std::chrono::steady_clock;

// A process that was stopped for longer does not catch up.
constexpr Millis kMostLag{ 200 };

/// Blocks of samples into the encoder.
class Feed {
public:
  explicit Feed (Line &line) : line_ (line) {}

  void
  push (const Pacer::Block &block, GstClockTime pts) {
    if (!begun_ || block.format != format_) {
      format_ = block.format;
      line_.set_caps (caps_of (format_).get ());
      begun_ = true;
    }
    const gsize size = block.frames * size_t (format_.channels) * sizeof (int16_t);
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, size, nullptr));
    gst_buffer_fill (buffer.get (), 0, block.pcm, size);
    GST_BUFFER_PTS (buffer.get ()) = pts;
    GST_BUFFER_DURATION (buffer.get ())
        = gst_util_uint64_scale (block.frames, GST_SECOND, guint64 (format_.rate));
    if (std::exchange (discont, false)) GST_BUFFER_FLAG_SET (buffer.get (), GST_BUFFER_FLAG_DISCONT);
    line_.push (std::move (buffer));
  }
  bool discont = true;

private:
  Line &line_;
  bool begun_ = false;
  Format format_;
};

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
  auto encode = make_encode_bin (spec);
  if (!encode) return hooks.failed (encode.error ());
  auto line = Line::make ({ *encode }, hooks.packet);
  if (!line) return hooks.failed (line.error ());
  Feed feed (**line);
  {
    std::lock_guard guard (lock_);
    encode_ = *encode;
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
      feed.discont = true;
    }
    feed.push (pacer_.next (), pts);
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
