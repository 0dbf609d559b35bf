#include "audio_mix.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

// What a branch may be late beyond its jitter buffer: the decoder on a busy machine.
constexpr guint64 kMargin = 40 * GST_MSECOND;
// A branch that has ended is through the mixer by then.
constexpr GstClockTime kLinger = 2 * GST_SECOND;

constexpr const char *kMixer
    = "audiomixer name=mixer ignore-inactive-pads=true start-time-selection=first "
      "output-buffer-duration=20000000 "
      "! audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3 "
      "! audioconvert name=convert ! audioresample name=out "
      "audiotestsrc name=silence is-live=true wave=silence samplesperbuffer=960 "
      "! audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3 ! mixer.";

GstClockTime
monotonic () {
  return GstClockTime (g_get_monotonic_time ()) * GST_USECOND;
}

Ref<GstElement>
child (const Ref<GstElement> &bin, const char *name) {
  return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (bin.get ()), name));
}

} // namespace

Result<std::shared_ptr<AudioMix>>
AudioMix::create (GstElement *src, GstClockTime latency) {
  GError *raw = nullptr;
  auto bin = Ref<GstElement>::sink (
      gst_parse_bin_from_description_full (kMixer, FALSE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &raw));
  ErrorPtr error (raw);
  if (!bin)
    return Error{ Errc::MissingElement, Retry::Never,
                  std::string ("audio_mix needs audiomixer and audiotestsrc (gstreamer1.0-plugins-base): ")
                      + error->message };
  gst_object_set_name (GST_OBJECT (bin.get ()), "audio-mix");
  auto mixer = child (bin, "mixer"), silence = child (bin, "silence"), out = child (bin, "out");
  // So that nothing stops when the first track comes, which is later than silence is.
  g_object_set (mixer.get (), "latency", kMargin, "min-upstream-latency", guint64 (latency), nullptr);
  auto end = Ref<GstPad>::adopt (gst_element_get_static_pad (out.get (), "src"));
  gst_element_add_pad (bin.get (), gst_ghost_pad_new ("src", end.get ()));
  std::shared_ptr<AudioMix> mix (new AudioMix (src, bin, std::move (mixer), std::move (silence)));
  gst_element_set_locked_state (bin.get (), TRUE);
  gst_bin_add (GST_BIN (src), bin.get ());
  return mix;
}

AudioMix::AudioMix (GstElement *src, Ref<GstElement> bin, Ref<GstElement> mixer, Ref<GstElement> silence)
    : src_ (src), bin_ (std::move (bin)), mixer_ (std::move (mixer)), silence_ (std::move (silence)) {}

void
AudioMix::close () {
  clear ();
  if (!gst_object_has_as_parent (GST_OBJECT (bin_.get ()), GST_OBJECT (src_))) return;
  gst_element_set_locked_state (bin_.get (), TRUE);
  gst_element_set_state (bin_.get (), GST_STATE_NULL);
  gst_bin_remove (GST_BIN (src_), bin_.get ());
}

Ref<GstPad>
AudioMix::output () const {
  return Ref<GstPad>::adopt (gst_element_get_static_pad (bin_.get (), "src"));
}

void
AudioMix::start (GstClockTime running_time) {
  {
    std::lock_guard guard (lock_);
    if (std::exchange (started_, true)) return;
  }
  set_start (running_time);
  gst_element_set_locked_state (bin_.get (), FALSE);
  gst_element_sync_state_with_parent (bin_.get ());
}

std::shared_ptr<SrcTrack>
AudioMix::add (SrcTrack::Params params) {
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
  gst_pad_link (end, branch.input.get ());
  branch.track->on_linked ();
  auto track = branch.track;
  std::lock_guard guard (lock_);
  branches_[remote] = std::move (branch);
  return track;
}

void
AudioMix::remove (const session::RemoteTrack *remote) {
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
  {
    std::lock_guard guard (lock_);
    ended_.push_back (std::move (branch));
  }
  sweep ();
}

std::shared_ptr<SrcTrack>
AudioMix::find (const session::RemoteTrack *remote) const {
  std::lock_guard guard (lock_);
  auto it = branches_.find (remote);
  return it == branches_.end () ? nullptr : it->second.track;
}

std::vector<std::shared_ptr<SrcTrack>>
AudioMix::tracks () const {
  std::lock_guard guard (lock_);
  std::vector<std::shared_ptr<SrcTrack>> all;
  for (const auto &[remote, branch] : branches_)
    all.push_back (branch.track);
  return all;
}

void
AudioMix::finish () {
  gst_element_send_event (silence_.get (), gst_event_new_eos ());
}

void
AudioMix::clear () {
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
  set_start (0);
}

void
AudioMix::set_start (GstClockTime running_time) {
  auto start = Ref<GstPad>::adopt (gst_element_get_static_pad (silence_.get (), "src"));
  gst_pad_set_offset (start.get (), gint64 (running_time));
}

void
AudioMix::sweep () {
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
AudioMix::dismantle (Branch &branch) {
  branch.track->set_pad (nullptr);
  branch.track->dismantle ();
  gst_element_set_locked_state (branch.bin.get (), TRUE);
  gst_element_set_state (branch.bin.get (), GST_STATE_NULL);
  gst_element_release_request_pad (mixer_.get (), branch.input.get ());
  gst_bin_remove (GST_BIN (bin_.get ()), branch.bin.get ());
}

Ref<GstPad>
AudioMix::input_of (const std::string &identity) const {
  std::lock_guard guard (lock_);
  for (const auto &[remote, branch] : branches_)
    if (branch.track->track ()->participant ().identity == identity) return branch.input;
  return {};
}

std::vector<std::string>
AudioMix::identities () const {
  std::lock_guard guard (lock_);
  std::vector<std::string> all;
  for (const auto &[remote, branch] : branches_)
    if (auto identity = branch.track->track ()->participant ().identity;
        std::find (all.begin (), all.end (), identity) == all.end ())
      all.push_back (std::move (identity));
  return all;
}

} // namespace lk::gst
