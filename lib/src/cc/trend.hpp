// Whether packets wait longer and longer. Pure.
#pragma once

#include "base/time.hpp"

#include <deque>
#include <optional>

namespace lk::cc {

/// The slope of the time on the way, over groups of packets that were sent together, against a threshold that
/// learns what is normal on this path. Not thread-safe.
class Trend {
public:
  enum class Verdict { Falling, Steady, Rising };

  void add (Nanos sent, Nanos arrived);
  Verdict
  verdict () const {
    return verdict_;
  }

private:
  struct Group {
    Nanos first_sent, last_sent, first_arrived, last_arrived;
  };
  bool belongs (Nanos sent, Nanos arrived) const;
  void close_group ();
  void judge (double sent_ms, Nanos arrived);
  void adapt (double gradient, Nanos arrived);
  double slope () const;

  std::optional<Group> current_, previous_;
  int groups_ = 0;
  double accumulated_ = 0, smoothed_ = 0; // ms
  struct Point {
    double arrived, delay; // ms
  };
  std::deque<Point> points_;
  Nanos origin_{ 0 };

  double threshold_ = 12.5, previous_slope_ = 0, over_ms_ = 0;
  int over_count_ = 0;
  std::optional<Nanos> adapted_;
  Verdict verdict_ = Verdict::Steady;
};

} // namespace lk::cc
