#include "series.hpp"

#include <algorithm>

namespace lk::record {

namespace {

// What is encoded here comes when the encoder is ready; nothing is to stand in for it meanwhile.
constexpr GstClockTime kEncoderPatience = 3 * GST_SECOND;
// What is copied may come from somebody whose machine is busy: silence that was put in too soon is a sound
// lost.
constexpr GstClockTime kCopyPatience = GST_SECOND;
constexpr GstClockTime kRetryAfter = 3 * GST_SECOND;
// Publishers send a key frame when somebody comes and hardly ever else.
constexpr GstClockTime kBetweenKeys = 4 * GST_SECOND;
// So long may a key frame take at the end of a segment; after that it is tried again later.
constexpr GstClockTime kKeyPatience = 3 * GST_SECOND;
// What is kept until a file is open: some seconds.
constexpr size_t kMaxBacklog = 1000, kMaxBacklogBytes = 16 * 1024 * 1024;
// What is so much before its time waits for that, since the file may end before; lip-sync delays by 2 s at
// most.
constexpr GstClockTimeDiff kAhead = 50 * GST_MSECOND, kMostAhead = 3 * GST_SECOND;
constexpr size_t kMaxAhead = 500;

uint64_t
left_out_of (const std::vector<FeedPtr> &feeds) {
  uint64_t all = 0;
  for (const auto &feed : feeds)
    all += feed->left_out ();
  return all;
}

} // namespace

void
Series::listen (size_t index) {
  tracks_[index].token
      = tracks_[index].track.feed->listen ([weak = weak_from_this (), index] (const FedFrame &frame) {
          if (auto self = weak.lock ()) self->on_frame (index, frame);
        });
}

void
Series::add (Track track) {
  if (stopped_ || error_) return;
  size_t index = 0;
  bool known = false;
  {
    std::lock_guard guard (lock_);
    for (; index < tracks_.size () && !known; index++)
      known = tracks_[index].track.key == track.key && !tracks_[index].track.feed;
    if (known) index--;
    if (!known) tracks_.push_back ({});
    tracks_[index].track = std::move (track);
    listen (index);
  }
  tracks_[index].track.feed->request_key ();
  if (!opened_) return;
  std::unique_lock guard (lock_);
  const bool placed = !files_.empty () && !GST_CLOCK_TIME_IS_VALID (files_.back ()->end)
                      && std::find (files_.back ()->tracks.begin (), files_.back ()->tracks.end (), index)
                             != files_.back ()->tracks.end ();
  guard.unlock ();
  if (placed) return;
  // What is under way to us is for the new file already.
  const GstClockTime now = hooks_.now ();
  if (auto file = prepare ()) switch_to (file, now - std::min (now, tracks_[index].track.feed->latency ()));
}

void
Series::remove (const std::string &key) {
  bool left = false;
  {
    std::lock_guard guard (lock_);
    for (auto &listening : tracks_) {
      if (listening.track.key == key) {
        listening.track.feed.reset ();
        listening.token.reset ();
      }
      left |= listening.track.feed != nullptr;
    }
  }
  if (!left && opened_) switch_to (nullptr, hooks_.now ());
}

void
Series::open (GstClockTime origin) {
  auto file = prepare ();
  std::unique_lock guard (lock_);
  opened_ = true;
  const auto backlog = std::exchange (backlog_, {});
  if (!file) return;
  if (!backlog.empty ()) origin = backlog.front ().second.pts;
  for (const auto &[index, frame] : backlog)
    origin = std::min (origin, frame.pts);
  begin (file, origin);
  for (const auto &[index, frame] : backlog)
    (void)write (index, frame);
}

/// lock_ held. Pictures are of use from a key frame on.
void
Series::keep (size_t index, const FedFrame &frame) {
  const size_t size = gst_buffer_get_size (frame.buffer.get ());
  const bool begun = std::any_of (backlog_.begin (), backlog_.end (),
                                  [index] (const auto &k) { return k.first == index; });
  if ((!begun && !frame.key) || backlog_.size () >= kMaxBacklog || backlog_bytes_ + size > kMaxBacklogBytes)
    return;
  backlog_.emplace_back (index, frame);
  backlog_bytes_ += size;
}

/// A file with a place for every track that is there.
std::shared_ptr<Series::File>
Series::prepare () {
  auto file = std::make_shared<File> ();
  std::vector<Writer::Slot> slots;
  NameFields fields = subject_;
  {
    std::lock_guard guard (lock_);
    for (size_t i = 0; i < tracks_.size (); i++) {
      const Track &track = tracks_[i].track;
      if (!track.feed) continue;
      slots.push_back ({ &track.feed->codec (), track.encoding });
      file->tracks.push_back (i);
      file->feeds.push_back (track.feed);
      file->result.codecs += (file->result.codecs.empty () ? "" : " ")
                             + std::string (track.feed->codec ().name) + (track.copied ? "*" : "");
      if (const auto &encoder = track.feed->encoder (); !encoder.empty ())
        file->result.encoders += (file->result.encoders.empty () ? "" : " ") + encoder;
    }
  }
  if (slots.empty ()) return nullptr;
  fields.part = next_part_++;
  fields.time = hooks_.wall_ms (hooks_.now ()) / 1000;
  fields.ext = format_.ending ();
  auto name = hooks_.name (planned_, fields);
  if (!name) return fail (name.error ()), nullptr;
  auto writer = Writer::make (format_, *name, planned_.output.buffer, slots);
  if (!writer) return fail (writer.error ()), nullptr;
  file->writer = std::move (*writer);
  file->result.location = redacted (*name);
  file->result.format = format_.name;
  file->result.scope = planned_.output.scope;
  file->result.participant = subject_.participant;
  file->result.track = subject_.track;
  file->result.part = fields.part;
  return file;
}

/// lock_ held.
void
Series::begin (const std::shared_ptr<File> &file, GstClockTime origin) {
  if (!files_.empty () && !GST_CLOCK_TIME_IS_VALID (files_.back ()->end)) {
    auto &last = *files_.back ();
    last.end = origin;
    last.left_out = int64_t (left_out_of (last.feeds) - last.left_out_before);
    files_.back ()->writer->end_at (origin);
  }
  if (!file) return;
  file->left_out_before = left_out_of (file->feeds);
  file->result.start_ms = hooks_.wall_ms (origin);
  file->writer->begin (origin);
  files_.push_back (file);
}

/// The current file ends there, the next one (if any) begins.
void
Series::switch_to (const std::shared_ptr<File> &next, GstClockTime at) {
  std::vector<FeedPtr> feeds;
  {
    std::lock_guard guard (lock_);
    next_.reset ();
    begin (next, at);
    release_held ();
    for (const auto &listening : tracks_)
      if (listening.track.feed) feeds.push_back (listening.track.feed);
  }
  if (!next) return;
  for (const auto &feed : feeds)
    feed->request_key ();
}

void
Series::on_frame (size_t index, const FedFrame &frame) {
  std::vector<FeedPtr> wanting;
  {
    std::lock_guard guard (lock_);
    if (!tracks_[index].track.feed) return;
    if (!opened_ && !stopped_) return keep (index, frame);
    ahead_.emplace_back (index, frame);
    wanting = take_due (hooks_.now ());
  }
  for (const auto &feed : wanting)
    feed->request_key ();
}

/// lock_ held. The feeds that a file waits for a key frame of.
std::vector<FeedPtr>
Series::take_due (GstClockTime now) {
  std::vector<FeedPtr> wanting;
  std::vector<bool> waits (tracks_.size ());
  size_t surplus = ahead_.size () > kMaxAhead ? ahead_.size () - kMaxAhead : 0;
  for (auto it = ahead_.begin (); it != ahead_.end ();) {
    const auto [index, frame] = *it;
    const auto before = GST_CLOCK_DIFF (now, frame.pts);
    const bool early = before > kAhead && before < kMostAhead;
    if (surplus == 0 && (early || waits[index])) {
      waits[index] = true; // the order of a track stays
      ++it;
      continue;
    }
    surplus -= surplus > 0 ? 1 : 0;
    it = ahead_.erase (it);
    const auto feed = tracks_[index].track.feed;
    if (!take (index, frame) && feed) wanting.push_back (feed);
  }
  return wanting;
}

/// lock_ held. False: a file waits for a key frame.
bool
Series::take (size_t index, const FedFrame &frame) {
  const auto feed = tracks_[index].track.feed;
  if (!feed) return true;
  if (next_ && frame.pts >= cut_from_) {
    // Pictures decide where there are any, and sound waits for them.
    const bool pictures = std::any_of (next_->tracks.begin (), next_->tracks.end (), [this] (size_t i) {
      return tracks_[i].track.feed && tracks_[i].track.feed->codec ().video;
    });
    if (feed->codec ().video != pictures) {
      held_.emplace_back (index, frame);
      return true;
    }
    if (frame.key || !pictures) {
      begin (std::exchange (next_, nullptr), frame.pts);
      release_held ();
    }
  }
  return write (index, frame);
}

/// lock_ held. Each file takes what is in its time. False: one waits for a key frame.
bool
Series::write (size_t index, const FedFrame &frame) {
  bool fine = true;
  for (const auto &file : files_) {
    const auto slot = std::find (file->tracks.begin (), file->tracks.end (), index);
    if (slot != file->tracks.end ())
      fine &= file->writer->push (size_t (slot - file->tracks.begin ()), frame);
  }
  return fine;
}

/// lock_ held.
void
Series::release_held () {
  for (const auto &[index, frame] : std::exchange (held_, {}))
    (void)write (index, frame);
}

/// Whether the current file has had its time or its size.
void
Series::check_segment () {
  const auto &output = planned_.output;
  if (output.segment.count () == 0 && output.segment_bytes == 0) return;
  std::shared_ptr<File> current;
  std::vector<FeedPtr> waiting;
  {
    std::lock_guard guard (lock_);
    if (next_)
      for (size_t i : next_->tracks)
        if (tracks_[i].track.feed) waiting.push_back (tracks_[i].track.feed);
    if (!files_.empty () && !GST_CLOCK_TIME_IS_VALID (files_.back ()->end)) current = files_.back ();
  }
  const GstClockTime now = hooks_.now ();
  if (!waiting.empty ()) {
    if (now > cut_from_ + kKeyPatience) {
      std::lock_guard guard (lock_);
      release_held ();
      cut_from_ = now + GST_SECOND;
    } else if (now >= cut_from_)
      for (const auto &feed : waiting)
        feed->request_key ();
    return;
  }
  if (!current) return;
  GstClockTime cut = GST_CLOCK_TIME_NONE;
  if (output.segment_bytes && current->writer->bytes () >= output.segment_bytes) cut = now;
  // The next one is made ready a little before its time.
  if (output.segment.count ()) {
    const GstClockTime due
        = current->writer->origin () + GstClockTime (output.segment.count ()) * GST_MSECOND;
    if (now + GST_SECOND / 2 >= due) cut = std::min (cut, due);
  }
  if (!GST_CLOCK_TIME_IS_VALID (cut)) return;
  auto next = prepare ();
  std::lock_guard guard (lock_);
  next_ = next;
  cut_from_ = cut;
}

void
Series::tick (GstClockTime complete) {
  std::vector<std::shared_ptr<File>> files;
  std::vector<FeedPtr> wanting;
  {
    std::lock_guard guard (lock_);
    wanting = take_due (hooks_.now ());
    files = files_;
  }
  for (const auto &feed : wanting)
    feed->request_key ();
  for (const auto &file : files) {
    if (file->result.state == FileState::Writing && !file->announced) {
      file->announced = true;
      hooks_.on_file (describe (*file));
    }
    std::vector<Writer::Condition> conditions;
    GstClockTime known = complete;
    {
      std::lock_guard guard (lock_);
      if (next_) known = std::min (known, cut_from_);
      for (size_t i : file->tracks) {
        const Track &track = tracks_[i].track;
        const bool gone = !track.feed;
        conditions.push_back ({ gone || (track.muted && track.muted ()), gone           ? 0
                                                                         : track.copied ? kCopyPatience
                                                                                        : kEncoderPatience });
      }
    }
    file->writer->advance (known, conditions);
    const auto state = file->writer->state ();
    if (state == Writer::State::Done || state == Writer::State::Failed) settle (*file);
  }
  {
    std::lock_guard guard (lock_);
    std::erase_if (files_, [] (const auto &file) { return file->result.state != FileState::Writing; });
  }
  if (stopped_ || error_ || !opened_) return;
  if (GST_CLOCK_TIME_IS_VALID (retry_at_) && hooks_.now () >= retry_at_) {
    retry_at_ = GST_CLOCK_TIME_NONE;
    if (auto file = prepare ()) switch_to (file, hooks_.now ());
  }
  check_segment ();
  if (format_.cut_at_keys && hooks_.now () >= next_keys_) ask_for_keys ();
}

void
Series::ask_for_keys () {
  next_keys_ = hooks_.now () + kBetweenKeys;
  std::vector<FeedPtr> feeds;
  {
    std::lock_guard guard (lock_);
    for (const auto &listening : tracks_)
      if (listening.track.feed && listening.track.copied) feeds.push_back (listening.track.feed);
  }
  for (const auto &feed : feeds)
    feed->request_key ();
}

void
Series::settle (File &file) {
  const bool failed = file.writer->state () == Writer::State::Failed;
  {
    std::lock_guard guard (lock_);
    if (!GST_CLOCK_TIME_IS_VALID (file.end)) file.end = file.writer->origin () + file.writer->duration ();
  }
  auto result = describe (file);
  result.state = file.result.state = failed ? FileState::Failed : FileState::Complete;
  result.end_ms = hooks_.wall_ms (file.end);
  if (failed) result.error = file.writer->error ().message;
  hooks_.on_file (result);
  if (!failed) return;
  const bool live = format_.medium == Medium::Rtmp || format_.medium == Medium::Srt;
  if (live && !stopped_)
    retry_at_ = hooks_.now () + kRetryAfter;
  else
    fail (file.writer->error ());
}

void
Series::stop (GstClockTime at) {
  if (std::exchange (stopped_, true)) return;
  std::lock_guard guard (lock_);
  next_.reset ();
  release_held ();
  begin (nullptr, at);
  (void)take_due (G_MAXINT64); // those of before the end are of use
}

void
Series::give_up (const Error &error, GstClockTime at) {
  fail (error);
  stop (at);
}

bool
Series::finished () const {
  std::lock_guard guard (lock_);
  return (stopped_ || error_) && files_.empty ();
}

bool
Series::has_frames () const {
  std::lock_guard guard (lock_);
  return !backlog_.empty ();
}

void
Series::fail (const Error &error) {
  if (!error_) error_ = error;
}

FileResult
Series::describe (const File &file) const {
  FileResult result = file.result;
  const auto counters = file.writer->counters ();
  result.duration_ms = int64_t (file.writer->duration () / GST_MSECOND);
  result.bytes = file.writer->bytes ();
  result.frames = counters.frames;
  result.filled = counters.filled;
  result.late = counters.late;
  const int64_t left_out = file.left_out;
  result.dropped = counters.dropped
                   + (left_out >= 0 ? uint64_t (left_out) : left_out_of (file.feeds) - file.left_out_before);
  return result;
}

std::vector<std::pair<std::string, uint64_t>>
Series::disks () const {
  std::lock_guard guard (lock_);
  std::vector<std::pair<std::string, uint64_t>> all;
  for (const auto &file : files_)
    if (const auto free = file->writer->free_bytes (); free && file->result.state == FileState::Writing)
      all.emplace_back (file->result.location, *free);
  return all;
}

std::vector<FileResult>
Series::writing () const {
  std::vector<std::shared_ptr<File>> files;
  {
    std::lock_guard guard (lock_);
    files = files_;
  }
  std::vector<FileResult> all;
  for (const auto &file : files)
    if (file->result.state == FileState::Writing) all.push_back (describe (*file));
  return all;
}

} // namespace lk::record
