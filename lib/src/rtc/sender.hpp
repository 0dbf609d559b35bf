// One sending section of a publisher's webrtcbin and the source that feeds it. Internal to rtc.
#pragma once

#include "rtc/publisher.hpp"

#include <atomic>
#include <memory>

namespace lk::rtc {

/// A source that was looked at: what the offer will say of it.
struct Outgoing {
  SenderSpec spec; ///< with its SSRC
  Ref<GstElement> source;
  Ref<GstCaps> caps;
  bool fixed = false; ///< the caps are those of the packets
};
/// Gives the stream an SSRC and finds out its caps. Errors say what is wrong with the source.
Result<Outgoing> inspect_source (const SenderSpec &spec, Ref<GstElement> source);

/// Session thread. webrtcbin 1.22 keeps sink pad, transceiver and section for ever and must not be told that
/// a track ends. So they serve one source after another: without that each publication would cost memory and
/// a longer offer.
class Sender {
public:
  /// Requests a sink pad for such a source; null when webrtcbin gives none.
  static std::unique_ptr<Sender> create (const Outgoing &outgoing, GstElement *pipeline, GstElement *webrtc);

  /// Puts the source, behind a flow guard, into the pipeline. The section can be offered at once: codec
  /// preferences stand in for the caps that come with the first packet. After an error the section stays,
  /// inactive.
  Result<> start (const Outgoing &outgoing);
  /// Takes the source away.
  void stop ();

  /// Whether start() may be called again: the server knows that the section is unused, the last source is
  /// gone, and the codec is the same (the server stays with a section's first).
  bool reusable_for (const Outgoing &outgoing) const;
  /// An offer was written with this state of things …
  void
  note_offered (bool active) {
    offered_active_ = active;
  }
  bool
  offered () const {
    return offered_active_;
  }
  /// … and is answered: packets may flow.
  void note_in_force ();

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
    return bool (bin_);
  }

  std::string mid;       ///< known from the first offer on
  uint32_t rtx_ssrc = 0; ///< likewise; 0 = no retransmission

private:
  Sender () = default;
  void announce (const Outgoing &outgoing);

  SenderSpec spec_;
  Ref<GstElement> pipeline_, bin_, guard_;
  Ref<GstPad> sink_;
  bool used_ = false;           // start() was called before
  bool held_ = false;           // packets wait for the answer to the next offer
  bool offered_active_ = false; // in the newest offer
  bool told_inactive_ = false;  // by the newest answered offer
  std::shared_ptr<std::atomic<bool>> gone_
      = std::make_shared<std::atomic<bool>> (true); // the last source has stopped
};

} // namespace lk::rtc
