// A recording: a room joined once, written to as many outputs as are asked for. A process runs as many jobs
// as it likes; each has a thread of its own.
#pragma once

#include "request.hpp"
#include "results.hpp"

#include <functional>
#include <memory>

namespace lk::record {

class Job {
public:
  /// Called on the job's thread, with no lock held; must not destroy the job.
  struct Listener {
    std::function<void (const Status &)> on_state;      ///< another state
    std::function<void (const Status &)> on_progress;   ///< once a second while it is active
    std::function<void (const FileResult &)> on_file;   ///< a file began, or ended
    std::function<void (const TrackStatus &)> on_stall; ///< nothing has come for Limits::stall
  };

  /// Checks the request; an error says what to ask for instead. GStreamer has been initialized.
  static Result<std::unique_ptr<Job>> make (Request request, Listener listener);
  /// Stops and waits: files are finished, for at most half a minute.
  ~Job ();

  // Any thread; they return at once.
  void start ();
  /// Finishes the files. Before anything was recorded: aborts.
  void stop (std::string reason = "stopped");
  Status status () const;

  /// Until it has ended, or the time is over: whether it has.
  bool wait (Millis timeout) const;

private:
  class Core;
  explicit Job (std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

} // namespace lk::record
