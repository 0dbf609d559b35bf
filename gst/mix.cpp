#include "mix.hpp"

#include "mix_layout.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

// What a branch may be late beyond its jitter buffer: the decoder on a busy machine.
constexpr guint64 kMargin = 40 * GST_MSECOND;
// A branch that has ended is through the mixer by then.
constexpr GstClockTime kLinger = 2 * GST_SECOND;
constexpr int kWidth = 1280, kHeight = 720, kRate = 30;

// Without force-live: audiomixer 1.22 writes for ever with it, once all its inputs have ended. The base is
// live.
constexpr const char *kSound
    = "audiomixer name=mixer ignore-inactive-pads=true start-time-selection=first "
      "output-buffer-duration=20000000 "
      "! audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3 "
      "! audioconvert ! audioresample name=out "
      "audiotestsrc name=base is-live=true wave=silence samplesperbuffer=960 "
      "! audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3 ! mixer.";
// The base is hidden: only its times count, and the mixer paints the background.
constexpr const char *kPictures
    = "compositor name=mixer background=black ignore-inactive-pads=true start-time-selection=first "
      "sink_0::alpha=0 ! capsfilter name=size ! videoconvert name=out "
      "videotestsrc name=base is-live=true pattern=black ! capsfilter name=base-rate ! mixer.sink_0";

GstClockTime
monotonic () {
  return GstClockTime (g_get_monotonic_time ()) * GST_USECOND;
}

} // namespace

Result<std::shared_ptr<Mix>>
Mix::create (GstElement *src, media::MediaKind kind, GstClockTime latency) {
  const bool sound = kind == media::MediaKind::Audio;
  GError *raw = nullptr;
  auto bin = Ref<GstElement>::sink (gst_parse_bin_from_description_full (
      sound ? kSound : kPictures, FALSE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &raw));
  ErrorPtr error (raw);
  if (!bin)
    return Error{ Errc::MissingElement, Retry::Never,
                  std::string (sound ? "audio_mix needs audiomixer and audiotestsrc"
                                     : "video_mix needs compositor and videotestsrc")
                      + " (gstreamer1.0-plugins-base): " + error->message };
  gst_object_set_name (GST_OBJECT (bin.get ()), sound ? "audio-mix" : "video-mix");
  std::shared_ptr<Mix> mix (new Mix (src, kind, bin));
  // So that nothing stops when the first track comes, which is later than the base is.
  g_object_set (mix->mixer_.get (), "latency", kMargin, "min-upstream-latency", guint64 (latency), nullptr);
  auto end = Ref<GstPad>::adopt (gst_element_get_static_pad (mix->child ("out").get (), "src"));
  gst_element_add_pad (bin.get (), gst_ghost_pad_new ("src", end.get ()));
  gst_element_set_locked_state (bin.get (), TRUE);
  gst_bin_add (GST_BIN (src), bin.get ());
  return mix;
}

Mix::Mix (GstElement *src, media::MediaKind kind, Ref<GstElement> bin)
    : src_ (src), kind_ (kind), bin_ (std::move (bin)), mixer_ (child ("mixer")), base_ (child ("base")) {}

Ref<GstElement>
Mix::child (const char *name) const {
  return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (bin_.get ()), name));
}

void
Mix::close () {
  clear ();
  if (!gst_object_has_as_parent (GST_OBJECT (bin_.get ()), GST_OBJECT (src_))) return;
  gst_element_set_locked_state (bin_.get (), TRUE);
  gst_element_set_state (bin_.get (), GST_STATE_NULL);
  gst_bin_remove (GST_BIN (src_), bin_.get ());
}

Ref<GstPad>
Mix::output () const {
  return Ref<GstPad>::adopt (gst_element_get_static_pad (bin_.get (), "src"));
}

void
Mix::start (GstPad *peer) {
  {
    std::lock_guard guard (lock_);
    if (std::exchange (started_, true)) return;
  }
  if (kind_ == media::MediaKind::Video) choose_size (peer);
  gst_element_set_locked_state (bin_.get (), FALSE);
  gst_element_sync_state_with_parent (bin_.get ());
}

