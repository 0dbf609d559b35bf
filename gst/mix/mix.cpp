#include "mix/mix.hpp"

#include "mix/livekitmixchild.hpp"
#include "mix/out.hpp"
#include "mix/pictures.hpp"
#include "mix/sound.hpp"
#include "participant/pool.hpp"

#include "base/glob.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

// What a branch may be late beyond its jitter buffer: the decoder on a busy machine.
constexpr guint64 kMargin = 40 * GST_MSECOND;
// A branch that has ended is through the mixer by then.
constexpr GstClockTime kLinger = 2 * GST_SECOND;
constexpr GstClockTime kBeat = 100 * GST_MSECOND;

} // namespace

GstClockTime
monotonic () {
  return GstClockTime (g_get_monotonic_time ()) * GST_USECOND;
}

bool
is_excluded (const MixSettings &settings, const std::string &identity) {
  return !settings.exclude.empty () && matches_globs (settings.exclude, identity);
}

Result<std::shared_ptr<Mix>>
Mix::create (GstElement *src, media::MediaKind kind, GstClockTime latency) {
  const bool sound = kind == media::MediaKind::Audio;
  GError *raw = nullptr;
  auto bin = Ref<GstElement>::sink (
      gst_parse_bin_from_description_full (sound ? SoundMix::kDescription : PictureMix::kDescription, FALSE,
                                           nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &raw));
  ErrorPtr error (raw);
  if (!bin)
    return Error{ Errc::MissingElement, Retry::Never,
                  std::string (sound ? "audio_mix needs audiomixer and audiotestsrc"
                                     : "video_mix needs compositor and videotestsrc")
                      + " (gstreamer1.0-plugins-base): " + error->message };
  gst_object_set_name (GST_OBJECT (bin.get ()), sound ? "audio-mix" : "video-mix");
  std::shared_ptr<Mix> mix;
  if (sound)
    mix = std::make_shared<SoundMix> (src, bin);
  else
    mix = std::make_shared<PictureMix> (src, bin);
  // So that nothing stops when the first track comes, which is later than the base is.
  g_object_set (mix->mixer_.get (), "latency", kMargin, "min-upstream-latency", guint64 (latency), nullptr);
  mix->connect ();
  gst_element_set_locked_state (bin.get (), TRUE);
  gst_bin_add (GST_BIN (src), bin.get ());
  return mix;
}

Mix::Mix (GstElement *src, media::MediaKind kind, Ref<GstElement> bin)
    : src_ (src), kind_ (kind), bin_ (std::move (bin)), mixer_ (part ("mixer")), base_ (part ("base")) {}

void
Mix::connect () {
  auto end = make_mix_out ();
  gst_bin_add (GST_BIN (bin_.get ()), end.get ());
  gst_element_link (part ("out").get (), end.get ());
  auto leaving = Ref<GstPad>::adopt (gst_element_get_static_pad (end.get (), "src"));
  gst_element_add_pad (bin_.get (), gst_ghost_pad_new ("src", leaving.get ()));
  auto timeline = Ref<GstPad>::adopt (gst_element_get_static_pad (base_.get (), "src"));
  gst_pad_add_probe (
      timeline.get (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *, gpointer data) noexcept {
        if (auto mix = static_cast<std::weak_ptr<Mix> *> (data)->lock ()) mix->beat ();
        return GST_PAD_PROBE_OK;
      },
      new std::weak_ptr<Mix> (weak_from_this ()),
      [] (gpointer data) { delete static_cast<std::weak_ptr<Mix> *> (data); });
}

Ref<GstElement>
Mix::part (const char *name) const {
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
  choose_format (peer);
  gst_element_set_locked_state (bin_.get (), FALSE);
  gst_element_sync_state_with_parent (bin_.get ());
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
  branch.input = Ref<GstPad>::adopt (gst_element_request_pad_simple (mixer_.get (), "sink_%u"));
  prepare_input (branch.input.get ());
  auto last = Ref<GstPad>::retain (end);
  if ((branch.tail = make_tail (*remote))) {
    gst_bin_add (GST_BIN (bin_.get ()), branch.tail.get ());
    gst_element_sync_state_with_parent (branch.tail.get ());
    auto into = Ref<GstPad>::adopt (gst_element_get_static_pad (branch.tail.get (), "sink"));
    gst_pad_link (end, into.get ());
    last = Ref<GstPad>::adopt (gst_element_get_static_pad (branch.tail.get (), "src"));
  }
  gst_pad_link (last.get (), branch.input.get ());
  gst_element_sync_state_with_parent (branch.bin.get ());
  branch.track->on_linked ();
  auto track = branch.track;
  {
    std::lock_guard guard (lock_);
    branch.order = next_order_++;
    branches_[remote] = std::move (branch);
  }
  apply ();
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
  track_gone (branch);
  branch.track->finish ();
  branch.ended = monotonic ();
  const auto identity = branch.track->track ()->participant ().identity;
  {
    std::lock_guard guard (lock_);
    ended_.push_back (std::move (branch));
  }
  forget_child (identity);
  apply ();
}

