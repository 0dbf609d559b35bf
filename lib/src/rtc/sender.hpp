// One source that feeds one sending section of a publisher's webrtcbin. Internal to rtc.
#pragma once

#include "rtc/publisher.hpp"

#include <memory>

namespace lk::rtc {

/// Session thread.
class Sender {
public:
  /// Requests a sink pad for `spec` and puts the source, behind a flow guard, into `pipeline`. The section
  /// can be offered at once: the transceiver's codec preferences stand in for the caps that come with the
  /// first packet.
  static Result<std::unique_ptr<Sender>> create (const SenderSpec &spec, Ref<GstElement> source,
                                                 GstElement *pipeline, GstElement *webrtc);
  /// Takes the source away. webrtcbin keeps pad and transceiver and is never told.
  void stop ();

  const SenderSpec &
  spec () const {
    return spec_;
  }
  uint32_t
  ssrc () const {
    return spec_.ssrc;
  }
  bool
  active () const {
    return bin_.get () != nullptr;
  }

  std::string mid;       ///< known from the first offer on
  uint32_t rtx_ssrc = 0; ///< likewise; 0 = no retransmission

private:
  explicit Sender (const SenderSpec &spec) : spec_ (spec) {}

  SenderSpec spec_;
  Ref<GstElement> pipeline_, bin_, guard_;
  Ref<GstPad> sink_;
};

} // namespace lk::rtc
