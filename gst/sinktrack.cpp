#include "sinktrack.hpp"

#include "errors.hpp"
#include "framesink.hpp"
#include "media/encode.hpp"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <algorithm>

namespace lk::gst {

namespace {

using media::MediaKind;

bool
publishable (const char *codec) {
  return std::ranges::find (media::publishable_codecs (), codec) != media::publishable_codecs ().end ();
}

/// Raw formats and codecs of a kind; `all`: also codecs that this installation cannot send.
void
append_formats (Ref<GstCaps> &caps, MediaKind kind, bool all) {
  gst_caps_append (
      caps.get (),
      gst_caps_from_string (kind == MediaKind::Audio ? GST_AUDIO_CAPS_MAKE (
                                GST_AUDIO_FORMATS_ALL) ", layout = (string) { interleaved, non-interleaved }"
                                                     : GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));
  for (const auto &codec : media::codecs ())
    if (codec.kind == kind && (all || publishable (codec.name)))
      gst_caps_append (caps.get (), gst_caps_new_empty_simple (codec.media_type));
}

Ref<GstCaps>
make_template_caps (SinkTrack::Kind kind) {
  auto caps = Ref<GstCaps>::adopt (gst_caps_new_empty ());
  // A pad for anything takes also what lacks only a payloader: then the error can name the missing package.
  const bool any = kind == SinkTrack::Kind::Any;
  if (kind != SinkTrack::Kind::Video) append_formats (caps, MediaKind::Audio, any);
  if (kind != SinkTrack::Kind::Audio) append_formats (caps, MediaKind::Video, any);
  return caps;
}

bool
is_raw (const GstCaps *caps) {
  const gchar *type = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  return g_str_equal (type, "audio/x-raw") || g_str_equal (type, "video/x-raw");
}

Error
unsupported (const std::string &sentence) {
  return { Errc::UnsupportedCodec, Retry::Never, sentence };
}

/// Out of reach of the bin's state changes, and with nobody blocked in it any more.
void
stop (const Ref<GstElement> &element) {
  if (!element) return;
  gst_element_set_locked_state (element.get (), TRUE);
  gst_element_set_state (element.get (), GST_STATE_NULL);
}

void
remove_from (GstBin *bin, const Ref<GstElement> &element) {
  if (element) gst_bin_remove (bin, element.get ());
}

} // namespace

void
SinkTrack::init (SinkOwner *owner, Kind kind) {
  owner_ = owner;
  kind_ = kind;
}

Ref<GstCaps>
SinkTrack::template_caps (Kind kind) {
  static const Ref<GstCaps> caps[] = { make_template_caps (Kind::Any), make_template_caps (Kind::Audio),
                                       make_template_caps (Kind::Video) };
  return caps[int (kind)];
}

Ref<GstCaps>
SinkTrack::query_caps () const {
  // Sources take what comes first: what the encoders want needs no conversion.
  auto *caps = gst_caps_new_empty ();
  if (kind_ != Kind::Video)
    gst_caps_append (caps, gst_caps_new_simple ("audio/x-raw", "format", G_TYPE_STRING, "S16LE", "layout",
                                                G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, 48000,
                                                "channels", G_TYPE_INT, settings ().stereo ? 2 : 1, nullptr));
  if (kind_ != Kind::Audio)
    gst_caps_append (caps, gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                                GST_TYPE_INT_RANGE, 1, G_MAXINT, "height", GST_TYPE_INT_RANGE,
                                                1, G_MAXINT, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
                                                G_MAXINT, 1, nullptr));
  // Appended, not merged: merging would drop nothing here, but costs a comparison of every pair of formats.
  gst_caps_append (caps, gst_caps_copy (template_caps (kind_).get ()));
  return Ref<GstCaps>::adopt (caps);
}

SinkTrack::Settings
SinkTrack::settings () const {
  std::lock_guard guard (lock_);
  return settings_;
}

void
SinkTrack::configure (const std::function<void (Settings &)> &change) {
  std::lock_guard guard (lock_);
  change (settings_);
}

void
SinkTrack::set_muted (bool muted) {
  session::LocalTrackPtr track;
  {
    std::lock_guard guard (lock_);
    settings_.muted = muted;
    track = track_;
  }
  if (track) track->set_muted (muted);
}

