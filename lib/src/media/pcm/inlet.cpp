#include "media/pcm/inlet.hpp"

#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace lk::media::pcm {

namespace {

constexpr std::chrono::microseconds kPatience{ 300 };
// Calls that follow each other so closely are one.
constexpr int64_t kAtOnce = 20'000'000;
// Formats that follow each other faster than they are played.
constexpr int kMostStages = 4;

} // namespace

Inlet::~Inlet () {
  for (Stage *stage = head_ ? head_ : first_.load (); stage;) {
    Stage *next = stage->next;
    delete stage;
    stage = next;
  }
}

Inlet::Outcome
Inlet::write (const int16_t *pcm, size_t frames, Format format) {
  const auto deadline = std::chrono::steady_clock::now () + kPatience;
  while (writing_.test_and_set (std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now () >= deadline) {
      ++overruns_;
      return Outcome::Busy;
    }
    std::this_thread::yield ();
  }
  size_t taken = 0;
  if (!newest_ || newest_->format != format) {
    if (stages_ < kMostStages) {
      auto *stage = new (std::nothrow) Stage (size_t (format.rate) * size_t (depth_.count ()) / 1000, format);
      if (stage) {
        ++stages_;
        (newest_ ? newest_->next : first_).store (stage, std::memory_order_release);
        newest_ = stage;
        rate_ = format.rate;
        channels_ = format.channels;
        capacity_ = stage->ring.capacity ();
      }
    }
  }
  if (newest_ && newest_->format == format) {
    taken = newest_->ring.write (pcm, frames);
    queued_ += taken;
    const int64_t now
        = std::chrono::nanoseconds (std::chrono::steady_clock::now ().time_since_epoch ()).count ();
    if (begun_ns_ == 0) {
      begun_ns_ = now;
      reserve_ = 0;
    }
    if (now - begun_ns_ < kAtOnce) reserve_ += taken;
  }
  writing_.clear (std::memory_order_release);
  if (taken == frames) return Outcome::Taken;
  ++overruns_;
  return Outcome::Cut;
}

InletStats
Inlet::stats () const {
  InletStats stats;
  stats.format = { rate_, channels_ };
  stats.capacity = capacity_;
  stats.queued = queued_;
  stats.overruns = overruns_;
  return stats;
}

Inlet::Stage *
Inlet::head () {
  if (!head_) head_ = first_.load (std::memory_order_acquire);
  while (head_) {
    // What follows is looked for first: the writer leaves a stage only when it has written its last there.
    Stage *next = head_->next.load (std::memory_order_acquire);
    if (!next || head_->ring.queued () > 0) break;
    delete std::exchange (head_, next);
    --stages_;
  }
  return head_;
}

Format
Inlet::format () {
  const Stage *stage = head ();
  return stage ? stage->format : Format{};
}

size_t
Inlet::queued () {
  const Stage *stage = head ();
  return stage ? stage->ring.queued () : 0;
}

size_t
Inlet::read (int16_t *pcm, size_t frames) {
  Stage *stage = head ();
  const size_t count = stage ? stage->ring.read (pcm, frames) : 0;
  queued_ -= count;
  return count;
}

void
Inlet::forget () {
  while (read (nullptr, queued ()) > 0) {
  }
  begun_ns_ = 0;
}

void
Inlet::catch_up () {
  const size_t level = queued (), reserve = reserve_;
  if (!superseded () && level > reserve) read (nullptr, level - reserve);
}

bool
Inlet::superseded () {
  const Stage *stage = head ();
  return stage && stage->next.load (std::memory_order_acquire);
}

} // namespace lk::media::pcm
