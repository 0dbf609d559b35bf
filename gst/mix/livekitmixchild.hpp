// One participant in a mix, as an application sets it: also before that participant comes, and after.
#pragma once

#include "mix/settings.hpp"

#include "base/ref.hpp"
#include "media/codecs.hpp"

#include <memory>

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_MIX_CHILD (gst_livekit_mix_child_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstLiveKitMixChild, gst_livekit_mix_child, GST, LIVEKIT_MIX_CHILD, GObject)
struct _GstLiveKitMixChildClass {
  GObjectClass parent;
};
GType gst_livekit_mix_voice_get_type (void);
GType gst_livekit_mix_picture_get_type (void);
#define GST_TYPE_LIVEKIT_MIX_VOICE (gst_livekit_mix_voice_get_type ())
#define GST_TYPE_LIVEKIT_MIX_PICTURE (gst_livekit_mix_picture_get_type ())
G_END_DECLS

namespace lk::gst {

class Mix;

/// The properties of that kind, telling `mix` of every change.
Ref<GObject> make_mix_child (std::weak_ptr<Mix> mix, media::MediaKind kind, const std::string &identity);
MixChildSettings settings_of (GObject *child);
/// Whether anything was ever set: otherwise nothing is lost with it.
bool was_set (GObject *child);

} // namespace lk::gst
