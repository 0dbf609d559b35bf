// One sending section of a publisher's webrtcbin and the source that feeds it. Internal to rtc.
#pragma once

#include "rtc/publisher.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace lk::rtc {

/// A source that was looked at: what the offer will say of it.
struct Outgoing {
  SenderSpec spec;
  Ref<GstElement> source;
  Ref<GstElement> payloader; ///< whose packets we can number; may be null
  Ref<GstCaps> caps;
  bool fixed = false; ///< the caps are those of the packets
};
/// Finds out its caps. Errors say what is wrong with the source.
Result<Outgoing> inspect_source (const SenderSpec &spec, Ref<GstElement> source);

/// Session thread. webrtcbin 1.22 keeps sink pad, transceiver and section for ever and must not be told that
/// a track ends, and srtpenc keeps 30 kB for every SSRC that it ever saw. So they serve one source after
/// another, with one SSRC: without that each publication would cost memory and a longer offer.
class Sender {
public:
  /// Requests a sink pad for such a source; null when webrtcbin gives none.
  static std::unique_ptr<Sender> create (Outgoing &outgoing, GstElement *pipeline, GstElement *webrtc);

  /// Puts the source, behind a flow guard, into the pipeline. The section can be offered at once: codec
  /// preferences stand in for the caps that come with the first packet. After an error the section stays,
  /// inactive.
  Result<> start (Outgoing &outgoing);
  /// start() that has to wait, until start_reserved().
  void
  reserve (Outgoing outgoing) {
    reserved_ = std::move (outgoing);
  }
  Result<> start_reserved ();
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
  /// Of the source, if it is a picture's.
  void request_keyframe ();

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
  SenderStats earlier;   ///< figures of the SSRC when this source began

private:
  /// What the thread that stops a source leaves behind.
  struct Last {
    std::atomic<bool> gone = true;
    std::atomic<int> sequence_number = -1; ///< of its last packet; -1 = it had none
  };

  Sender () = default;
  void announce (const Outgoing &outgoing);

  SenderSpec spec_;
  std::optional<Outgoing> reserved_;
  Ref<GstElement> pipeline_, bin_, guard_, payloader_;
  Ref<GstPad> sink_;
  bool used_ = false;           // start() was called before
  bool held_ = false;           // packets wait for the answer to the next offer
  bool offered_active_ = false; // in the newest offer
  bool told_inactive_ = false;  // by the newest answered offer
  std::shared_ptr<Last> last_ = std::make_shared<Last> ();
};

} // namespace lk::rtc