void
SinkTrack::set_bitrate (uint32_t bitrate_bps) {
  Ref<GstElement> encoder;
  {
    std::lock_guard guard (lock_);
    settings_.bitrate_bps = bitrate_bps;
    if (format_.raw) encoder = front_;
  }
  if (encoder && bitrate_bps > 0) media::set_encode_bitrate (encoder.get (), bitrate_bps);
}

std::string
SinkTrack::name () const {
  auto name = settings ().name;
  return name.empty () ? pad_name () : name;
}

std::string
SinkTrack::pad_name () const {
  return CString (gst_object_get_name (GST_OBJECT (pad_))).get ();
}

session::LocalTrackPtr
SinkTrack::track () const {
  std::lock_guard guard (lock_);
  return track_;
}

// ---- caps → chain -------------------------------------------------------------------------------

Result<SinkTrack::Format>
SinkTrack::decide (GstCaps *caps) const {
  const auto settings = this->settings ();
  const std::string pad = pad_name ();
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const std::string type = gst_structure_get_name (s);

  Format format;
  format.raw = is_raw (caps);
  if (format.raw) {
    const char *usual = type == "audio/x-raw" ? "opus" : "vp8";
    format.codec = media::find_codec (settings.codec.empty () ? usual : settings.codec);
    if (!format.codec)
      return unsupported ("Pad " + pad + ": there is no codec \"" + settings.codec
                          + "\"; choose one of opus, vp8, h264, vp9, av1, h265.");
    if ((format.codec->kind == MediaKind::Audio) != (type == "audio/x-raw"))
      return unsupported ("Pad " + pad + ": " + type + " cannot be encoded as " + format.codec->name + ".");
  } else {
    format.codec = media::codec_of (caps);
    if (!format.codec)
      return unsupported ("Pad " + pad + " cannot publish " + type
                          + ": give it raw media, Opus, VP8, H264, VP9, AV1 or H265.");
    if (!settings.codec.empty () && settings.codec != format.codec->name)
      return unsupported ("Pad " + pad + " has codec=" + settings.codec + " but gets " + type
                          + ": decode it first, or unset codec.");
  }
  const bool audio = format.codec->kind == MediaKind::Audio;
  if ((kind_ == Kind::Audio && !audio) || (kind_ == Kind::Video && audio))
    return unsupported ("Pad " + pad + " got " + type + ": link it to "
                        + (audio ? "an audio_%u" : "a video_%u") + " pad instead.");
  if (!publishable (format.codec->name)) {
    auto payloader = media::make_element (format.codec->payloader);
    return payloader
               ? unsupported (std::string ("This installation cannot publish ") + format.codec->name + ".")
               : payloader.error ();
  }
  gint width = 0, height = 0;
  if (!audio && gst_structure_get_int (s, "width", &width) && gst_structure_get_int (s, "height", &height)) {
    format.width = guint (std::max (width, 0));
    format.height = guint (std::max (height, 0));
  }
  return format;
}

bool
SinkTrack::on_caps (GstCaps *caps) {
  rejected_ = false;
  auto format = decide (caps);
  if (!format) {
    fail (format.error ());
    return false;
  }
  live_ = upstream_live ();
  Format before;
  bool same = false;
  Ref<GstElement> frame_sink;
  {
    std::lock_guard guard (lock_);
    before = format_;
    same = front_ && before.codec == format->codec && before.raw == format->raw;
    frame_sink = frame_sink_;
  }
  if (frame_sink) frame_sink_set_live (frame_sink.get (), live_);
  if (before.codec && before.codec != format->codec) {
    fail (unsupported (std::string ("A published track cannot change its codec (") + before.codec->name
                       + " to " + format->codec->name + "): release the pad and request a new one."));
    return false;
  }
  // Another size passes through the encoder or parser.
  if (!same && !build (*format)) return false;
  if (!track ()) publish ();
  owner_->look_again ();
  return true;
}

Result<Ref<GstElement>>
SinkTrack::make_front (const Format &format) {
  if (!format.raw) return media::make_parse_bin (*format.codec);
  const auto settings = this->settings ();
  media::EncodeSpec spec;
  spec.codec = format.codec->name;
  spec.bitrate_bps = settings.bitrate_bps;
  spec.dtx = settings.dtx;
  spec.stereo = settings.stereo;
  // Called while the bin is made, or later from inside it, which the pad outlives.
  spec.setup = [this] (GstElement *encoder) { owner_->encoder_made (GST_PAD (pad_), encoder); };
  return media::make_encode_bin (spec);
}

