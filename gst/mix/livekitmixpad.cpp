#include "mix/livekitmixpad.hpp"

#include "participant/props.hpp"

typedef struct {
  std::shared_ptr<lk::gst::Mix> *mix;
} GstLiveKitMixPadPrivate;

static void gst_livekit_mix_pad_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (GstLiveKitMixPad, gst_livekit_mix_pad, GST_TYPE_GHOST_PAD,
                                  G_ADD_PRIVATE (GstLiveKitMixPad)
                                      G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY,
                                                             gst_livekit_mix_pad_child_proxy_init))

struct GstLiveKitAudioMixPad {
  GstLiveKitMixPad parent;
};
struct GstLiveKitAudioMixPadClass {
  GstLiveKitMixPadClass parent;
};
struct GstLiveKitVideoMixPad {
  GstLiveKitMixPad parent;
};
struct GstLiveKitVideoMixPadClass {
  GstLiveKitMixPadClass parent;
};
G_DEFINE_TYPE (GstLiveKitAudioMixPad, gst_livekit_audio_mix_pad, GST_TYPE_LIVEKIT_MIX_PAD)
G_DEFINE_TYPE (GstLiveKitVideoMixPad, gst_livekit_video_mix_pad, GST_TYPE_LIVEKIT_MIX_PAD)

namespace lk::gst {

namespace {

using Row = Prop<MixSettings>;

std::shared_ptr<Mix> &
mix_of (gpointer pad) {
  return *static_cast<GstLiveKitMixPadPrivate *> (
              gst_livekit_mix_pad_get_instance_private (GST_LIVEKIT_MIX_PAD (pad)))
              ->mix;
}

std::span<const Row>
sound_rows () {
  static const Row table[] = {
    text_prop<&MixSettings::exclude> (
        "exclude", "Exclude",
        "Identities who are not heard: globs, comma-separated; one participant's name makes this the "
        "mix for that participant (default: none)",
        kPlaying),
    enum_prop<&MixSettings::channel_mode> ("channel-mode", "Channel mode", "What the channels are",
                                           GST_TYPE_LIVEKIT_CHANNEL_MODE, kReady),
    uint_prop<&MixSettings::channels> ("channels", "Channels",
                                       "How many there are with channel-mode=per-participant", 1, 64, kReady),
  };
  return table;
}

std::span<const Row>
picture_rows () {
  static const Row table[] = {
    text_prop<&MixSettings::exclude> ("exclude", "Exclude",
                                      "Identities who are not shown: globs, comma-separated (default: none)",
                                      kPlaying),
    enum_prop<&MixSettings::layout> ("layout", "Layout", "How the pictures share the frame",
                                     GST_TYPE_LIVEKIT_LAYOUT, kPlaying),
    text_prop<&MixSettings::focus> (
        "focus", "Focus",
        "Identity of who is shown large in layouts that have a large picture, instead of who speaks "
        "(default: none)",
        kPlaying),
    switch_prop<&MixSettings::show_names> (
        "show-names", "Show names",
        "Write the name of each participant who comes from now on, or the identity, into the "
        "picture",
        kPlaying),
    switch_prop<&MixSettings::adapt> (
        "adapt", "Adapt",
        "Ask the server for no larger pictures than are shown, and for none of who is hidden", kPlaying),
  };
  return table;
}

std::span<const Row>
rows_of (gpointer pad) {
  return g_type_is_a (G_OBJECT_TYPE (pad), GST_TYPE_LIVEKIT_AUDIO_MIX_PAD) ? sound_rows () : picture_rows ();
}

void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  const auto *row = find_prop<MixSettings> (rows_of (object), 1, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  mix_of (object)->change_settings ([&] (MixSettings &settings) { row->set (settings, value); });
}

void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const auto *row = find_prop<MixSettings> (rows_of (object), 1, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  row->get (mix_of (object)->settings (), value);
}

/// For a final class: GObject takes these functions from no parent.
void
install (gpointer klass, std::span<const Row> rows) {
  G_OBJECT_CLASS (klass)->set_property = set_property;
  G_OBJECT_CLASS (klass)->get_property = get_property;
  install_props<MixSettings> (G_OBJECT_CLASS (klass), rows, 1);
}

GObject *
child_by_name (GstChildProxy *proxy, const gchar *name) {
  return name ? mix_of (proxy)->child (name).release () : nullptr;
}

GObject *
child_by_index (GstChildProxy *proxy, guint index) {
  auto identities = mix_of (proxy)->identities ();
  return index < identities.size () ? child_by_name (proxy, identities[index].c_str ()) : nullptr;
}

guint
children_count (GstChildProxy *proxy) {
  return guint (mix_of (proxy)->identities ().size ());
}

} // namespace

GstPad *
make_mix_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<Mix> mix) {
  const GType type = mix->kind () == media::MediaKind::Audio ? GST_TYPE_LIVEKIT_AUDIO_MIX_PAD
                                                             : GST_TYPE_LIVEKIT_VIDEO_MIX_PAD;
  auto *pad = GST_PAD (
      g_object_new (type, "name", name, "direction", GST_PAD_SRC, "template", pad_template, nullptr));
  auto target = mix->output ();
  mix_of (pad) = std::move (mix);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), target.get ());
  return pad;
}

} // namespace lk::gst

static void
gst_livekit_mix_pad_child_proxy_init (gpointer iface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *> (iface);
  proxy->get_child_by_name = lk::gst::child_by_name;
  proxy->get_child_by_index = lk::gst::child_by_index;
  proxy->get_children_count = lk::gst::children_count;
}

static void
gst_livekit_mix_pad_finalize (GObject *object) {
  delete &lk::gst::mix_of (object);
  G_OBJECT_CLASS (gst_livekit_mix_pad_parent_class)->finalize (object);
}

static void
gst_livekit_mix_pad_init (GstLiveKitMixPad *self) {
  static_cast<GstLiveKitMixPadPrivate *> (gst_livekit_mix_pad_get_instance_private (self))->mix
      = new std::shared_ptr<lk::gst::Mix>;
}

static void
gst_livekit_mix_pad_class_init (GstLiveKitMixPadClass *klass) {
  G_OBJECT_CLASS (klass)->finalize = gst_livekit_mix_pad_finalize;
}

static void
gst_livekit_audio_mix_pad_init (GstLiveKitAudioMixPad *) {}

static void
gst_livekit_audio_mix_pad_class_init (GstLiveKitAudioMixPadClass *klass) {
  lk::gst::install (klass, lk::gst::sound_rows ());
}

static void
gst_livekit_video_mix_pad_init (GstLiveKitVideoMixPad *) {}

static void
gst_livekit_video_mix_pad_class_init (GstLiveKitVideoMixPadClass *klass) {
  lk::gst::install (klass, lk::gst::picture_rows ());
}
