// What is told about data on the bus.
#pragma once

#include <glib.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace lk::gst {

class Participant;

/// Tells how far a stream is, not more often than ten times a second, and how it ended.
class Progress {
public:
  struct Stream {
    std::string direction; ///< "in" or "out"
    std::string id, topic, name, identity;
    std::optional<uint64_t> total;
  };
  Progress () = default;
  Progress (Participant *participant, Stream stream);

  void at (uint64_t bytes);
  void done (uint64_t bytes);
  void failed (uint64_t bytes, const std::string &reason);

private:
  void post (const char *state, uint64_t bytes, const std::string &reason);

  Participant *participant_ = nullptr;
  Stream stream_;
  gint64 next_us_ = 0;
};

/// Lets through a hundred messages a second and counts the rest, so that a bus that nobody reads quickly does
/// not grow without bound.
class MessageLimit {
public:
  /// The number of those that were left out before, or nothing: leave this one out too.
  std::optional<unsigned> admit ();

private:
  std::mutex lock_; // leaf
  gint64 window_us_ = 0;
  unsigned passed_ = 0, left_out_ = 0;
};

} // namespace lk::gst
