#include "core.hpp"

#include <algorithm>
#include <sys/statvfs.h>

namespace lk::record {

namespace {

constexpr Millis kTick{ 100 };
constexpr unsigned kTicksPerSecond = 10;
// Beyond the latency that the elements tell: a busy machine.
constexpr GstClockTime kSlack = 250 * GST_MSECOND;
// A participant's file waits so long for the tracks that were published before it began.
constexpr gint64 kSettleUs = 3000000;
// Files kept in the status of a job that runs for days.
constexpr size_t kMaxEndedFiles = 1000;

bool
is_live (const PlannedOutput &planned) {
  return planned.format && (planned.format->medium == Medium::Rtmp || planned.format->medium == Medium::Srt);
}

} // namespace

Job::Core::Core (Request request, std::vector<PlannedOutput> outputs, Listener listener)
    : request_ (std::move (request)), outputs_ (std::move (outputs)), listener_ (std::move (listener)),
      thread_ ("lk:recorder") {}

Job::Core::~Core () {
  thread_.queue ()->post ([this] {
    timer_.reset ();
    room_.reset ();
    series_.clear ();
    people_.clear ();
    by_track_.clear ();
    mixes_.clear ();
  });
  thread_.stop ();
}

Status
Job::Core::status () const {
  std::lock_guard guard (lock_);
  return status_;
}

bool
Job::Core::wait (Millis timeout) const {
  std::unique_lock guard (lock_);
  return changed_.wait_for (guard, timeout, [this] { return is_final (status_.state); });
}

// ---- states

void
Job::Core::start () {
  if (room_ || state_ != State::Starting) return;
  Room::Kinds received, tapped;
  for (const auto &planned : outputs_) {
    received.audio |= planned.output.audio;
    received.video |= planned.output.video;
    if (planned.output.scope == Scope::Composite) continue;
    tapped.audio |= planned.output.audio;
    tapped.video |= planned.output.video;
  }
  Room::Hooks hooks;
  hooks.joined = [this] { joined (); };
  hooks.track_came = [this] (const RoomTrackPtr &track) { track_came (track); };
  hooks.track_gone = [this] (const RoomTrackPtr &track) { track_gone (track); };
  hooks.stalled = [this] (const RoomTrackPtr &track) {
    if (listener_.on_stall) listener_.on_stall (track->status);
  };
  hooks.participants = [this] (unsigned count) { participants (count); };
  hooks.ended = [this] (std::optional<Error> error) {
    if (error)
      end (State::Failed, error->message, error->code);
    else
      end (State::Complete, "the room was closed");
  };
  started_us_ = empty_since_us_ = g_get_monotonic_time ();
  reason_ = "joining the room";
  room_.emplace (thread_, std::move (hooks));
  timer_ = thread_.every (kTick, [this] { tick (); });
  publish ();
  if (auto started = room_->start (request_, received, tapped); !started)
    end (State::Failed, started.error ().message, started.error ().code);
}

void
Job::Core::joined () {
  if (std::exchange (joined_, true)) return;
  empty_since_us_ = g_get_monotonic_time ();
  reason_ = "waiting for somebody to publish";
  if (!request_.limits.wait_for_publisher) activate ();
  for (const auto &track : std::exchange (early_, {}))
    track_came (track);
}

void
Job::Core::activate () {
  if (state_ != State::Starting) return;
  state_ = State::Active;
  reason_.clear ();
  began_ = room_->now ();
  auto opened = open_composites ();
  publish ();
  if (!opened) end (State::Failed, opened.error ().message, opened.error ().code);
}

void
Job::Core::end (State outcome, std::string reason, Errc code, std::optional<GstClockTime> at) {
  if (state_ >= State::Ending) return;
  const GstClockTime last = at.value_or (room_ ? room_->now () : 0);
  const bool recorded = state_ == State::Active;
  outcome_ = outcome == State::Complete && !recorded ? State::Aborted : outcome;
  reason_ = std::move (reason);
  code_ = code;
  state_ = State::Ending;
  ended_ = recorded ? last : GST_CLOCK_TIME_NONE;
  for (const auto &series : series_)
    series->stop (last);
  publish ();
  if (series_.empty ()) finish ();
}

/// Every file is finished.
void
Job::Core::finish () {
  timer_.reset ();
  for (const auto &series : series_)
    if (series->error () && outcome_ != State::Failed) {
      outcome_ = State::Failed;
      reason_ = series->error ()->message;
      code_ = series->error ()->code;
    }
  // Not here: this may be a call of the room's.
  thread_.queue ()->post ([this] {
    room_.reset ();
    series_.clear ();
    people_.clear ();
    by_track_.clear ();
    mixes_.clear ();
    state_ = outcome_;
    publish ();
  });
}

// ---- what is recorded

Job::Core::SeriesPtr
Job::Core::make_series (size_t output, const Format &format, NameFields subject) {
  subject.room = room_->name ();
  Series::Hooks hooks;
  hooks.now = [this] { return room_->now (); };
  hooks.wall_ms = [this] (GstClockTime running) { return wall_ms (running); };
  hooks.name
      = [this] (const PlannedOutput &planned, NameFields fields) { return name_file (planned, fields); };
  hooks.on_file = [this] (const FileResult &file) { on_file (file); };
  auto series = std::make_shared<Series> (outputs_[output], format, std::move (subject), std::move (hooks));
  series_.push_back (series);
  return series;
}

Result<>
Job::Core::open_composites () {
  std::vector<std::pair<SeriesPtr, std::vector<Series::Track>>> all;
  for (size_t i = 0; i < outputs_.size (); i++) {
    const auto &planned = outputs_[i];
    if (planned.output.scope != Scope::Composite) continue;
    std::vector<Series::Track> tracks;
    for (bool video : { true, false }) {
      if (!(video ? planned.output.video : planned.output.audio)) continue;
      auto &mix = mixes_[video];
      if (!mix) {
        auto made = Tap::make (room_->pipeline (), nullptr);
        if (!made) return made.error ();
        mix = *made;
      }
      const auto &encoding = planned.output.encoding;
      auto feed = mix->encoded (*find_codec (video ? encoding.video_codec : encoding.audio_codec), encoding);
      if (!feed) return feed.error ();
      tracks.push_back ({ video ? "video" : "audio", *feed, encoding, false, nullptr });
    }
    all.emplace_back (make_series (i, *planned.format, {}), std::move (tracks));
  }
  for (auto &[series, tracks] : all) {
    for (auto &track : tracks)
      series->add (std::move (track));
  }
  began_ = room_->now ();
  for (const auto &[video, mix] : mixes_)
    if (auto linked = room_->link_mix (*mix, video, request_.layout); !linked) return linked;
  for (auto &[series, tracks] : all)
    series->open (began_);
  return {};
}

void
Job::Core::track_came (const RoomTrackPtr &track) {
  if (state_ >= State::Ending) return;
  if (!joined_) return early_.push_back (track);
  activate ();
  for (size_t i = 0; i < outputs_.size (); i++)
    if (outputs_[i].output.scope != Scope::Composite
        && (track->codec->video ? outputs_[i].output.video : outputs_[i].output.audio))
      record (track, i);
  if (!track->tap) return;
  if (track->tap->feeds ().empty ()) track->tap->close (); // refused by all
  track->tap->release ();
}

void
Job::Core::record (const RoomTrackPtr &track, size_t index) {
  const auto &planned = outputs_[index];
  const auto &status = track->status;
  const Format *format = planned.format ? planned.format : natural_format (*track->codec);
  if (!format) return;
  NameFields subject;
  subject.participant = status.participant;
  subject.name = status.name.empty () ? status.participant : status.name;
  if (planned.output.scope == Scope::Track) {
    subject.track = status.track;
    subject.sid = status.sid;
    subject.source = status.source;
    subject.kind = status.kind;
    subject.codec = status.codec;
  }
  const auto way = way_of (planned.output, *format, *track->codec);
  Result<FeedPtr> feed = Error{};
  Encoding encoding = planned.output.encoding;
  if (!way)
    feed = way.error ();
  else if (!track->tap)
    feed = Error{ Errc::MediaFailed, Retry::Never, "its pad could not be linked" };
  else if (way->copied)
    feed = track->tap->copied ();
  else
    feed = track->tap->encoded (*way->codec, encoding);
  if (!feed) {
    // A file that is refused is a result, too.
    FileResult refused;
    refused.format = format->name;
    refused.scope = planned.output.scope;
    refused.participant = status.participant;
    refused.track = status.track;
    refused.state = FileState::Failed;
    refused.error = "track " + status.track + " of " + status.participant + ": " + feed.error ().message;
    on_file (refused);
    return;
  }
  // What a publisher says of its size may be anything.
  const auto plausible = [] (unsigned pixels) { return pixels >= 16 && pixels <= 4096; };
  if (way->copied && plausible (track->width) && plausible (track->height)) {
    encoding.width = track->width & ~1u;
    encoding.height = track->height & ~1u;
  }
  Series::Track part{ status.kind + "/" + status.source + "/"
                          + (way->copied ? status.codec : way->codec->name),
                      *feed, encoding, way->copied, [weak = std::weak_ptr<RoomTrack> (track)] {
                        auto t = weak.lock ();
                        return t && t->muted ();
                      } };
  if (planned.output.scope == Scope::Track) {
    auto series = make_series (index, *format, std::move (subject));
    by_track_[std::to_string (index) + "/" + status.sid] = series;
    series->add (std::move (part));
    return; // opened by its first frame
  }
  auto &person = people_[{ index, status.participant }];
  if (!person.series) {
    person.series = make_series (index, *format, std::move (subject));
    person.since_us = g_get_monotonic_time ();
    person.published = track->published;
  }
  person.tracks++;
  person.series->add (std::move (part));
  if (!person.series->is_open () && person.tracks >= person.published) person.series->open (room_->now ());
}

void
Job::Core::track_gone (const RoomTrackPtr &track) {
  std::erase (early_, track);
  if (state_ >= State::Ending) return;
  for (size_t i = 0; i < outputs_.size (); i++) {
    const auto &output = outputs_[i].output;
    if (auto node = by_track_.extract (std::to_string (i) + "/" + track->status.sid))
      node.mapped ()->stop (room_->now ());
    auto person = people_.find ({ i, track->status.participant });
    if (person == people_.end ()) continue;
    const Format &format = *outputs_[i].format;
    if (auto way = way_of (output, format, *track->codec))
      person->second.series->remove (track->status.kind + "/" + track->status.source + "/"
                                     + (way->copied ? track->status.codec : way->codec->name));
  }
}

Result<std::string>
Job::Core::name_file (const PlannedOutput &planned, NameFields fields) {
  if (is_live (planned)) return planned.output.location;
  const std::string wanted = expand (planned.output.location, fields);
  const bool overwrite = planned.output.overwrite;
  auto name = free_name (wanted, [this, overwrite] (const std::string &candidate) {
    return names_.contains (candidate)
           || (!overwrite && g_file_test (candidate.c_str (), G_FILE_TEST_EXISTS));
  });
  names_.insert (name);
  return name;
}

void
Job::Core::on_file (const FileResult &file) {
  if (file.state != FileState::Writing) {
    ended_files_.push_back (file);
    if (ended_files_.size () > kMaxEndedFiles) ended_files_.erase (ended_files_.begin ());
  }
  if (listener_.on_file) listener_.on_file (file);
}

// ---- time

void
Job::Core::participants (unsigned count) {
  if (count > 0)
    empty_since_us_ = 0;
  else if (empty_since_us_ == 0)
    empty_since_us_ = g_get_monotonic_time ();
}

void
Job::Core::tick () {
  const GstClockTime now = room_->now ();
  if (ticks_++ % kTicksPerSecond == 0) look ();
  for (const auto &[key, series] : by_track_)
    if (!series->is_open () && series->has_frames ()) series->open (now);
  for (auto &[key, person] : people_)
    if (!person.series->is_open () && state_ == State::Active
        && g_get_monotonic_time () - person.since_us > kSettleUs)
      person.series->open (now);
  const GstClockTime behind = latency_ + kSlack;
  for (const auto &series : series_)
    series->tick (now - std::min (now, behind));
  if (state_ != State::Ending) {
    check_limits (now);
    // Nothing is left to write to.
    const bool broken
        = !series_.empty () && std::all_of (series_.begin (), series_.end (), [] (const auto &series) {
            return series->error () && series->finished ();
          });
    if (broken && series_.size () >= outputs_.size ())
      end (State::Failed, series_.front ()->error ()->message, series_.front ()->error ()->code);
  }
  if (state_ != State::Ending) {
    // Tracks and people that are gone.
    std::erase_if (series_, [] (const auto &series) { return series->finished () && !series->error (); });
    return;
  }
  if (std::all_of (series_.begin (), series_.end (), [] (const auto &series) { return series->finished (); }))
    finish ();
}

/// Once a second.
void
Job::Core::look () {
  room_->look (request_.limits.stall);
  latency_ = 0;
  const auto consider = [this] (const std::shared_ptr<Tap> &tap) {
    if (tap)
      for (const auto &feed : tap->feeds ())
        latency_ = std::max (latency_, feed->latency ());
  };
  for (const auto &track : room_->tracks ())
    consider (track->tap);
  for (const auto &[video, mix] : mixes_)
    consider (mix);
  publish ();
  if (state_ == State::Active) check_disks ();
}

void
Job::Core::check_limits (GstClockTime now) {
  const auto &limits = request_.limits;
  const gint64 now_us = g_get_monotonic_time ();
  if (state_ == State::Starting) {
    if (joined_ && limits.wait.count () > 0 && now_us - started_us_ > limits.wait.count () * 1000)
      end (State::Aborted, "nobody published", Errc::Timeout);
    return;
  }
  if (limits.duration.count () > 0) {
    // To the millisecond: what is of after that is on its way still.
    const GstClockTime due = began_ + GstClockTime (limits.duration.count ()) * GST_MSECOND;
    if (now >= due) return end (State::LimitReached, "the time is over", Errc::Internal, due);
  }
  if (limits.empty && empty_since_us_ && now_us - empty_since_us_ >= limits.empty->count () * 1000)
    return end (State::Complete, "the room is empty");
  if (limits.bytes == 0) return;
  uint64_t bytes = 0;
  for (const auto &file : files ())
    bytes += file.bytes;
  if (bytes >= limits.bytes) end (State::LimitReached, "the files have their size");
}

void
Job::Core::check_disks () {
  for (const auto &series : series_)
    for (const auto &file : series->writing ()) {
      struct statvfs disk;
      if (file.location.find ("://") != file.location.npos || statvfs (file.location.c_str (), &disk) != 0)
        continue;
      if (uint64_t (disk.f_bavail) * disk.f_frsize >= request_.limits.min_free_bytes) continue;
      series->give_up ({ Errc::LimitExceeded, Retry::Never,
                         "the disk of " + file.location + " is full: the file was finished before that" },
                       room_->now ());
    }
}

int64_t
Job::Core::wall_ms (GstClockTime running) const {
  return g_get_real_time () / 1000 - GST_CLOCK_DIFF (running, room_->now ()) / GST_MSECOND;
}

std::vector<FileResult>
Job::Core::files () const {
  auto all = ended_files_;
  for (const auto &series : series_)
    for (auto &file : series->writing ())
      all.push_back (std::move (file));
  return all;
}

Status
Job::Core::make_status () const {
  Status status;
  status.state = state_;
  status.reason = reason_;
  status.code = code_;
  status.files = files ();
  if (!room_) return status;
  status.room = room_->name ();
  status.participants = room_->participants ();
  status.reconnects = room_->reconnects ();
  for (const auto &track : room_->tracks ())
    status.tracks.push_back (track->status);
  if (!GST_CLOCK_TIME_IS_VALID (began_)) return status;
  status.start_ms = wall_ms (began_);
  const GstClockTime until = GST_CLOCK_TIME_IS_VALID (ended_) ? ended_ : room_->now ();
  status.duration_ms = int64_t ((until - std::min (until, began_)) / GST_MSECOND);
  return status;
}

/// Makes the status known, and tells it where it is another.
void
Job::Core::publish () {
  auto status = make_status ();
  bool another = false;
  {
    std::lock_guard guard (lock_);
    if (!room_) { // over: the room's part is as it was last
      status.room = status_.room;
      status.participants = status_.participants;
      status.reconnects = status_.reconnects;
      status.tracks = status_.tracks;
      status.start_ms = status_.start_ms;
      status.duration_ms = status_.duration_ms;
    }
    another = status_.state != status.state || ticks_ == 0;
    status_ = status;
  }
  if (another && listener_.on_state) listener_.on_state (status);
  if (!another && state_ == State::Active && listener_.on_progress) listener_.on_progress (status);
  changed_.notify_all ();
}

} // namespace lk::record
