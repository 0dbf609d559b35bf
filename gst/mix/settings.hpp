// What an application wants of a mix, and of one participant in it.
#pragma once

#include <gst/livekit/enums.h>

#include <string>

namespace lk::gst {

struct MixSettings {
  std::string exclude; ///< globs of identities
  // Sound
  GstLiveKitChannelMode channel_mode = GST_LIVEKIT_CHANNEL_MODE_MIXED;
  guint channels = 8;
  // Pictures
  GstLiveKitLayout layout = GST_LIVEKIT_LAYOUT_GRID;
  std::string focus; ///< identity
  bool show_names = false;
  bool adapt = true;
};

struct MixChildSettings {
  // Sound
  double volume = 1;
  bool mute = false;
  gint channel = -1;
  // Pictures
  double alpha = 1;
  GstLiveKitPlace place = GST_LIVEKIT_PLACE_AUTO;
  gint xpos = 0, ypos = 0, width = 0, height = 0; ///< in force when both sizes are given
  gint zorder = -1;

  bool
  placed_by_hand () const {
    return width > 0 && height > 0;
  }
};

} // namespace lk::gst
