// The inside of a job: what lives on its thread.
#pragma once

#include "job.hpp"
#include "room.hpp"
#include "series.hpp"

#include <condition_variable>
#include <map>

namespace lk::record {

class Job::Core {
public:
  Core (Request request, std::vector<PlannedOutput> outputs, Listener listener);
  ~Core ();

  const std::shared_ptr<TaskQueue> &
  queue () const {
    return thread_.queue ();
  }
  Status status () const;
  bool wait (Millis timeout) const;

  // The job's thread.
  void start ();
  /// `at`: the last running time of the files; now, if it is not given.
  void end (State outcome, std::string reason, Errc code = Errc::Internal,
            std::optional<GstClockTime> at = std::nullopt);

private:
  using SeriesPtr = std::shared_ptr<Series>;
  /// What is recorded of one participant in one output.
  struct Person {
    SeriesPtr series;
    unsigned published = 0, tracks = 0; ///< to be waited for before the file begins, and there already
    gint64 since_us = 0;
  };

  void joined ();
  void activate ();
  Result<> open_composites ();
  void track_came (const RoomTrackPtr &track);
  void track_gone (const RoomTrackPtr &track);
  void record (const RoomTrackPtr &track, size_t output);
  void participants (unsigned count);
  void tick ();
  void look ();
  void finish ();
  void check_limits (GstClockTime now);
  void check_disks ();
  SeriesPtr make_series (size_t output, const Format &format, NameFields subject);
  Result<std::string> name_file (const PlannedOutput &planned, NameFields fields);
  void on_file (const FileResult &file);
  std::vector<FileResult> files () const;
  Status make_status () const;
  void publish ();

  const Request request_;
  const std::vector<PlannedOutput> outputs_;
  const Listener listener_;

  std::optional<Room> room_;
  std::map<bool, std::shared_ptr<Tap>> mixes_; // by whether of pictures
  std::vector<SeriesPtr> series_;
  std::map<std::pair<size_t, std::string>, Person> people_; // by output and identity
  std::map<std::string, SeriesPtr> by_track_;               // by output and sid
  std::vector<FileResult> ended_files_;
  std::set<std::string> names_; // given away
  State state_ = State::Starting, outcome_ = State::Complete;
  std::string reason_;
  Errc code_ = Errc::Internal;
  bool joined_ = false;
  std::vector<RoomTrackPtr> early_; // came before the news that we are in the room
  GstClockTime latency_ = 0, began_ = GST_CLOCK_TIME_NONE, ended_ = GST_CLOCK_TIME_NONE;
  gint64 started_us_ = 0, empty_since_us_ = 0;
  unsigned ticks_ = 0;
  TimerPtr timer_;

  mutable std::mutex lock_; // leaf: what others may read
  mutable std::condition_variable changed_;
  Status status_;

  SessionThread thread_; // last: it ends first
};

} // namespace lk::record