bool
SinkTrack::build (const Format &format) {
  auto front = make_front (format);
  if (!front) {
    fail (front.error ());
    return false;
  }
  Ref<GstElement> old;
  {
    std::lock_guard guard (lock_);
    std::swap (old, front_);
  }
  stop (old);
  gst_ghost_pad_set_target (pad_, nullptr);
  remove_from (owner_->bin (), old);
  warm_ = skipped_ = false;
  bool built = true; // an element that is stopping drops what comes
  owner_->while_open ([&] { built = insert (std::move (front.value ()), format); });
  return built;
}

bool
SinkTrack::insert (Ref<GstElement> front, const Format &format) {
  GstBin *bin = owner_->bin ();
  auto fresh = make_frame_sink (owner_->pace (), owner_->patience ());
  frame_sink_set_live (fresh.get (), live_);
  Ref<GstElement> sink;
  {
    std::lock_guard guard (lock_);
    if (released_) return true;
    front_ = front;
    format_ = format;
    sink = frame_sink_;
    if (!sink) frame_sink_ = fresh;
  }
  if (!sink) {
    sink = std::move (fresh);
    gst_bin_add (bin, sink.get ());
  }
  gst_bin_add (bin, front.get ());
  auto head = Ref<GstPad>::adopt (gst_element_get_static_pad (front.get (), "sink"));
  return gst_element_link (front.get (), sink.get ()) && gst_element_sync_state_with_parent (sink.get ())
         && gst_element_sync_state_with_parent (front.get ()) && gst_ghost_pad_set_target (pad_, head.get ());
}

bool
SinkTrack::upstream_live () const {
  auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
  gboolean live = FALSE;
  if (gst_pad_peer_query (GST_PAD (pad_), query.get ()))
    gst_query_parse_latency (query.get (), &live, nullptr, nullptr);
  return live;
}

void
SinkTrack::publish () {
  const auto settings = this->settings ();
  session::PublishSpec spec;
  spec.name = name ();
  Ref<GstElement> sink;
  Format format;
  {
    std::lock_guard guard (lock_);
    if (!frame_sink_ || released_) return;
    format = format_;
    sink = frame_sink_;
  }
  const bool audio = format.codec->kind == MediaKind::Audio;
  spec.codec = format.codec->name;
  spec.width = format.width;
  spec.height = format.height;
  switch (settings.source) {
  case GST_LIVEKIT_TRACK_SOURCE_AUTO:
    spec.source = audio ? TrackSource::Microphone : TrackSource::Camera;
    break;
  case GST_LIVEKIT_TRACK_SOURCE_CAMERA:
    spec.source = TrackSource::Camera;
    break;
  case GST_LIVEKIT_TRACK_SOURCE_MICROPHONE:
    spec.source = TrackSource::Microphone;
    break;
  case GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE:
    spec.source = TrackSource::ScreenShare;
    break;
  case GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO:
    spec.source = TrackSource::ScreenShareAudio;
    break;
  case GST_LIVEKIT_TRACK_SOURCE_UNKNOWN:
    spec.source = TrackSource::Unknown;
    break;
  }
  spec.stream = settings.stream;
  spec.bitrate_bps = settings.bitrate_bps;
  spec.muted = settings.muted;
  spec.dtx = settings.dtx;
  spec.stereo = settings.stereo;

  session::LocalTrackPtr track;
  {
    // Events about the track may come before it is known here; owns() waits for that.
    std::lock_guard publishing (publish_lock_);
    track = owner_->publish (spec);
    std::lock_guard guard (lock_);
    if (!released_) track_ = track;
    refused_ = false;
  }
  if (!track) return;
  // A mute that came meanwhile found no track.
  if (const bool muted = this->settings ().muted; muted != spec.muted) track->set_muted (muted);
  if (this->track () == track)
    frame_sink_set_track (sink.get (), track);
  else
    track->unpublish ();
}

void
SinkTrack::fail (const Error &error) {
  rejected_ = true;
  post_error (GST_ELEMENT (owner_->bin ()), error);
}

// ---- stream -------------------------------------------------------------------------------------