void
Mix::apply () {
  // Changes may come from within a change, by way of notifications: whoever is at it does it again.
  if (wanted_.fetch_add (1) != 0) return;
  for (unsigned seen = 1; seen != 0;) {
    seen = wanted_;
    arrange ();
    seen = wanted_.fetch_sub (seen) - seen;
  }
}

void
Mix::beat () {
  const auto now = monotonic ();
  if (now < next_beat_) return;
  next_beat_ = now + kBeat;
  tick ();
  bool due = false;
  {
    std::lock_guard guard (lock_);
    due = std::any_of (ended_.begin (), ended_.end (),
                       [&] (const Branch &b) { return b.ended + kLinger <= now; });
  }
  if (due)
    run_in_pool ([weak = weak_from_this (), element = Ref<GstElement>::retain (src_)] {
      if (auto mix = weak.lock ()) mix->sweep ();
    });
}

std::vector<Mix::Branch>
Mix::branches () const {
  std::vector<Branch> all;
  {
    std::lock_guard guard (lock_);
    for (const auto &[remote, branch] : branches_)
      all.push_back (branch);
  }
  std::sort (all.begin (), all.end (), [] (const auto &a, const auto &b) { return a.order < b.order; });
  return all;
}

std::shared_ptr<SrcTrack>
Mix::find (const session::RemoteTrack *remote) const {
  std::lock_guard guard (lock_);
  auto it = branches_.find (remote);
  return it == branches_.end () ? nullptr : it->second.track;
}

std::vector<std::shared_ptr<SrcTrack>>
Mix::tracks () const {
  std::vector<std::shared_ptr<SrcTrack>> all;
  for (const auto &branch : branches ())
    all.push_back (branch.track);
  return all;
}

void
Mix::finish () {
  gst_element_send_event (base_.get (), gst_event_new_eos ());
}

void
Mix::let_go () {
  gst_element_set_state (part ("end").get (), GST_STATE_READY);
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
  for (auto &branch : all) {
    track_gone (branch);
    dismantle (branch);
  }
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
  if (branch.tail) {
    gst_element_set_locked_state (branch.tail.get (), TRUE);
    gst_element_set_state (branch.tail.get (), GST_STATE_NULL);
  }
  gst_element_release_request_pad (mixer_.get (), branch.input.get ());
  if (branch.tail) gst_bin_remove (GST_BIN (bin_.get ()), branch.tail.get ());
  gst_bin_remove (GST_BIN (bin_.get ()), branch.bin.get ());
}

// ---- what an application wants

MixSettings
Mix::settings () const {
  std::lock_guard guard (lock_);
  return settings_;
}

void
Mix::change_settings (const std::function<void (MixSettings &)> &change) {
  {
    std::lock_guard guard (lock_);
    change (settings_);
  }
  apply ();
}

Ref<GObject>
Mix::child (const std::string &identity) {
  std::lock_guard guard (lock_);
  auto &child = children_[identity];
  if (!child) child = make_mix_child (weak_from_this (), kind_, identity);
  return child;
}

std::map<std::string, MixChildSettings>
Mix::wanted () const {
  std::map<std::string, Ref<GObject>> children;
  {
    std::lock_guard guard (lock_);
    children = children_;
  }
  std::map<std::string, MixChildSettings> all;
  for (const auto &[identity, child] : children)
    all[identity] = settings_of (child.get ());
  return all;
}

/// So that an application which looks at everybody who comes does not make us remember them all.
void
Mix::forget_child (const std::string &identity) {
  Ref<GObject> child;
  {
    std::lock_guard guard (lock_);
    if (auto it = children_.find (identity); it != children_.end ()) child = it->second;
  }
  if (!child || was_set (child.get ())) return;
  std::lock_guard guard (lock_);
  auto it = children_.find (identity);
  const bool ours = it != children_.end () && it->second.get () == child.get ();
  if (ours && child.get ()->ref_count == 2) children_.erase (it); // nobody else has it
}

std::vector<std::string>
Mix::identities () const {
  std::vector<std::string> all;
  for (const auto &branch : branches ())
    if (auto identity = branch.track->track ()->participant ().identity;
        std::find (all.begin (), all.end (), identity) == all.end ())
      all.push_back (std::move (identity));
  return all;
}

} // namespace lk::gst
