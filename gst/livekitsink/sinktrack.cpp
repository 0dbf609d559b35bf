#include "livekitsink/sinktrack.hpp"

#include "livekitsink/framesink.hpp"
#include "media/encode.hpp"
#include "participant/errors.hpp"

namespace lk::gst {

namespace {

using media::MediaKind;

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
SinkTrack::init (SinkOwner *owner, SinkKind kind) {
  owner_ = owner;
  kind_ = kind;
}

Ref<GstCaps>
SinkTrack::caps () const {
  return sink_caps (kind_, settings ().stereo);
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

Ref<GstElement>
SinkTrack::front () const {
  std::lock_guard guard (lock_);
  return front_;
}

SinkFormat
SinkTrack::format () const {
  std::lock_guard guard (lock_);
  return format_;
}

// ---- caps → chain -------------------------------------------------------------------------------

bool
SinkTrack::on_caps (GstCaps *caps) {
  rejected_ = false;
  auto format = decide_format (caps, kind_, settings ().codec, pad_name ());
  if (!format) {
    fail (format.error ());
    return false;
  }
  live_ = upstream_live ();
  const auto before = this->format ();
  if (before.codec && before.codec != format->codec) {
    if (track ()) {
      fail (unsupported (std::string ("A published track cannot change its codec (") + before.codec->name
                         + " to " + format->codec->name + "): release the pad and request a new one."));
      return false;
    }
    close ();
  }
  bool same = false;
  Ref<GstElement> frame_sink;
  {
    std::lock_guard guard (lock_);
    same = front_ && format_.codec == format->codec && format_.raw == format->raw;
    frame_sink = frame_sink_;
  }
  if (frame_sink) frame_sink_set_live (frame_sink.get (), live_);
  // Another size passes through the encoder or parser.
  if (!same && !build (*format)) return false;
  if (!track ()) publish ();
  owner_->look_again ();
  return true;
}

Result<Ref<GstElement>>
SinkTrack::make_front (const SinkFormat &format) {
  if (!format.raw) {
    auto parser = media::make_parse_bin (*format.codec);
    if (!parser) return parser;
    auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (parser->get (), "src"));
    // The bin goes before this object does.
    gst_pad_add_probe (
        src.get (),
        GstPadProbeType (GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER
                         | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        [] (GstPad *, GstPadProbeInfo *info, gpointer self) noexcept {
          return static_cast<SinkTrack *> (self)->on_parsed (info);
        },
        this, nullptr);
    return parser;
  }
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

/// The stream itself says what the pad's caps may not have said. Streaming thread.
GstPadProbeReturn
SinkTrack::on_parsed (GstPadProbeInfo *info) {
  if (rejected_) return GST_PAD_PROBE_DROP;
  if (!(info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)) return GST_PAD_PROBE_OK;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *caps = nullptr;
  gst_event_parse_caps (event, &caps);
  auto shown = check_pictures (caps, pad_name ());
  if (shown) return GST_PAD_PROBE_OK;
  fail (shown.error ());
  return GST_PAD_PROBE_DROP;
}

bool
SinkTrack::build (const SinkFormat &format) {
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
SinkTrack::insert (Ref<GstElement> front, const SinkFormat &format) {
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
  // An application that was told of them may have released the pad, and close() has found only one of them.
  if (!this->front ()) {
    stop (front);
    if (GST_OBJECT_PARENT (front.get ()) == GST_OBJECT (bin)) remove_from (bin, front);
    return true;
  }
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
  SinkFormat format;
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
SinkTrack::on_restart (bool flushed) {
  if (!ended_.exchange (false)) return;
  // A GstBaseSink takes nothing after EOS unless it is flushed.
  if (!flushed) close ();
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
  bool raw = false, built = false, again = false;
  {
    std::lock_guard guard (lock_);
    if (released_) return Verdict::Flushing;
    track = track_;
    sink = frame_sink_;
    raw = format_.raw;
    built = bool (front_);
    again = built && !track && !refused_;
  }
  if (!built || rejected_) {
    if (!owner_->open ()) return Verdict::Flushing;
    // One error is enough.
    if (!rejected_)
      fail (unsupported ("Pad " + pad_name ()
                         + " got data of an unknown format: put a parser or decodebin before it."));
    return Verdict::NotNegotiated;
  }
  if (again) publish (); // after an end and a seek
  if (!live_) return Verdict::Pass;
  // One frame before the room is reached makes the encoder ready; more would be encoded for nobody.
  if (!warm_) {
    warm_ = true;
    return Verdict::Pass;
  }
  const bool idle = raw && track && (track->muted () || !track->wanted ());
  const bool wanted = owner_->playing () && track && track->published () && !idle;
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
