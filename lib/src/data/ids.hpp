// Ids of messages, streams and calls.
#pragma once

#include "base/time.hpp"

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>

namespace lk::data {

/// A random UUID (version 4) in its usual form.
std::string make_uuid (Random &random);

/// The latest ids that were seen, at most `capacity`.
class RecentIds {
public:
  explicit RecentIds (size_t capacity) : capacity_ (capacity) {}
  /// False when it is among the recent ones.
  bool add (const std::string &id);
  /// Forgets one; false when it was not there.
  bool
  take (const std::string &id) {
    return seen_.erase (id) > 0;
  }
  bool
  contains (const std::string &id) const {
    return seen_.contains (id);
  }

private:
  const size_t capacity_;
  std::unordered_set<std::string> seen_;
  std::deque<std::string> order_;
};

} // namespace lk::data
