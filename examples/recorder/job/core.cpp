#include "core.hpp"

#include <algorithm>

namespace lk::record {

namespace {

constexpr Millis kTick{ 100 };
constexpr unsigned kTicksPerSecond = 10;
// Beyond the latency that the elements tell: a busy machine.
constexpr GstClockTime kSlack = 250 * GST_MSECOND;
// A participant's file waits so long for the tracks that were published before it began.
constexpr gint64 kSettleUs = 3000000;

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
  if (!std::exchange (timer_, nullptr)) return;
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
    for (const auto &[location, free] : series->disks ())
      if (free < request_.limits.min_free_bytes)
        series->give_up ({ Errc::LimitExceeded, Retry::Never,
                           "the disk of " + location + " is full: the file was finished before that" },
                         room_->now ());
}

} // namespace lk::record
