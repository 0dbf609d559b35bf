// The sound of a room: everybody in stereo, or each participant alone on a channel. 48 kHz, 16 bit.
#pragma once

#include "mix/channels.hpp"
#include "mix/mix.hpp"

#include <optional>

namespace lk::gst {

class SoundMix : public Mix {
public:
  static const char *const kDescription;

  SoundMix (GstElement *src, Ref<GstElement> bin) : Mix (src, media::MediaKind::Audio, std::move (bin)) {}

  void complete (const std::string &identity, MixChildSettings &settings) const override;

private:
  void choose_format (GstPad *peer) override;
  Ref<GstElement> make_tail (const session::RemoteTrack &remote) override;
  void arrange () override;
  std::optional<unsigned> channel_of (const std::string &identity) const;

  mutable std::mutex channels_lock_; // leaf
  std::optional<Channels> channels_; // with a channel per participant
  unsigned channel_count_ = 0;
  bool told_full_ = false;
};

} // namespace lk::gst
