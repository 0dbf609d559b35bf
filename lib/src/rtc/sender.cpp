#include "rtc/sender.hpp"

#include "rtc/flow_guard.hpp"
#include "rtc/reaper.hpp"

#include <gst/rtp/gstrtpbasepayload.h>
#include <gst/video/video.h>
#include <gst/webrtc/webrtc.h>

#include <atomic>
#include <utility>

namespace lk::rtc {

namespace {

Error
unusable (std::string message) {
  return { Errc::Internal, Retry::Never, std::move (message) };
}

/// The payloader of a source that is a bin; null where the packets come from elsewhere.
Ref<GstElement>
find_payloader (GstElement *source) {
  Ref<GstElement> found;
  if (!GST_IS_BIN (source)) return found;
  GstIterator *elements = gst_bin_iterate_recurse (GST_BIN (source));
  gst_iterator_foreach (
      elements,
      [] (const GValue *item, gpointer data) {
        auto *element = static_cast<GstElement *> (g_value_get_object (item));
        if (GST_IS_RTP_BASE_PAYLOAD (element))
          *static_cast<Ref<GstElement> *> (data) = Ref<GstElement>::retain (element);
      },
      &found);
  gst_iterator_free (elements);
  return found;
}

/// Gives the stream an SSRC that the offer can name before the first packet: retransmission is negotiated by
/// it, and webrtcbin's key frame requests find their way by it.
void
set_ssrc (Outgoing &outgoing, uint32_t ssrc) {
  outgoing.spec.ssrc = ssrc;
  if (outgoing.payloader) g_object_set (outgoing.payloader.get (), "ssrc", ssrc, nullptr);
  gst_caps_set_simple (outgoing.caps.get (), "ssrc", G_TYPE_UINT, ssrc, nullptr);
}

uint32_t
choose_ssrc (const Outgoing &outgoing) {
  guint ssrc = 0;
  gst_structure_get_uint (gst_caps_get_structure (outgoing.caps.get (), 0), "ssrc", &ssrc);
  if (outgoing.spec.ssrc != 0) ssrc = outgoing.spec.ssrc;
  while (ssrc == 0)
    ssrc = g_random_int ();
  return ssrc;
}

/// Bare "application/x-rtp" is fixed, too, but an offer cannot be written from it.
bool
is_offer (GstCaps *caps) {
  return gst_caps_is_fixed (caps)
         && gst_structure_has_field (gst_caps_get_structure (caps, 0), "encoding-name");
}

/// What the source will send, as far as an offer needs it.
Result<Ref<GstCaps>>
offered_caps (GstPad *src, const SenderSpec &spec) {
  const PayloadType *row = find_codec (spec.codec);
  if (!row || row->kind != spec.kind)
    return Error{ Errc::UnsupportedCodec, Retry::Never, "unknown codec " + spec.codec };
  auto caps = Ref<GstCaps>::adopt (gst_pad_query_caps (src, nullptr));
  auto offerable = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "application/x-rtp", "media", G_TYPE_STRING, row->kind == MediaKind::Audio ? "audio" : "video",
      "encoding-name", G_TYPE_STRING, row->encoding, "clock-rate", G_TYPE_INT, row->clock_rate, "payload",
      G_TYPE_INT, row->payload, nullptr));
  if (!gst_caps_can_intersect (caps.get (), offerable.get ()))
    return unusable ("the source does not give RTP of its codec and payload type");
  return is_offer (caps.get ()) ? Ref<GstCaps>::adopt (gst_caps_copy (caps.get ())) : offerable;
}

} // namespace

Result<Outgoing>
inspect_source (const SenderSpec &spec, Ref<GstElement> source) {
  auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (source.get (), "src"));
  if (!src) return unusable ("the source has no pad \"src\"");
  auto caps = offered_caps (src.get (), spec);
  if (!caps) return caps.error ();
  auto payloader = find_payloader (source.get ());
  Outgoing outgoing{ spec, std::move (source), std::move (payloader), std::move (*caps) };
  outgoing.fixed = is_offer (outgoing.caps.get ());
  return outgoing;
}

std::unique_ptr<Sender>
Sender::create (Outgoing &outgoing, GstElement *pipeline, GstElement *webrtc) {
  auto self = std::unique_ptr<Sender> (new Sender);
  set_ssrc (outgoing, choose_ssrc (outgoing));
  self->spec_ = outgoing.spec;
  self->pipeline_ = Ref<GstElement>::retain (pipeline);
  GstPadTemplate *templ = gst_element_get_pad_template (webrtc, "sink_%u");
  self->sink_ = Ref<GstPad>::adopt (gst_element_request_pad (webrtc, templ, nullptr, outgoing.caps.get ()));
  return self->sink_ ? std::move (self) : nullptr;
}