/// What downstream wants, and where it leaves a choice, our default.
void
Mix::choose_size (GstPad *peer) {
  auto wanted = Ref<GstCaps>::adopt (gst_pad_query_caps (peer, nullptr));
  auto any = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("video/x-raw"));
  auto possible
      = Ref<GstCaps>::adopt (gst_caps_intersect_full (any.get (), wanted.get (), GST_CAPS_INTERSECT_FIRST));
  int width = kWidth, height = kHeight, rate_n = kRate, rate_d = 1;
  if (!gst_caps_is_empty (possible.get ())) {
    auto fixed = Ref<GstCaps>::adopt (gst_caps_truncate (gst_caps_copy (possible.get ())));
    auto *s = gst_caps_get_structure (fixed.get (), 0);
    for (auto [field, value] : { std::pair ("width", kWidth), std::pair ("height", kHeight) }) {
      if (!gst_structure_has_field (s, field))
        gst_structure_set (s, field, GST_TYPE_INT_RANGE, 1, G_MAXINT, nullptr);
      gst_structure_fixate_field_nearest_int (s, field, value);
    }
    if (!gst_structure_has_field (s, "framerate"))
      gst_structure_set (s, "framerate", GST_TYPE_FRACTION, kRate, 1, nullptr);
    gst_structure_fixate_field_nearest_fraction (s, "framerate", kRate, 1);
    gst_structure_get_int (s, "width", &width);
    gst_structure_get_int (s, "height", &height);
    gst_structure_get_fraction (s, "framerate", &rate_n, &rate_d);
    if (rate_n <= 0) rate_n = kRate, rate_d = 1;
  }
  auto size = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "video/x-raw", "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION,
      rate_n, rate_d, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr));
  g_object_set (child ("size").get (), "caps", size.get (), nullptr);
  auto base = Ref<GstCaps>::adopt (
      gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, 16, "height",
                           G_TYPE_INT, 16, "framerate", GST_TYPE_FRACTION, rate_n, rate_d, nullptr));
  g_object_set (child ("base-rate").get (), "caps", base.get (), nullptr);
  std::lock_guard guard (lock_);
  width_ = width;
  height_ = height;
}

std::shared_ptr<SrcTrack>
Mix::add (SrcTrack::Params params) {
  std::lock_guard one (adding_);
  {
    std::lock_guard guard (lock_);
    if (!started_ || branches_.contains (params.track.get ())) return nullptr;
  }
  sweep ();
  Branch branch;
  branch.bin = Ref<GstElement>::sink (gst_bin_new (nullptr));
  const auto *remote = params.track.get ();
  params.bin = branch.bin.get ();
  params.output = GST_LIVEKIT_OUTPUT_RAW;
  gst_bin_add (GST_BIN (bin_.get ()), branch.bin.get ());
  branch.track = SrcTrack::create (params);
  auto *end = gst_ghost_pad_new_no_target ("src", GST_PAD_SRC);
  gst_pad_set_active (end, TRUE);
  gst_element_add_pad (branch.bin.get (), end);
  branch.track->set_pad (end);
  gst_element_sync_state_with_parent (branch.bin.get ());
  branch.input = Ref<GstPad>::adopt (gst_element_request_pad_simple (mixer_.get (), "sink_%u"));
  if (kind_ == media::MediaKind::Video) {
    gst_util_set_object_arg (G_OBJECT (branch.input.get ()), "sizing-policy", "keep-aspect-ratio");
    if (params.track->info ().muted) g_object_set (branch.input.get (), "alpha", 0.0, nullptr);
  }
  gst_pad_link (end, branch.input.get ());
  branch.track->on_linked ();
  auto track = branch.track;
  {
    std::lock_guard guard (lock_);
    branch.order = next_order_++;
    branches_[remote] = std::move (branch);
  }
  arrange ();
  return track;
}

void
Mix::remove (const session::RemoteTrack *remote) {
  Branch branch;
  {
    std::lock_guard guard (lock_);
    auto it = branches_.find (remote);
    if (it == branches_.end ()) return;
    branch = std::move (it->second);
    branches_.erase (it);
  }
  branch.track->finish ();
  branch.ended = monotonic ();
  if (kind_ == media::MediaKind::Video) g_object_set (branch.input.get (), "alpha", 0.0, nullptr);
  {
    std::lock_guard guard (lock_);
    ended_.push_back (std::move (branch));
  }
  arrange ();
  sweep ();
}

