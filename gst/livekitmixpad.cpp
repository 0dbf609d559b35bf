#include "livekitmixpad.hpp"

struct _GstLiveKitMixPad {
  GstGhostPad parent;
  std::shared_ptr<lk::gst::Mix> *mix;
};

static void gst_livekit_mix_pad_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstLiveKitMixPad, gst_livekit_mix_pad, GST_TYPE_GHOST_PAD,
                               G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY,
                                                      gst_livekit_mix_pad_child_proxy_init))

namespace lk::gst {

GstPad *
make_mix_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<Mix> mix) {
  auto *pad = GST_PAD (g_object_new (GST_TYPE_LIVEKIT_MIX_PAD, "name", name, "direction", GST_PAD_SRC,
                                     "template", pad_template, nullptr));
  auto target = mix->output ();
  *GST_LIVEKIT_MIX_PAD (pad)->mix = std::move (mix);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), target.get ());
  return pad;
}

namespace {

GObject *
child_by_name (GstChildProxy *proxy, const gchar *name) {
  const auto &mix = *GST_LIVEKIT_MIX_PAD (proxy)->mix;
  return mix && name ? reinterpret_cast<GObject *> (mix->input_of (name).release ()) : nullptr;
}

GObject *
child_by_index (GstChildProxy *proxy, guint index) {
  const auto &mix = *GST_LIVEKIT_MIX_PAD (proxy)->mix;
  if (!mix) return nullptr;
  auto identities = mix->identities ();
  return index < identities.size () ? child_by_name (proxy, identities[index].c_str ()) : nullptr;
}

guint
children_count (GstChildProxy *proxy) {
  const auto &mix = *GST_LIVEKIT_MIX_PAD (proxy)->mix;
  return mix ? guint (mix->identities ().size ()) : 0;
}

} // namespace

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
  delete GST_LIVEKIT_MIX_PAD (object)->mix;
  G_OBJECT_CLASS (gst_livekit_mix_pad_parent_class)->finalize (object);
}

static void
gst_livekit_mix_pad_init (GstLiveKitMixPad *self) {
  self->mix = new std::shared_ptr<lk::gst::Mix>;
}

static void
gst_livekit_mix_pad_class_init (GstLiveKitMixPadClass *klass) {
  G_OBJECT_CLASS (klass)->finalize = gst_livekit_mix_pad_finalize;
}
