// What a disk may do: take its time, or never answer again. Whoever calls it directly then waits as long, so
// only threads that can be left behind do.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lk::record {

/// Runs `work` on a thread of its own; false when it is not back by then, and it goes on alone.
bool within (Millis patience, std::function<void ()> work);
/// How many threads of this process a disk still holds.
unsigned held_by_disks ();

/// Starts and stops one pipeline that writes. Opening and closing are waited for by nobody.
class Keeper {
public:
  explicit Keeper (Ref<GstElement> pipeline);
  /// Closes. Waits a moment for that, not longer.
  ~Keeper ();
  Keeper (const Keeper &) = delete;
  Keeper &operator= (const Keeper &) = delete;

  /// Runs `prepare`, then plays. Once.
  void open (std::function<Result<> ()> prepare);
  void close ();
  bool closed () const;
  /// Why it could not be opened, where no message says it.
  std::optional<Error> error () const;

private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// Counts what goes into a file, behind a pad, and looks now and then at how much room its disk has.
class Meter {
public:
  /// `folder`: "" where there is no disk. `seeks`: the file is written in one piece, with changes at its
  /// beginning in the end.
  Meter (GstPad *pad, std::string folder, bool seeks);

  /// How far the file has been written.
  uint64_t
  bytes () const {
    return shared_->bytes;
  }
  /// Changes with each thing that was taken.
  uint64_t
  taken () const {
    return shared_->taken;
  }
  /// As of at most a second before the newest write.
  std::optional<uint64_t> free_bytes () const;

private:
  struct Shared {
    std::string folder;
    bool seeks;
    std::atomic<uint64_t> bytes{ 0 }, taken{ 0 }, free_bytes{ UINT64_MAX };
    // The streaming thread's.
    uint64_t position = 0, under_way = 0;
    gint64 looked_us = 0;

    Shared (std::string f, bool s) : folder (std::move (f)), seeks (s) {}
    void on_item (GstPadProbeInfo *info);
    void look ();
  };
  std::shared_ptr<Shared> shared_;
};

} // namespace lk::record