void
Mix::changed (const session::RemoteTrack *remote) {
  if (kind_ != media::MediaKind::Video) return;
  Ref<GstPad> input;
  {
    std::lock_guard guard (lock_);
    auto it = branches_.find (remote);
    if (it == branches_.end ()) return;
    input = it->second.input;
  }
  g_object_set (input.get (), "alpha", remote->info ().muted ? 0.0 : 1.0, nullptr);
}

/// Gives every picture its place.
void
Mix::arrange () {
  if (kind_ != media::MediaKind::Video) return;
  std::vector<std::pair<uint64_t, Ref<GstPad>>> inputs;
  int width = 0, height = 0;
  {
    std::lock_guard guard (lock_);
    for (const auto &[remote, branch] : branches_)
      inputs.emplace_back (branch.order, branch.input);
    width = width_;
    height = height_;
  }
  std::sort (inputs.begin (), inputs.end (), [] (const auto &a, const auto &b) { return a.first < b.first; });
  const auto tiles = grid (inputs.size (), width, height);
  for (size_t i = 0; i < tiles.size (); i++)
    g_object_set (inputs[i].second.get (), "xpos", tiles[i].x, "ypos", tiles[i].y, "width", tiles[i].width,
                  "height", tiles[i].height, nullptr);
}

std::shared_ptr<SrcTrack>
Mix::find (const session::RemoteTrack *remote) const {
  std::lock_guard guard (lock_);
  auto it = branches_.find (remote);
  return it == branches_.end () ? nullptr : it->second.track;
}

std::vector<std::shared_ptr<SrcTrack>>
Mix::tracks () const {
  std::lock_guard guard (lock_);
  std::vector<std::shared_ptr<SrcTrack>> all;
  for (const auto &[remote, branch] : branches_)
    all.push_back (branch.track);
  return all;
}

void
Mix::finish () {
  gst_element_send_event (base_.get (), gst_event_new_eos ());
}

void
Mix::clear () {
  std::vector<Branch> all;
  {
    std::lock_guard guard (lock_);
    all.swap (ended_);
    for (auto &[remote, branch] : branches_)
      all.push_back (std::move (branch));
    branches_.clear ();
  }
  for (auto &branch : all)
    dismantle (branch);
}

void
Mix::sweep () {
  std::vector<Branch> old;
  {
    std::lock_guard guard (lock_);
    const auto now = monotonic ();
    auto waiting = std::partition (ended_.begin (), ended_.end (),
                                   [&] (const Branch &b) { return b.ended + kLinger > now; });
    std::move (waiting, ended_.end (), std::back_inserter (old));
    ended_.erase (waiting, ended_.end ());
  }
  for (auto &branch : old)
    dismantle (branch);
}

void
Mix::dismantle (Branch &branch) {
  branch.track->set_pad (nullptr);
  branch.track->dismantle ();
  gst_element_set_locked_state (branch.bin.get (), TRUE);
  gst_element_set_state (branch.bin.get (), GST_STATE_NULL);
  gst_element_release_request_pad (mixer_.get (), branch.input.get ());
  gst_bin_remove (GST_BIN (bin_.get ()), branch.bin.get ());
}

Ref<GstPad>
Mix::input_of (const std::string &identity) const {
  std::lock_guard guard (lock_);
  const Branch *first = nullptr;
  for (const auto &[remote, branch] : branches_)
    if (branch.track->track ()->participant ().identity == identity
        && (!first || branch.order < first->order))
      first = &branch;
  return first ? first->input : Ref<GstPad> ();
}

std::vector<std::string>
Mix::identities () const {
  std::lock_guard guard (lock_);
  std::vector<std::string> all;
  for (const auto &[remote, branch] : branches_)
    if (auto identity = branch.track->track ()->participant ().identity;
        std::find (all.begin (), all.end (), identity) == all.end ())
      all.push_back (std::move (identity));
  return all;
}

} // namespace lk::gst
