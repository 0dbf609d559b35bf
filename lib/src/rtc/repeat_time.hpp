// How long a lost packet takes to come again, from when it was first asked for. Internal to rtc; pure.
#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace lk::rtc {

/// How much longer than a pipeline's latency a picture's lost packet is waited for. What goes on without it
/// is of no use before the next key frame, which costs a path more than the repetition; and a picture that
/// comes late keeps those after it whole. Four round trips of a bad path.
inline constexpr Millis kRepeatPatience{ 800 };

/// GStreamer's jitter buffer learns it only from repetitions that answer its last request, and it repeats
/// requests after 40 ms until it has learnt: on a longer path it never does, and the server, which answers
/// three requests for a packet at most, has answered them all before the first repetition is here. Not
/// thread-safe.
class RepeatTime {
public:
  void
  asked (Nanos now, uint16_t seqnum) {
    while (!open_.empty () && (now - open_.front ().at > kForgotten || open_.size () >= kMaxOpen))
      open_.pop_front ();
    if (find (seqnum) == open_.end ()) open_.push_back ({ seqnum, now });
  }

  /// A repetition has come.
  void
  came (Nanos now, uint16_t seqnum) {
    auto request = find (seqnum);
    if (request == open_.end ()) return;
    took_.push_back (now - request->at);
    if (took_.size () > kSamples) took_.pop_front ();
    open_.erase (request);
  }

  /// After which a request that was not answered may be repeated.
  Millis
  timeout () const {
    if (took_.empty ()) return kUnknown;
    // Jitter is on both sides of the median, and above it also what was lost a second time.
    std::vector<Nanos> sorted (took_.begin (), took_.end ());
    auto middle = sorted.begin () + static_cast<std::ptrdiff_t> (sorted.size () / 2);
    std::nth_element (sorted.begin (), middle, sorted.end ());
    return std::min (std::chrono::ceil<Millis> (*middle + std::max<Nanos> (*middle / 4, kLeastMargin)),
                     kMost);
  }

private:
  static constexpr Millis kUnknown{ 250 }, kLeastMargin{ 10 }, kMost{ 1000 };
  static constexpr Nanos kForgotten = std::chrono::seconds (3);
  static constexpr size_t kMaxOpen = 256, kSamples = 16;

  struct Request {
    uint16_t seqnum;
    Nanos at;
  };
  std::deque<Request>::iterator
  find (uint16_t seqnum) {
    return std::find_if (open_.begin (), open_.end (),
                         [seqnum] (const auto &request) { return request.seqnum == seqnum; });
  }

  std::deque<Request> open_; // the oldest first
  std::deque<Nanos> took_;
};

} // namespace lk::rtc