/// Tells webrtcbin what will come through the pad.
void
Sender::announce (const Outgoing &outgoing) {
  spec_ = outgoing.spec;
  g_object_set (sink_.get (), "msid", (spec_.stream + " " + spec_.cid).c_str (), nullptr);
  Ref<GstWebRTCRTPTransceiver> transceiver;
  g_object_get (sink_.get (), "transceiver", transceiver.out (), nullptr);
  // Audio is never retransmitted: the server does not offer to, and a NACK for it would only cost packets.
  g_object_set (transceiver.get (), "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack",
                gboolean (spec_.kind == MediaKind::Video), "codec-preferences", outgoing.caps.get (),
                nullptr);
  held_ = std::exchange (used_, true);
  if (!held_) return;
  gst_pad_set_active (sink_.get (), TRUE);
  gst_pad_send_event (sink_.get (), gst_event_new_stream_start (spec_.cid.c_str ()));
  gst_pad_send_event (sink_.get (), gst_event_new_caps (outgoing.caps.get ()));
}

Result<>
Sender::start (Outgoing &outgoing) {
  static std::atomic<unsigned> count = 0;
  if (used_) {
    set_ssrc (outgoing, spec_.ssrc);
    // Encryption counts on from the last packet, on both ends: RFC 3711 §3.3.1.
    if (int last = last_->sequence_number; last >= 0)
      g_object_set (outgoing.payloader.get (), "seqnum-offset", (last + 1) & 0xffff, nullptr);
  }
  announce (outgoing);
  payloader_ = outgoing.payloader;

  // One bin, so that source and guard leave together: a source whose pad is unlinked first would end with an
  // error.
  auto name = "sender-" + std::to_string (count++);
  bin_ = Ref<GstElement>::sink (gst_bin_new (name.c_str ()));
  guard_ = Ref<GstElement>::sink (flow_guard_new ("guard"));
  // Before the first answer webrtcbin blocks its pad itself. Later on it does not, and packets that no offer
  // has announced yet must not reach the server.
  flow_guard_set_open (guard_.get (), !held_);
  gst_bin_add_many (GST_BIN (bin_.get ()), outgoing.source.get (), guard_.get (), nullptr);
  auto guard_src = Ref<GstPad>::adopt (gst_element_get_static_pad (guard_.get (), "src"));
  gst_element_add_pad (bin_.get (), gst_ghost_pad_new ("src", guard_src.get ()));
  gst_bin_add (GST_BIN (pipeline_.get ()), bin_.get ());
  auto ghost = Ref<GstPad>::adopt (gst_element_get_static_pad (bin_.get (), "src"));
  if (!gst_element_link_pads (outgoing.source.get (), "src", guard_.get (), "sink")
      || gst_pad_link (ghost.get (), sink_.get ()) != GST_PAD_LINK_OK) {
    stop ();
    return unusable ("the source's caps do not fit its codec");
  }
  if (!gst_element_sync_state_with_parent (bin_.get ())) {
    stop ();
    return Error{ Errc::MediaFailed, Retry::Never, "the source does not start" };
  }
  return {};
}

Result<>
Sender::start_reserved () {
  auto outgoing = std::exchange (reserved_, std::nullopt);
  return outgoing ? start (*outgoing) : Result<> ();
}

void
Sender::stop () {
  reserved_.reset ();
  if (!bin_) return;
  flow_guard_set_open (guard_.get (), false);
  gst_element_set_locked_state (bin_.get (), TRUE);
  gst_bin_remove (GST_BIN (pipeline_.get ()), bin_.get ());
  last_->gone = false;
  // A streaming thread may hang in the pad's block until the answer comes: only deactivating the pad wakes
  // it. A flush would, too, but goes through rtpfunnel and stops the other tracks.
  run_on_reaper ([bin = std::move (bin_), sink = sink_, payloader = payloader_, last = last_] {
    // Below PAUSED it has not begun to count.
    const bool counting = payloader && GST_STATE (payloader.get ()) >= GST_STATE_PAUSED;
    gst_pad_set_active (sink.get (), FALSE);
    gst_element_set_state (bin.get (), GST_STATE_NULL);
    if (counting) {
      guint sequence_number = 0;
      g_object_get (payloader.get (), "seqnum", &sequence_number, nullptr);
      last->sequence_number = int (sequence_number);
    }
    last->gone = true;
  });
  guard_.reset ();
}

bool
Sender::reusable_for (const Outgoing &outgoing) const {
  return !active () && !reserved_ && told_inactive_ && last_->gone && outgoing.fixed
         && spec_.codec == outgoing.spec.codec && payloader_ && outgoing.payloader
         && (outgoing.spec.ssrc == 0 || outgoing.spec.ssrc == spec_.ssrc);
}

void
Sender::note_in_force () {
  told_inactive_ = !offered_active_;
  if (!offered_active_ || !active ()) return;
  flow_guard_set_open (guard_.get (), true);
  // What came while the guard was closed is lost, a key frame most likely.
  if (std::exchange (held_, false)) request_keyframe ();
}

void
Sender::request_keyframe () {
  if (!active () || spec_.kind != MediaKind::Video) return;
  auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (guard_.get (), "src"));
  gst_pad_send_event (src.get (),
                      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
}

} // namespace lk::rtc
