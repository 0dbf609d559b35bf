// One encoded stream of the room: frames with the running time of the job's pipeline, given to whatever
// writes them. It never waits for those.
#pragma once

#include "formats.hpp"

#include "base/ref.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace lk::record {

struct FedFrame {
  Ref<GstBuffer> buffer;
  Ref<GstCaps> caps;
  GstClockTime pts = 0; ///< running time
  bool key = true;
};

class Feed {
public:
  using Taker = std::function<void (const FedFrame &)>;

  using Counter = std::shared_ptr<std::atomic<uint64_t>>;

  /// `encoder`: the element that made it; "" for what was sent like this. `left_out`: what that was too slow
  /// for.
  Feed (const Codec &codec, std::string encoder, Counter left_out)
      : codec_ (codec), encoder_ (std::move (encoder)), left_out_ (std::move (left_out)) {}

  /// The appsink at the end of the stream; `self` is what it calls.
  static Result<Ref<GstElement>> make_sink (const std::shared_ptr<Feed> &self);

  const Codec &
  codec () const {
    return codec_;
  }
  const std::string &
  encoder () const {
    return encoder_;
  }
  /// Streaming thread calls `taker` until the token dies.
  std::shared_ptr<void> listen (Taker taker);
  /// Asks for a key frame, at most once in half a second.
  void request_key ();
  /// How late frames come, by the elements before.
  GstClockTime latency () const;

  uint64_t
  frames () const {
    return frames_;
  }
  /// Pictures or pieces of sound.
  uint64_t
  left_out () const {
    return *left_out_;
  }
  uint64_t
  key_requests () const {
    return key_requests_;
  }

private:
  void on_sample (GstElement *sink);

  const Codec &codec_;
  const std::string encoder_;
  const Counter left_out_;
  Ref<GstPad> pad_; // of the appsink
  std::mutex lock_; // leaf
  std::vector<std::weak_ptr<Taker>> takers_;
  std::atomic<uint64_t> frames_{ 0 }, key_requests_{ 0 };
  std::atomic<gint64> last_request_us_{ 0 };
};

using FeedPtr = std::shared_ptr<Feed>;

} // namespace lk::record
