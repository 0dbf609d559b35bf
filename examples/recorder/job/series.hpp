// The files of one thing (the room, a participant, a track) in one output, one after another: a new one when
// a segment is over, or when a track comes that the file under way has no place for.
#pragma once

#include "names.hpp"
#include "plan.hpp"
#include "results.hpp"
#include "writer.hpp"

#include <deque>
#include <functional>

namespace lk::record {

class Series : public std::enable_shared_from_this<Series> {
public:
  struct Track {
    std::string key; ///< the same for what may go on in the place of another
    FeedPtr feed;    ///< null: gone, its place is kept
    Encoding encoding;
    bool copied = false;
    std::function<bool ()> muted; ///< null = never
  };
  struct Hooks {
    std::function<GstClockTime ()> now;                                          ///< running time
    std::function<int64_t (GstClockTime)> wall_ms;                               ///< of a running time
    std::function<Result<std::string> (const PlannedOutput &, NameFields)> name; ///< for a new file
    std::function<void (const FileResult &)> on_file;                            ///< it began, or ended
  };

  Series (const PlannedOutput &planned, const Format &format, NameFields subject, Hooks hooks)
      : planned_ (planned), format_ (format), subject_ (std::move (subject)), hooks_ (std::move (hooks)) {}

  // The job's thread.
  void add (Track track);
  void remove (const std::string &key);
  /// Begins to write with the first frame that has come since add(), or from `origin` on where none has.
  void open (GstClockTime origin);
  /// Ten times a second; `complete`: what is older has come.
  void tick (GstClockTime complete);
  /// No further file; those under way end with this running time.
  void stop (GstClockTime at);
  /// The same, for a reason that its files are not at fault for.
  void give_up (const Error &error, GstClockTime at);
  bool
  is_open () const {
    return opened_;
  }
  /// Whether something to write came before it was opened.
  bool has_frames () const;
  /// Stopped or failed, and every file finished.
  bool finished () const;
  /// The first thing that went wrong, or nothing.
  const std::optional<Error> &
  error () const {
    return error_;
  }
  std::vector<FileResult> writing () const;
  /// Of the disks under what is being written: file and bytes that are free.
  std::vector<std::pair<std::string, uint64_t>> disks () const;

private:
  struct File {
    std::unique_ptr<Writer> writer;
    std::vector<size_t> tracks; ///< index in tracks_ of each of the writer's
    FileResult result;
    GstClockTime end = GST_CLOCK_TIME_NONE;
    bool announced = false;
    // What the encoders of its tracks were too slow for.
    std::vector<FeedPtr> feeds;
    uint64_t left_out_before = 0;
    std::atomic<int64_t> left_out = -1; ///< since it has ended
  };
  struct Listening {
    Track track;
    std::shared_ptr<void> token;
  };

  std::shared_ptr<File> prepare ();
  void begin (const std::shared_ptr<File> &file, GstClockTime origin);
  void listen (size_t index);
  void keep (size_t index, const FedFrame &frame);
  void on_frame (size_t index, const FedFrame &frame);
  std::vector<FeedPtr> take_due (GstClockTime now);
  bool take (size_t index, const FedFrame &frame);
  bool write (size_t index, const FedFrame &frame);
  void release_held ();
  void switch_to (const std::shared_ptr<File> &next, GstClockTime at);
  void check_segment ();
  void ask_for_keys ();
  void settle (File &file);
  FileResult describe (const File &file) const;
  void fail (const Error &error);

  const PlannedOutput planned_;
  const Format &format_;
  const NameFields subject_;
  const Hooks hooks_;
  unsigned next_part_ = 1;
  bool opened_ = false, stopped_ = false;
  std::optional<Error> error_;
  GstClockTime retry_at_ = GST_CLOCK_TIME_NONE; // a live output that broke
  GstClockTime next_keys_ = 0;

  mutable std::mutex lock_; // below it only a Writer's
  std::vector<Listening> tracks_;
  std::vector<std::shared_ptr<File>> files_; // the last one is the current
  std::shared_ptr<File> next_;               // waits for the first frame that it can begin with
  GstClockTime cut_from_ = 0;
  // Frames of after now: lip-sync delays the tracks that come before others.
  std::deque<std::pair<size_t, FedFrame>> ahead_;
  std::vector<std::pair<size_t, FedFrame>> held_;    // sound that belongs to this file or to the next
  std::vector<std::pair<size_t, FedFrame>> backlog_; // before open()
  size_t backlog_bytes_ = 0;
};

} // namespace lk::record
