#include "writer.hpp"
#include "writer_gate.hpp"

#include <gst/app/gstappsrc.h>

#include <algorithm>

namespace lk::record {

namespace {

// What may wait for a disk or a network; more is dropped and counted.
constexpr guint64 kMaxVideoBytes = 48 * 1024 * 1024, kMaxAudioBytes = 4 * 1024 * 1024;
// Of a picture that stands in; it is shown until the next one.
constexpr GstClockTime kPictureLength = 40 * GST_MSECOND;
// A file whose last picture is older than that at its end gets another.
constexpr GstClockTime kOldPicture = 500 * GST_MSECOND;
// When a file is to be finished: what waits has so long to be written, the file's index so long; a disk that
// takes nothing for so long is broken.
constexpr gint64 kDrainUs = 15 * 1000000, kMaxFinishUs = 60 * 1000000, kPatienceUs = 20 * 1000000;

Result<>
make_folder (const std::string &folder) {
  if (folder.empty () || g_mkdir_with_parents (folder.c_str (), 0777) == 0) return {};
  return Error{ Errc::MediaFailed, Retry::Never,
                "the folder " + folder + " cannot be made: " + g_strerror (errno) };
}

} // namespace

void
Writer::begin (GstClockTime origin) {
  origin_ = origin;
  for (Track &track : tracks_)
    track.timeline.emplace (track.slot.codec->video, origin, track.stand_in ? track.stand_in->duration : 0);
  keeper_->open ([folder = folder_] { return make_folder (folder); });
}

void
Writer::end_at (GstClockTime end) {
  std::lock_guard guard (lock_);
  if (GST_CLOCK_TIME_IS_VALID (end_.load ())) return;
  end_ = end;
  for (Track &track : tracks_)
    track.timeline->end_at (end);
}

bool
Writer::room_for (const Track &track) {
  auto *source = GST_APP_SRC (track.source.get ());
  return gst_app_src_get_current_level_bytes (source)
             < (track.slot.codec->video ? kMaxVideoBytes : kMaxAudioBytes)
         && gst_app_src_get_current_level_time (source) < buffer_;
}

void
Writer::feed (Track &track, GstBuffer *frame, GstClockTime pts, GstClockTime duration,
              const Ref<GstCaps> &caps) {
  if (caps && caps.get () != track.caps.get ()) {
    track.caps = caps;
    gst_app_src_set_caps (GST_APP_SRC (track.source.get ()), caps.get ());
  }
  GstBuffer *buffer = gst_buffer_copy (frame);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = pts - origin_;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_BUFFER_OFFSET (buffer) = GST_BUFFER_OFFSET_END (buffer) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  gst_app_src_push_buffer (GST_APP_SRC (track.source.get ()), buffer);
}

void
Writer::fill (Track &track, const Timeline::Fill &fill) {
  if (fill.count == 0 || !track.stand_in) return;
  for (uint64_t i = 0; i < fill.count && room_for (track); i++) {
    feed (track, track.stand_in->frame.get (), fill.from + i * fill.step,
          track.slot.codec->video ? kPictureLength : fill.step,
          track.caps ? track.caps : track.stand_in->caps);
    counters_.filled++;
    track.timeline->fill ({ fill.from + i * fill.step, 1, fill.step });
  }
  // What follows a picture of ours cannot build on those before it.
  if (track.slot.codec->video) track.needs_key = true;
}

bool
Writer::push (size_t slot, const FedFrame &frame) {
  std::lock_guard guard (lock_);
  if (state_ != State::Writing || slot >= tracks_.size ()) return true;
  Track &track = tracks_[slot];
  if (frame.pts < track.timeline->origin () && track.slot.codec->video) return true;
  if (frame.pts >= end_) {
    track.passed = true;
    return true;
  }
  if (track.slot.codec->video && track.needs_key && !frame.key) return false;
  if (!room_for (track)) {
    counters_.dropped++;
    track.needs_key = true;
    return true;
  }
  fill (track, track.timeline->before (frame.pts));
  const GstClockTime duration = GST_BUFFER_DURATION (frame.buffer.get ());
  const bool known = GST_CLOCK_TIME_IS_VALID (duration) && duration > 0;
  const auto place = track.timeline->place (
      frame.pts, known || track.slot.codec->video ? duration : track.stand_in->duration);
  if (place.late) counters_.late++;
  if (!place.keep) return true;
  track.needs_key = false;
  counters_.frames++;
  feed (track, frame.buffer.get (), place.pts, known ? duration : GST_CLOCK_TIME_NONE, frame.caps);
  return true;
}

void
Writer::advance (GstClockTime complete, const std::vector<Condition> &conditions) {
  look_at_bus ();
  check_finish ();
  if (state_ != State::Writing) return;
  bool whole = true;
  for (size_t i = 0; i < tracks_.size (); i++) {
    Track &track = tracks_[i];
    const Condition condition = i < conditions.size () ? conditions[i] : Condition{};
    std::unique_lock guard (lock_);
    const GstClockTime until
        = track.passed ? end_.load () : complete - std::min (complete, condition.patience);
    whole &= until >= end_;
    // At its end a file does not wait for what may come.
    const bool nothing_comes = condition.muted || until >= end_;
    auto missing = track.timeline->up_to (until, nothing_comes);
    // A track that never had anything would have no format.
    if (until >= end_ && missing.count == 0 && !track.timeline->begun ())
      missing = { origin_, 1, GST_SECOND };
    const bool old
        = track.slot.codec->video && until >= end_ && end_ > track.timeline->covered () + kOldPicture;
    if (missing.count == 0 && old) missing = { end_ - kPictureLength, 1, kPictureLength };
    if (missing.count == 0 || track.alone) continue;
    if (!track.stand_in) {
      guard.unlock ();
      auto made = make_stand_in (*track.slot.codec, track.slot.encoding);
      guard.lock ();
      if (!made) {
        GST_WARNING_OBJECT (pipeline_.get (), "%s", made.error ().message.c_str ());
        track.alone = true;
        continue;
      }
      track.stand_in = *made;
      if (track.timeline->begun ()) missing = track.timeline->up_to (until, nothing_comes); // a frame came
    }
    fill (track, missing);
  }
  if (whole) finish ();
}

void
Writer::finish () {
  {
    std::lock_guard guard (lock_);
    state_ = State::Finishing;
  }
  finishing_since_us_ = moved_us_ = g_get_monotonic_time ();
  for (Track &track : tracks_)
    gst_app_src_end_of_stream (GST_APP_SRC (track.source.get ()));
}

/// A slow disk gets some time for what waits; after that the file ends where it got to.
void
Writer::check_finish () {
  if (state_ != State::Finishing) return;
  if (finished_ && keeper_->closed ()) {
    state_ = State::Done;
    return;
  }
  const gint64 now = g_get_monotonic_time ();
  if (const auto taken = meter_->taken (); std::exchange (taken_, taken) != taken) moved_us_ = now;
  if (now - finishing_since_us_ > kDrainUs)
    for (const Track &track : tracks_)
      track.gate->closed = true;
  const char *problem = now - moved_us_ > kPatienceUs              ? "nothing was taken for 20 s"
                        : now - finishing_since_us_ > kMaxFinishUs ? "it took more than a minute"
                                                                   : nullptr;
  if (problem)
    fail ({ Errc::Timeout, Retry::Never,
            redacted (location_) + " could not be finished: " + problem + "; it plays up to there" });
}

void
Writer::look_at_bus () {
  if (state_ == State::Done || state_ == State::Failed || finished_) return;
  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
  while (auto message = Ref<GstMessage>::adopt (gst_bus_pop (bus.get ()))) {
    if (GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR) {
      GError *raw = nullptr;
      gst_message_parse_error (message.get (), &raw, nullptr);
      const ErrorPtr error (raw);
      const bool full = g_error_matches (raw, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
      return fail ({ full ? Errc::LimitExceeded : Errc::MediaFailed, Retry::Never,
                     full ? "the disk is full: " + location_ + " ends here and plays up to its last second"
                          : redacted (location_) + ": " + error->message });
    }
    if (GST_MESSAGE_TYPE (message.get ()) != GST_MESSAGE_EOS) continue;
    finished_ = true;
    keeper_->close ();
    return;
  }
  if (auto error = keeper_->error ()) {
    error->message = redacted (location_) + ": " + error->message;
    fail (std::move (*error));
  }
}

void
Writer::fail (Error error) {
  error_ = std::move (error);
  {
    std::lock_guard guard (lock_);
    state_ = State::Failed;
  }
  keeper_->close ();
}

GstClockTime
Writer::duration () const {
  std::lock_guard guard (lock_);
  GstClockTime longest = 0;
  for (const Track &track : tracks_) {
    if (!track.timeline) continue;
    const bool cut = track.gate->refused > 0;
    longest = std::max (longest, cut ? track.gate->passed.load () : track.timeline->covered () - origin_);
  }
  return longest;
}

Writer::Counters
Writer::counters () const {
  std::lock_guard guard (lock_);
  auto counters = counters_;
  for (const Track &track : tracks_)
    counters.dropped += track.gate->refused;
  return counters;
}

} // namespace lk::record
