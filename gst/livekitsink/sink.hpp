// What livekitsink does: pads that come and go, a start that waits for the room, an end that waits for every
// pad.
#pragma once

#include "livekitsink/livekitsinkpad.hpp"
#include "participant/participant.hpp"

#include <atomic>
#include <mutex>
#include <span>
#include <vector>

namespace lk::gst {

/// Emitted by Sink, declared by the element.
inline constexpr const char *kEncoderSetupSignal = "encoder-setup";

/// A template of request pads.
struct SinkPadKind {
  SinkKind kind;
  const char *templ, *prefix;
};
/// In the order of the element: gst-launch's "! livekitsink" takes the first one that fits.
std::span<const SinkPadKind> sink_pad_kinds ();

class Sink final : public SinkOwner {
public:
  using PadRef = Ref<GstLiveKitSinkPad>;

  /// @param parent  the class that `bin`'s chains up to.
  Sink (GstBin *bin, gpointer parent);

  GstPad *request_pad (GstPadTemplate *templ, const gchar *name);
  void release_pad (GstLiveKitSinkPad *pad);
  std::vector<PadRef> pads () const;

  GstStateChangeReturn change_state (GstStateChange transition);
  bool send_event (GstEvent *event);
  void handle_message (GstMessage *message);
  bool set_muted (const char *track, bool muted);

  Participant participant;

  // SinkOwner
  GstBin *
  bin () const override {
    return bin_;
  }
  std::shared_ptr<Pace>
  pace () const override {
    return pace_;
  }
  GstClockTime
  patience () const override {
    return GstClockTime (participant.connect_timeout ().count ()) * GST_MSECOND;
  }
  bool
  playing () const override {
    return playing_;
  }
  bool
  open () const override {
    return open_;
  }
  void while_open (const std::function<void ()> &change) override;
  session::LocalTrackPtr publish (const session::PublishSpec &spec) override;
  void encoder_made (GstPad *pad, GstElement *encoder) override;
  void look_again () override;

private:
  void on_event (const session::SessionEvent &event);
  void end_stream ();
  void begin_start ();
  void try_finish_start ();
  void finish_start ();
  void announce_playing_again ();
  void try_post_eos ();
  void post_eos ();
  void close_pads ();
  void post (GstMessage *message);

  GstBin *const bin_; // owner of this object
  GstBinClass *const parent_;
  const std::shared_ptr<Pace> pace_ = std::make_shared<Pace> ();

  // Held while elements are added and brought to the bin's state, so that PAUSED→READY misses none;
  // recursive, as an application may answer deep-element-added by releasing a pad. Taken before everything
  // else.
  std::recursive_mutex gate_;
  std::atomic<bool> open_{ false }, playing_{ false };

  mutable std::mutex lock_; // leaf; guards what follows
  std::vector<PadRef> pads_;
  guint next_[3] = { 0, 0, 0 }; // number of the next pad, by kind
  bool starting_ = false;       // ASYNC_START was posted and waits for its ASYNC_DONE
  bool eos_posted_ = false, eos_forced_ = false;
};

} // namespace lk::gst
