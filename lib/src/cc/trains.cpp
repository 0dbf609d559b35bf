#include "cc/trains.hpp"

#include <algorithm>
#include <vector>

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kAtOnce = milliseconds (5);
constexpr int kFewest = 3;
constexpr size_t kTrains = 15, kSome = 5;
// Packets that were read from the socket together say that it is fast, not how fast.
constexpr double kLeastSeconds = 0.0005;

double
median (std::vector<double> values) {
  auto middle = values.begin () + static_cast<std::ptrdiff_t> (values.size () / 2);
  std::nth_element (values.begin (), middle, values.end ());
  return *middle;
}

} // namespace

void
Trains::add (Nanos sent, Nanos arrived, uint32_t bytes) {
  const bool belongs = current_ && sent >= current_->first_sent && sent - current_->first_sent <= kAtOnce;
  if (belongs) {
    current_->last_arrived = std::max (arrived, current_->last_arrived);
    current_->bytes += bytes;
    ++current_->packets;
    return;
  }
  if (current_ && current_->packets >= kFewest) {
    rates_.push_back (current_->rate ());
    if (rates_.size () > kTrains) rates_.pop_front ();
  }
  current_ = Train{ sent, arrived, arrived, 0, 1 };
}

double
Trains::Train::rate () const {
  const auto took = std::chrono::duration<double> (last_arrived - first_arrived);
  return 8 * static_cast<double> (bytes) / std::max (took.count (), kLeastSeconds);
}

std::optional<double>
Trains::rate () const {
  if (rates_.size () < kSome) return std::nullopt;
  return median ({ rates_.begin (), rates_.end () });
}

std::optional<double>
Trains::latest () const {
  std::vector<double> last;
  if (current_ && current_->packets >= kFewest) last.push_back (current_->rate ());
  for (auto it = rates_.rbegin (); it != rates_.rend () && last.size () < 3; ++it)
    last.push_back (*it);
  if (last.size () < 3) return std::nullopt;
  return median (std::move (last));
}

} // namespace lk::cc
