#include "mix/livekitmixchild.hpp"

#include "mix/mix.hpp"
#include "participant/props.hpp"

struct GstLiveKitMixChildPriv {
  std::weak_ptr<lk::gst::Mix> mix;
  std::string identity;
  mutable std::mutex lock; // leaf: all below
  lk::gst::MixChildSettings settings;
  bool set = false;
};

typedef struct {
  GstLiveKitMixChildPriv *object;
} GstLiveKitMixChildPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GstLiveKitMixChild, gst_livekit_mix_child, G_TYPE_OBJECT)

struct GstLiveKitMixVoice {
  GstLiveKitMixChild parent;
};
struct GstLiveKitMixVoiceClass {
  GstLiveKitMixChildClass parent;
};
struct GstLiveKitMixPicture {
  GstLiveKitMixChild parent;
};
struct GstLiveKitMixPictureClass {
  GstLiveKitMixChildClass parent;
};
G_DEFINE_TYPE (GstLiveKitMixVoice, gst_livekit_mix_voice, GST_TYPE_LIVEKIT_MIX_CHILD)
G_DEFINE_TYPE (GstLiveKitMixPicture, gst_livekit_mix_picture, GST_TYPE_LIVEKIT_MIX_CHILD)

namespace lk::gst {

namespace {

using Settings = MixChildSettings;
using Row = Prop<Settings>;

GstLiveKitMixChildPriv &
priv_of (gpointer object) {
  return *static_cast<GstLiveKitMixChildPrivate *> (
              gst_livekit_mix_child_get_instance_private (GST_LIVEKIT_MIX_CHILD (object)))
              ->object;
}

std::span<const Row>
voice_rows () {
  static const Row table[] = {
    double_prop<&Settings::volume> ("volume", "Volume", "How loud, as a factor", 0, 10, kPlaying),
    switch_prop<&Settings::mute> ("mute", "Mute", "Leave this participant out of the mix", kPlaying),
    int_prop<&Settings::channel> (
        "channel", "Channel",
        "With channel-mode=per-participant: the channel, from 0, which is kept for this participant "
        "alone; -1 = the next free one, and reads as the one that it is",
        -1, 63, kPlaying),
  };
  return table;
}

std::span<const Row>
picture_rows () {
  static const Row table[] = {
    double_prop<&Settings::alpha> ("alpha", "Alpha", "How opaque the picture is", 0, 1, kPlaying),
    enum_prop<&Settings::place> ("place", "Place", "Where the picture stands, whatever the layout says",
                                 GST_TYPE_LIVEKIT_PLACE, kPlaying),
    int_prop<&Settings::xpos> ("xpos", "X", "Left edge in pixels, in force with width and height", -16384,
                               16384, kPlaying),
    int_prop<&Settings::ypos> ("ypos", "Y", "Upper edge in pixels, in force with width and height", -16384,
                               16384, kPlaying),
    int_prop<&Settings::width> (
        "width", "Width",
        "Width in pixels: with height, the place of the picture, which otherwise is where it stands", 0,
        16384, kPlaying),
    int_prop<&Settings::height> (
        "height", "Height",
        "Height in pixels: with width, the place of the picture, which otherwise is where it stands", 0,
        16384, kPlaying),
    int_prop<&Settings::zorder> (
        "zorder", "Z order",
        "What lies upon what: the higher upon the lower; -1 = upon the layout if placed, else in it", -1,
        10000, kPlaying),
  };
  return table;
}

std::span<const Row>
rows_of (gpointer object) {
  return g_type_is_a (G_OBJECT_TYPE (object), GST_TYPE_LIVEKIT_MIX_VOICE) ? voice_rows () : picture_rows ();
}

void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *) {
  auto &priv = priv_of (object);
  {
    std::lock_guard guard (priv.lock);
    find_prop<Settings> (rows_of (object), 1, id)->set (priv.settings, value);
    priv.set = true;
  }
  if (auto mix = priv.mix.lock ()) mix->apply ();
}

void
get_property (GObject *object, guint id, GValue *value, GParamSpec *) {
  auto settings = settings_of (object);
  if (auto mix = priv_of (object).mix.lock ()) mix->complete (priv_of (object).identity, settings);
  find_prop<Settings> (rows_of (object), 1, id)->get (settings, value);
}

/// For a final class: GObject takes these functions from no parent.
void
install (gpointer klass, std::span<const Row> rows) {
  G_OBJECT_CLASS (klass)->set_property = set_property;
  G_OBJECT_CLASS (klass)->get_property = get_property;
  install_props<Settings> (G_OBJECT_CLASS (klass), rows, 1);
}

} // namespace

Ref<GObject>
make_mix_child (std::weak_ptr<Mix> mix, media::MediaKind kind, const std::string &identity) {
  const GType type
      = kind == media::MediaKind::Audio ? GST_TYPE_LIVEKIT_MIX_VOICE : GST_TYPE_LIVEKIT_MIX_PICTURE;
  auto child = Ref<GObject>::adopt (static_cast<GObject *> (g_object_new (type, nullptr)));
  priv_of (child.get ()).mix = std::move (mix);
  priv_of (child.get ()).identity = identity;
  return child;
}

MixChildSettings
settings_of (GObject *child) {
  auto &priv = priv_of (child);
  std::lock_guard guard (priv.lock);
  return priv.settings;
}

bool
was_set (GObject *child) {
  auto &priv = priv_of (child);
  std::lock_guard guard (priv.lock);
  return priv.set;
}

} // namespace lk::gst

static void
gst_livekit_mix_child_finalize (GObject *object) {
  delete &lk::gst::priv_of (object);
  G_OBJECT_CLASS (gst_livekit_mix_child_parent_class)->finalize (object);
}

static void
gst_livekit_mix_child_init (GstLiveKitMixChild *self) {
  static_cast<GstLiveKitMixChildPrivate *> (gst_livekit_mix_child_get_instance_private (self))->object
      = new GstLiveKitMixChildPriv ();
}

static void
gst_livekit_mix_child_class_init (GstLiveKitMixChildClass *klass) {
  G_OBJECT_CLASS (klass)->finalize = gst_livekit_mix_child_finalize;
}

static void
gst_livekit_mix_voice_init (GstLiveKitMixVoice *) {}

static void
gst_livekit_mix_voice_class_init (GstLiveKitMixVoiceClass *klass) {
  lk::gst::install (klass, lk::gst::voice_rows ());
}

static void
gst_livekit_mix_picture_init (GstLiveKitMixPicture *) {}

static void
gst_livekit_mix_picture_class_init (GstLiveKitMixPictureClass *klass) {
  lk::gst::install (klass, lk::gst::picture_rows ());
}
