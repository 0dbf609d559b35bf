#include "rtc/handshake_repeater.hpp"

#include "rtc/peer_transport.hpp"

#include <string_view>
#include <utility>

namespace lk::rtc {
namespace {

// Long enough for what lost the first one to be over, short beside OpenSSL's own second.
constexpr Millis kLater{ 40 };
// On copies, which come by here, too.
constexpr auto kIsCopy = GST_BUFFER_FLAG_RESYNC;

/// RFC 6347 §4.1: content type 22 is a handshake message, 20 the change of ciphers in its middle.
bool
is_handshake (GstBuffer *datagram) {
  guint8 type = 0;
  return gst_buffer_extract (datagram, 0, &type, 1) == 1 && (type == 22 || type == 20);
}

} // namespace

void
HandshakeRepeater::watch (GstElement *webrtc) {
  connect_with (webrtc, "deep-element-added", on_element, weak_from_this ());
}

void
HandshakeRepeater::stop () {
  stopped_ = true;
  timer_.reset ();
  copies_.clear ();
}

void
HandshakeRepeater::on_element (GstBin *, GstBin *, GstElement *element, gpointer data) noexcept {
  auto *factory = gst_element_get_factory (element);
  if (!factory || std::string_view (GST_OBJECT_NAME (factory)) != "nicesink") return;
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element, "sink"));
  probe_with (pad.get (), kPackets, on_datagram, *static_cast<std::weak_ptr<HandshakeRepeater> *> (data));
}

GstPadProbeReturn
HandshakeRepeater::on_datagram (GstPad *pad, GstPadProbeInfo *info, gpointer data) noexcept {
  for_each_packet (info, [&] (GstBuffer *datagram) {
    if (!is_handshake (datagram) || GST_BUFFER_FLAG_IS_SET (datagram, kIsCopy)) return;
    auto self = static_cast<std::weak_ptr<HandshakeRepeater> *> (data)->lock ();
    if (!self || self->left_-- <= 0) return;
    auto copy = Ref<GstBuffer>::adopt (gst_buffer_copy_deep (datagram));
    GST_BUFFER_FLAG_SET (copy.get (), kIsCopy);
    // The last reference must not die here.
    self->queue_->post (
        [weak = std::weak_ptr (self), pad = Ref<GstPad>::retain (pad), copy = std::move (copy)] {
          if (auto alive = weak.lock ()) alive->add ({ pad, copy });
        });
  });
  return GST_PAD_PROBE_OK;
}

void
HandshakeRepeater::add (Copy copy) {
  if (stopped_) return;
  copies_.push_back (std::move (copy));
  if (!timer_) timer_ = timers_.once (kLater, [this] { send (); });
}

void
HandshakeRepeater::send () {
  timer_.reset ();
  for (auto &copy : std::exchange (copies_, {}))
    gst_pad_chain (copy.pad.get (), copy.datagram.release ()); // a flow error is the sink's own affair
}

} // namespace lk::rtc