void
SinkTrack::on_restart () {
  if (!ended_.exchange (false)) return;
  publish ();
  owner_->look_again ();
}

void
SinkTrack::on_eos () {
  {
    std::lock_guard guard (lock_);
    if (frame_sink_) return; // comes out of the chain
  }
  ended_ = true;
  owner_->look_again ();
}

SinkTrack::Verdict
SinkTrack::admit () {
  session::LocalTrackPtr track;
  Ref<GstElement> sink;
  bool raw = false, built = false;
  {
    std::lock_guard guard (lock_);
    if (released_) return Verdict::Flushing;
    track = track_;
    sink = frame_sink_;
    raw = format_.raw;
    built = bool (front_);
  }
  if (!built || rejected_) {
    if (!owner_->open ()) return Verdict::Flushing;
    // One error is enough.
    if (!rejected_)
      fail (unsupported ("Pad " + pad_name ()
                         + " got data of an unknown format: put a parser or decodebin before it."));
    return Verdict::NotNegotiated;
  }
  if (!live_) return Verdict::Pass;
  // One frame before the room is reached makes the encoder ready; more would be encoded for nobody.
  if (!warm_) {
    warm_ = true;
    return Verdict::Pass;
  }
  const bool wanted = owner_->playing () && track && track->published () && !(raw && track->muted ());
  if (!wanted) {
    skipped_ = true;
    return Verdict::Drop;
  }
  if (std::exchange (skipped_, false)) frame_sink_request_keyframe (sink.get ());
  return Verdict::Pass;
}

// ---- the element's side -------------------------------------------------------------------------

bool
SinkTrack::owns (const GstObject *frame_sink) const {
  std::lock_guard guard (lock_);
  return frame_sink && GST_OBJECT (frame_sink_.get ()) == frame_sink;
}

bool
SinkTrack::owns (const session::LocalTrackPtr &track) const {
  std::lock_guard publishing (publish_lock_);
  std::lock_guard guard (lock_);
  return track && track_ == track;
}

bool
SinkTrack::settled () const {
  session::LocalTrackPtr track;
  {
    std::lock_guard guard (lock_);
    if (!format_.codec || refused_) return true;
    track = track_;
  }
  return ended_ || (track && track->published ());
}

void
SinkTrack::finish () {
  session::LocalTrackPtr track;
  Ref<GstElement> sink;
  {
    std::lock_guard guard (lock_);
    track = std::move (track_);
    sink = frame_sink_;
  }
  ended_ = true;
  if (sink) frame_sink_set_track (sink.get (), nullptr);
  if (track) track->unpublish ();
  owner_->look_again ();
}

void
SinkTrack::muted_by_server (bool muted) {
  {
    std::lock_guard guard (lock_);
    if (std::exchange (settings_.muted, muted) == muted) return;
  }
  g_object_notify (G_OBJECT (pad_), "muted");
}

void
SinkTrack::wake () {
  Ref<GstElement> sink;
  {
    std::lock_guard guard (lock_);
    sink = frame_sink_;
  }
  if (sink) frame_sink_wake (sink.get ());
}

void
SinkTrack::refused () {
  session::LocalTrackPtr track;
  Ref<GstElement> sink;
  {
    std::lock_guard guard (lock_);
    refused_ = true;
    track = std::move (track_);
    sink = frame_sink_;
  }
  if (sink) frame_sink_set_track (sink.get (), nullptr);
}

void
SinkTrack::release () {
  std::lock_guard guard (lock_);
  released_ = true;
}

void
SinkTrack::close () {
  Ref<GstElement> front, sink;
  session::LocalTrackPtr track;
  bool for_good = false;
  {
    std::lock_guard guard (lock_);
    for_good = released_;
    std::swap (front, front_);
    std::swap (sink, frame_sink_);
    track = std::move (track_);
    format_ = {};
    refused_ = false;
  }
  if (sink) frame_sink_set_track (sink.get (), nullptr);
  // The last one first: it is where a streaming thread may wait.
  stop (sink);
  stop (front);
  if (for_good) gst_pad_set_active (GST_PAD (pad_), FALSE);
  gst_ghost_pad_set_target (pad_, nullptr);
  remove_from (owner_->bin (), sink);
  remove_from (owner_->bin (), front);
  if (track) track->unpublish ();
  ended_ = false;
}

} // namespace lk::gst
