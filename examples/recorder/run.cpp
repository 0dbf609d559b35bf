#include "run.hpp"

#include "common/command_line.hpp"
#include "job/disk.hpp"
#include "job/job.hpp"

#include "base/ref.hpp"

#include <glib-unix.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace lk::recorder {

using namespace record;
using namespace cli;

namespace {

constexpr char kSignal[] = "stopped by a signal";

void
print (const std::string &line) {
  std::puts (line.c_str ());
  std::fflush (stdout);
}

std::string
size_of (uint64_t bytes) {
  const CString text (g_format_size (bytes));
  return text.get ();
}

int
code_of (const Status &status) {
  for (const auto &file : status.files)
    if (file.state == FileState::Failed) return kNotWritten;
  switch (status.state) {
  case State::Failed:
    if (status.code == Errc::Settings || status.code == Errc::InvalidUrl) return kUsage;
    return status.code == Errc::LimitExceeded || status.code == Errc::MediaFailed
                   || status.code == Errc::MissingElement || status.code == Errc::UnsupportedCodec
               ? kNotWritten
               : kNoRoom;
  case State::Aborted:
    return kNothing;
  default:
    return kDone;
  }
}

class Terminal {
public:
  explicit Terminal (const Options &options) : options_ (options) {}

  Job::Listener
  listener () {
    Job::Listener listener;
    listener.on_state = [this] (const Status &status) { on_state (status); };
    listener.on_file = [this] (const FileResult &file) { on_file (file); };
    if (options_.json)
      listener.on_progress = [] (const Status &status) { print (to_json (status, "progress")); };
    listener.on_stall = [this] (const TrackStatus &track) {
      if (options_.json) print (to_json (track, "stalled"));
      complain ("nothing comes from track " + track.track + " of " + track.participant, 0);
    };
    return listener;
  }

private:
  void
  on_state (const Status &status) {
    if (options_.json) print (to_json (status, is_final (status.state) ? "summary" : "state"));
    if (options_.quiet || options_.json) return;
    if (status.state == State::Active) complain ("recording room " + status.room, 0);
    if (status.state == State::Ending && status.reason == kSignal && !status.files.empty ())
      complain ("finishing the files; a second Ctrl-C does not wait for that", 0);
    if (is_final (status.state) && status.state != State::Failed)
      complain (std::string (to_string (status.state)) + ": " + status.reason, 0);
  }

  void
  on_file (const FileResult &file) {
    if (options_.json) print (to_json (file, "file"));
    if (file.state == FileState::Failed) complain (file.error, 0);
    if (options_.quiet || options_.json || file.state == FileState::Failed) return;
    if (file.state == FileState::Writing) return void (complain ("→ " + file.location, 0));
    const CString seconds (g_strdup_printf ("%.1f", double (file.duration_ms) / 1000));
    complain (file.location + ": " + seconds.get () + " s, " + size_of (file.bytes), 0);
  }

  const Options &options_;
};

} // namespace

int
run (const Options &options) {
  Terminal terminal (options);
  auto job = Job::make (options.request, terminal.listener ());
  if (!job)
    return complain (job.error ().message, job.error ().code == Errc::MissingElement ? kNotWritten : kUsage);
  auto loop = Ref<GMainLoop>::adopt (g_main_loop_new (nullptr, FALSE));
  // The second time somebody does not want to wait, for a broken disk perhaps: the files play all the same.
  const GSourceFunc interrupt = [] (gpointer data) -> gboolean {
    static bool again = false;
    if (std::exchange (again, true)) std::_Exit (complain ("not finished", kNotWritten));
    static_cast<Job *> (data)->stop (kSignal);
    return G_SOURCE_CONTINUE;
  };
  for (int number : { SIGINT, SIGTERM })
    g_unix_signal_add (number, interrupt, job->get ());
  struct Watched {
    Job *job;
    GMainLoop *loop;
  } watched{ job->get (), loop.get () };
  g_timeout_add (
      50,
      [] (gpointer data) -> gboolean {
        auto *w = static_cast<Watched *> (data);
        if (!is_final (w->job->status ().state)) return G_SOURCE_CONTINUE;
        g_main_loop_quit (w->loop);
        return G_SOURCE_REMOVE;
      },
      &watched);
  (*job)->start ();
  g_main_loop_run (loop.get ());
  const auto status = (*job)->status ();
  if (status.state == State::Failed) complain (status.reason, 0);
  job->reset ();
  // Threads that a disk holds would find everything gone.
  if (held_by_disks () > 0) std::_Exit (code_of (status));
  return code_of (status);
}

} // namespace lk::recorder
