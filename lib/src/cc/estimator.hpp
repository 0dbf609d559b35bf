// How much a path can carry, from when packets were sent and when they arrived. Pure.
//
//   packet (sent, arrived, bytes) ─▶ ReceivedRate ─┐
//                                 ─▶ QueueDelay   ─┼─▶ update (now) ─▶ target ()
//                                 ─▶ Trend        ─┘
//
// The queue grows: less than what came through, so that it drains. No queue: slowly more, and never much more
// than what was seen to come through.
#pragma once

#include "cc/queue_delay.hpp"
#include "cc/received_rate.hpp"
#include "cc/trains.hpp"
#include "cc/trend.hpp"

namespace lk::cc {

/// Not thread-safe. Times are of any two clocks that run at the same speed.
class Estimator {
public:
  struct Config {
    Nanos rtt = std::chrono::milliseconds (100);
    double least_bps = 50'000;
    /// False: the sender does not follow the target, but chooses among a few rates. Less than the path
    /// carries, to drain its queue, would make it choose a smaller one than fits, or none; and more than the
    /// path was last seen to carry is told only when it has been seen again: such a sender probes.
    bool follows = true;
  };

  Estimator () = default;
  explicit Estimator (const Config &config) : config_ (config) {}

  /// `bytes` with all headers, as the path carries them.
  void packet (Nanos sent, Nanos arrived, uint32_t bytes);
  /// Of a packet that says nothing of when it was sent.
  void packet (Nanos arrived, uint32_t bytes);
  /// To be called after each report, or every 50 ms or so.
  void update (Nanos now);

  /// Bits per second; nothing before half a second of packets was seen.
  std::optional<double>
  target () const {
    return target_;
  }
  Nanos
  queue () const {
    return delay_.delay ();
  }
  /// The queue is or was too long a moment ago.
  bool
  congested () const {
    return episode_.has_value ();
  }

private:
  /// From the first sign of overuse until the queue is gone.
  struct Episode {
    Nanos begin, last_cut;
    double before; ///< the target that it began with
    double capacity;
    double share;  ///< of it that is told at least
    Nanos lowered; ///< when that was changed last
  };
  /// What the path was seen to carry when it was full.
  class Capacity {
  public:
    void learn (double bps);
    void forget ();
    std::optional<double>
    seen () const {
      return bps_;
    }
    bool above (double bps) const;

  private:
    std::optional<double> bps_;
    double deviation_ = 0.4; // relative, squared, filtered
  };

  /// After a path was full a sender that chooses among sizes is told no more for a while, and for longer each
  /// time that it was too much again: each attempt costs its viewer seconds.
  struct Hold {
    Nanos until, length;
    double capacity, share;
  };

  void note (Nanos arrived, uint32_t bytes, std::optional<Nanos> sent);
  bool overused (Nanos now);
  void cut (Nanos now, double received);
  void end_episode (Nanos now);
  void hold (Nanos now);
  bool held (Nanos now, double proven);
  void grow (Nanos now, double received);

  Config config_;
  ReceivedRate rate_;
  QueueDelay delay_;
  Trend trend_;
  Trains trains_;
  std::optional<double> target_;
  std::optional<Episode> episode_;
  std::optional<Hold> hold_;
  std::optional<Nanos> standing_since_, updated_, last_arrival_;
  Capacity capacity_;
};

} // namespace lk::cc
