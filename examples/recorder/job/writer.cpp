#include "writer.hpp"

#include "media/row.hpp"

#include <gst/app/gstappsrc.h>

#include <algorithm>
#include <sys/stat.h>

namespace lk::record {

namespace {

// What may wait for a disk or a network; more is dropped and counted.
constexpr guint64 kMaxVideoBytes = 48 * 1024 * 1024, kMaxAudioBytes = 4 * 1024 * 1024;
constexpr GstClockTime kMaxTime = 30 * GST_SECOND;
// Of a picture that stands in; it is shown until the next one.
constexpr GstClockTime kPictureLength = 40 * GST_MSECOND;
// A file whose last picture is older than that at its end gets another.
constexpr GstClockTime kOldPicture = 500 * GST_MSECOND;
// Finishing writes an index; a disk that takes longer is broken.
constexpr gint64 kPatienceUs = 20 * 1000000;

/// Muxers fix the format of a track in the header. What changes later is in the stream itself.
GstPadProbeReturn
keep_first_caps (GstPad *, GstPadProbeInfo *info, gpointer had_caps) {
  if (GST_EVENT_TYPE (gst_pad_probe_info_get_event (info)) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  return std::exchange (*static_cast<bool *> (had_caps), true) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

} // namespace

std::string
redacted (const std::string &location) {
  const auto scheme = location.find ("://");
  if (scheme == location.npos) return location;
  auto host = location.substr (scheme + 3);
  host = host.substr (0, host.find_first_of ("/?"));
  if (const auto at = host.rfind ('@'); at != host.npos) host = host.substr (at + 1);
  return location.substr (0, scheme + 3) + host + "/…";
}

Result<std::unique_ptr<Writer>>
Writer::make (const Format &format, const std::string &location, const std::vector<Slot> &slots) {
  std::unique_ptr<Writer> writer (new Writer (format, location));
  if (auto built = writer->build (slots); !built) return built.error ();
  return writer;
}

Writer::~Writer () {
  if (pipeline_) gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
}

/// The element that writes, with what goes before it added and linked.
Result<Ref<GstElement>>
Writer::make_end (Ref<GstElement> &muxer) {
  auto made = media::make_element (format_.muxer);
  if (!made) return made;
  muxer = *made;
  media::apply_settings (muxer.get (), format_.settings);
  gst_bin_add (GST_BIN (pipeline_.get ()), muxer.get ());
  if (format_.medium == Medium::Hls) {
    const std::string base = location_.substr (0, location_.rfind ('.'));
    g_object_set (muxer.get (), "location", (base + "-%05d.ts").c_str (), "playlist-location",
                  location_.c_str (), nullptr);
    return muxer;
  }
  const char *factory = format_.medium == Medium::Rtmp  ? "rtmp2sink"
                        : format_.medium == Medium::Srt ? "srtsink"
                                                        : "filesink";
  auto end = media::make_element (factory);
  if (!end) return end;
  // Nothing waits in buffers of ours: what is written is in the file when the process dies.
  media::apply_settings (end->get (), "sync=false buffer-mode=unbuffered wait-for-connection=false");
  g_object_set (end->get (), format_.medium == Medium::Srt ? "uri" : "location", location_.c_str (), nullptr);
  gst_bin_add (GST_BIN (pipeline_.get ()), end->get ());
  gst_element_link (muxer.get (), end->get ());
  return end;
}

Result<>
Writer::build (const std::vector<Slot> &slots) {
  pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  if (format_.medium == Medium::File || format_.medium == Medium::Hls) {
    const CString directory (g_path_get_dirname (location_.c_str ()));
    if (g_mkdir_with_parents (directory.get (), 0777) != 0)
      return Error{ Errc::Settings, Retry::Never,
                    std::string ("the folder ") + directory.get ()
                        + " cannot be made: " + g_strerror (errno) };
  }
  Ref<GstElement> muxer;
  if (auto end = make_end (muxer); !end) return end.error ();
  tracks_.reserve (slots.size ());
  for (const Slot &slot : slots)
    if (auto added = add_track (slot, muxer.get ()); !added) return added;
  return {};
}

Result<>
Writer::add_track (const Slot &slot, GstElement *muxer) {
  Track track{ slot };
  auto source = media::make_element ("appsrc");
  if (!source) return source.error ();
  // Not live: a muxer then waits for each track instead of for the clock.
  media::apply_settings (source->get (), "format=time max-bytes=0 block=false is-live=false");
  gst_bin_add (GST_BIN (pipeline_.get ()), source->get ());
  GstElement *last = source->get ();
  const bool h264 = std::string_view (slot.codec->name) == "h264";
  if (*slot.codec->parser) {
    auto parser = media::make_element (slot.codec->parser);
    if (!parser) return parser.error ();
    media::apply_settings (parser->get (), "config-interval=-1");
    const std::string caps
        = h264 ? std::string ("video/x-h264,alignment=au,stream-format=") + format_.h264 : "ANY";
    auto filter = media::make_filter (caps.c_str ());
    if (!filter) return filter.error ();
    gst_bin_add_many (GST_BIN (pipeline_.get ()), parser->get (), (*filter).get (), nullptr);
    gst_element_link_many (last, parser->get (), (*filter).get (), nullptr);
    last = (*filter).get ();
  }
  const char *pad_name = !strcmp (format_.muxer, "mpegtsmux") ? "sink_%d"
                         : !strcmp (format_.muxer, "wavenc")  ? "sink"
                         : !strcmp (format_.muxer, "flvmux") || format_.medium == Medium::Hls
                             ? (slot.codec->video ? "video" : "audio")
                             : (slot.codec->video ? "video_%u" : "audio_%u");
  auto input
      = Ref<GstPad>::adopt (strcmp (pad_name, "sink") ? gst_element_request_pad_simple (muxer, pad_name)
                                                      : gst_element_get_static_pad (muxer, pad_name));
  auto output = Ref<GstPad>::adopt (gst_element_get_static_pad (last, "src"));
  if (!input || gst_pad_link (output.get (), input.get ()) != GST_PAD_LINK_OK)
    return Error{ Errc::UnsupportedCodec, Retry::Never,
                  std::string (format_.muxer) + " takes no " + slot.codec->label + " of this kind" };
  gst_pad_add_probe (output.get (), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, keep_first_caps, new bool (false),
                     [] (gpointer had_caps) { delete static_cast<bool *> (had_caps); });
  track.source = *source;
  if (!slot.codec->video) {
    auto silence = make_stand_in (*slot.codec, slot.encoding);
    if (!silence) return silence.error ();
    track.stand_in = *silence;
  }
  tracks_.push_back (std::move (track));
  return {};
}

void
Writer::begin (GstClockTime origin) {
  origin_ = origin;
  for (Track &track : tracks_)
    track.timeline.emplace (track.slot.codec->video, origin, track.stand_in ? track.stand_in->duration : 0);
  gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
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
         && gst_app_src_get_current_level_time (source) < kMaxTime;
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
  if (state_ == State::Finishing && g_get_monotonic_time () - finishing_since_us_ > kPatienceUs)
    fail ({ Errc::Timeout, Retry::Never, location_ + " could not be finished: the disk does not answer" });
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
  finishing_since_us_ = g_get_monotonic_time ();
  for (Track &track : tracks_)
    gst_app_src_end_of_stream (GST_APP_SRC (track.source.get ()));
}

void
Writer::look_at_bus () {
  if (state_ == State::Done || state_ == State::Failed) return;
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
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
    state_ = State::Done;
    return;
  }
}

void
Writer::fail (Error error) {
  error_ = std::move (error);
  {
    std::lock_guard guard (lock_);
    state_ = State::Failed;
  }
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
}

GstClockTime
Writer::duration () const {
  std::lock_guard guard (lock_);
  GstClockTime longest = 0;
  for (const Track &track : tracks_)
    if (track.timeline) longest = std::max (longest, track.timeline->covered () - origin_);
  return longest;
}

uint64_t
Writer::bytes () const {
  if (format_.medium == Medium::Rtmp || format_.medium == Medium::Srt) return 0;
  struct stat status;
  return stat (location_.c_str (), &status) == 0 ? uint64_t (status.st_size) : 0;
}

Writer::Counters
Writer::counters () const {
  std::lock_guard guard (lock_);
  return counters_;
}

} // namespace lk::record
