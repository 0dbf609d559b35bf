#include "mix/sound.hpp"

#include "media/row.hpp"
#include "participant/errors.hpp"

#include <algorithm>
#include <gst/audio/audio.h>

namespace lk::gst {

namespace {

constexpr const char *kRouted = "lk-routed"; ///< to which channel an input goes, plus one

/// The one channel of that input into one of `count`, or into none. No converter without a matrix could make
/// so many of it.
void
route (GstPad *input, unsigned channel, unsigned count) {
  // Each change makes a new converter.
  if (g_object_get_data (G_OBJECT (input), kRouted) == GUINT_TO_POINTER (channel + 1)) return;
  g_object_set_data (G_OBJECT (input), kRouted, GUINT_TO_POINTER (channel + 1));
  GValue matrix = G_VALUE_INIT;
  g_value_init (&matrix, GST_TYPE_ARRAY);
  for (unsigned out = 0; out < count; out++) {
    GValue row = G_VALUE_INIT, factor = G_VALUE_INIT;
    g_value_init (&row, GST_TYPE_ARRAY);
    g_value_init (&factor, G_TYPE_FLOAT);
    g_value_set_float (&factor, out == channel ? 1 : 0);
    gst_value_array_append_and_take_value (&row, &factor);
    gst_value_array_append_and_take_value (&matrix, &row);
  }
  auto *config = gst_structure_new_empty ("GstAudioConverter");
  gst_structure_take_value (config, GST_AUDIO_CONVERTER_OPT_MIX_MATRIX, &matrix);
  g_object_set (input, "converter-config", config, nullptr);
  gst_structure_free (config);
}

} // namespace

// Without force-live: audiomixer 1.22 writes for ever with it, once all its inputs have ended. The base is
// live.
const char *const SoundMix::kDescription
    = "audiomixer name=mixer ignore-inactive-pads=true start-time-selection=first "
      "output-buffer-duration=20000000 ! capsfilter name=format ! audioconvert ! audioresample name=out "
      "audiotestsrc name=base is-live=true wave=silence samplesperbuffer=960 ! capsfilter name=base-format "
      "! mixer.";

void
SoundMix::choose_format (GstPad *) {
  const auto settings = this->settings ();
  auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (
      "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)48000, channels=(int)2, "
      "channel-mask=(bitmask)3"));
  if (settings.channel_mode == GST_LIVEKIT_CHANNEL_MODE_PER_PARTICIPANT) {
    gst_caps_set_simple (caps.get (), "channels", G_TYPE_INT, gint (settings.channels), "channel-mask",
                         GST_TYPE_BITMASK, guint64 (0), nullptr);
    if (settings.channels == 1)
      gst_structure_remove_field (gst_caps_get_structure (caps.get (), 0), "channel-mask");
    std::lock_guard guard (channels_lock_);
    channels_.emplace (settings.channels);
    channel_count_ = settings.channels;
  }
  for (const char *name : { "format", "base-format" })
    g_object_set (part (name).get (), "caps", caps.get (), nullptr);
}

Ref<GstElement>
SoundMix::make_tail (const session::RemoteTrack &) {
  {
    std::lock_guard guard (channels_lock_);
    if (!channels_) return {};
  }
  auto mono = media::make_filter ("audio/x-raw, channels=(int)1");
  return mono ? *mono : nullptr;
}

std::optional<unsigned>
SoundMix::channel_of (const std::string &identity) const {
  std::lock_guard guard (channels_lock_);
  return channels_ ? channels_->of (identity) : std::nullopt;
}

void
SoundMix::arrange () {
  const auto all = branches ();
  const auto settings = this->settings ();
  std::vector<std::string> present;
  for (const auto &identity : identities ())
    if (!is_excluded (settings, identity)) present.push_back (identity);
  const auto wishes = wanted ();
  std::map<std::string, unsigned> pinned;
  for (const auto &[identity, wish] : wishes)
    if (wish.channel >= 0) pinned[identity] = unsigned (wish.channel);
  bool by_channel = false, full = false;
  unsigned count = 0;
  {
    std::lock_guard guard (channels_lock_);
    if (channels_) {
      channels_->update (present, pinned);
      by_channel = true;
      count = channel_count_;
    }
  }
  for (const auto &branch : all) {
    const auto identity = branch.track->track ()->participant ().identity;
    const auto wish = wishes.contains (identity) ? wishes.at (identity) : MixChildSettings{};
    const auto channel = channel_of (identity);
    const bool excluded = is_excluded (settings, identity);
    full |= by_channel && !channel && !excluded;
    if (by_channel) route (branch.input.get (), channel.value_or (count), count);
    g_object_set (branch.input.get (), "volume", wish.volume, "mute",
                  wish.mute || excluded || (by_channel && !channel), nullptr);
  }
  if (std::exchange (told_full_, full) || !full) return;
  post_warning (src (), { Errc::LimitExceeded, Retry::Never,
                          "there are more participants than channels in audio_mix: who came last is not "
                          "heard until somebody leaves; more: audio_mix::channels" });
}

void
SoundMix::complete (const std::string &identity, MixChildSettings &settings) const {
  if (auto channel = channel_of (identity)) settings.channel = gint (*channel);
}

} // namespace lk::gst
