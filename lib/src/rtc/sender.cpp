#include "rtc/sender.hpp"

#include "rtc/flow_guard.hpp"
#include "rtc/reaper.hpp"

#include <gst/rtp/gstrtpbasepayload.h>
#include <gst/webrtc/webrtc.h>

#include <atomic>

namespace lk::rtc {

namespace {

Error
unusable (std::string message) {
  return { Errc::Internal, Retry::Never, std::move (message) };
}

/// Gives the stream an SSRC that the offer can name before the first packet: retransmission is negotiated by
/// it, and webrtcbin's key frame requests find their way by it.
uint32_t
choose_ssrc (uint32_t wanted, GstElement *source, const GstStructure *caps) {
  guint ssrc = 0;
  gst_structure_get_uint (caps, "ssrc", &ssrc);
  if (wanted != 0) ssrc = wanted;
  while (ssrc == 0)
    ssrc = g_random_int ();
  if (!GST_IS_BIN (source)) return ssrc;
  GstIterator *elements = gst_bin_iterate_recurse (GST_BIN (source));
  gst_iterator_foreach (
      elements,
      [] (const GValue *item, gpointer data) {
        auto *element = static_cast<GObject *> (g_value_get_object (item));
        if (GST_IS_RTP_BASE_PAYLOAD (element))
          g_object_set (element, "ssrc", *static_cast<guint *> (data), nullptr);
      },
      &ssrc);
  gst_iterator_free (elements);
  return ssrc;
}

/// What the source will send, as far as an offer needs it.
Result<Ref<GstCaps>>
offered_caps (GstPad *src, const SenderSpec &spec) {
  const PayloadType *row = find_codec (spec.codec);
  if (!row || row->kind != spec.kind)
    return Error{ Errc::UnsupportedCodec, Retry::Never, "unknown codec " + spec.codec };
  auto caps = Ref<GstCaps>::adopt (gst_pad_query_caps (src, nullptr));
  // Bare "application/x-rtp" is fixed, too, but an offer cannot be written from it.
  if (gst_caps_is_fixed (caps.get ())
      && (gst_structure_has_field (gst_caps_get_structure (caps.get (), 0), "encoding-name")
          || !gst_structure_has_name (gst_caps_get_structure (caps.get (), 0), "application/x-rtp"))) {
    const GstStructure *fixed = gst_caps_get_structure (caps.get (), 0);
    if (!gst_structure_has_name (fixed, "application/x-rtp"))
      return unusable ("the source does not give RTP");
    return Ref<GstCaps>::adopt (gst_caps_copy (caps.get ()));
  }
  return Ref<GstCaps>::adopt (gst_caps_new_simple (
      "application/x-rtp", "media", G_TYPE_STRING, row->kind == MediaKind::Audio ? "audio" : "video",
      "encoding-name", G_TYPE_STRING, row->encoding, "clock-rate", G_TYPE_INT, row->clock_rate, "payload",
      G_TYPE_INT, row->payload, nullptr));
}

Ref<GstPad>
request_sink (GstElement *webrtc, const SenderSpec &spec, GstCaps *caps) {
  GstPadTemplate *templ = gst_element_get_pad_template (webrtc, "sink_%u");
  auto pad = Ref<GstPad>::adopt (gst_element_request_pad (webrtc, templ, nullptr, caps));
  if (!pad) return pad;
  g_object_set (pad.get (), "msid", (spec.stream + " " + spec.cid).c_str (), nullptr);
  Ref<GstWebRTCRTPTransceiver> transceiver;
  g_object_get (pad.get (), "transceiver", transceiver.out (), nullptr);
  // Audio is never retransmitted: the server does not offer to, and a NACK for it would only cost packets.
  g_object_set (transceiver.get (), "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack",
                gboolean (spec.kind == MediaKind::Video), "codec-preferences", caps, nullptr);
  return pad;
}

} // namespace

Result<std::unique_ptr<Sender>>
Sender::create (const SenderSpec &spec, Ref<GstElement> source, GstElement *pipeline, GstElement *webrtc) {
  static std::atomic<unsigned> count = 0;
  auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (source.get (), "src"));
  if (!src) return unusable ("the source has no pad \"src\"");
  auto caps = offered_caps (src.get (), spec);
  if (!caps) return caps.error ();

  auto self = std::unique_ptr<Sender> (new Sender (spec));
  self->spec_.ssrc = choose_ssrc (spec.ssrc, source.get (), gst_caps_get_structure (caps->get (), 0));
  gst_caps_set_simple (caps->get (), "ssrc", G_TYPE_UINT, self->spec_.ssrc, nullptr);

  // One bin, so that source and guard leave together: a source whose pad is unlinked first would end with an
  // error.
  auto name = "sender-" + std::to_string (count++);
  self->pipeline_ = Ref<GstElement>::retain (pipeline);
  self->bin_ = Ref<GstElement>::sink (gst_bin_new (name.c_str ()));
  self->guard_ = Ref<GstElement>::sink (flow_guard_new ("guard"));
  gst_bin_add_many (GST_BIN (self->bin_.get ()), source.get (), self->guard_.get (), nullptr);
  auto guard_src = Ref<GstPad>::adopt (gst_element_get_static_pad (self->guard_.get (), "src"));
  gst_element_add_pad (self->bin_.get (), gst_ghost_pad_new ("src", guard_src.get ()));
  if (!gst_element_link_pads (source.get (), "src", self->guard_.get (), "sink"))
    return unusable ("the source cannot be linked");

  self->sink_ = request_sink (webrtc, self->spec_, caps->get ());
  if (!self->sink_) return Error{ Errc::MediaFailed, Retry::Restart, "webrtcbin gave no sink pad" };
  gst_bin_add (GST_BIN (pipeline), self->bin_.get ());
  auto ghost = Ref<GstPad>::adopt (gst_element_get_static_pad (self->bin_.get (), "src"));
  if (gst_pad_link (ghost.get (), self->sink_.get ()) != GST_PAD_LINK_OK) {
    self->stop ();
    return unusable ("the source's caps do not fit its codec");
  }
  if (!gst_element_sync_state_with_parent (self->bin_.get ())) {
    self->stop ();
    return Error{ Errc::MediaFailed, Retry::Never, "the source does not start" };
  }
  return self;
}

void
Sender::stop () {
  if (!bin_) return;
  flow_guard_set_open (guard_.get (), false);
  gst_element_set_locked_state (bin_.get (), TRUE);
  gst_bin_remove (GST_BIN (pipeline_.get ()), bin_.get ());
  // A streaming thread may hang in the pad's block until the answer comes: only deactivating the pad wakes
  // it. A flush would, too, but goes through rtpfunnel and stops the other tracks.
  run_on_reaper ([bin = std::move (bin_), sink = sink_] () mutable {
    gst_pad_set_active (sink.get (), FALSE);
    gst_element_set_state (bin.get (), GST_STATE_NULL);
  });
  guard_.reset ();
  pipeline_.reset ();
}

} // namespace lk::rtc
