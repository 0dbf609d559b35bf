// One subscribed track inside livekitsrc: FrameSrc → [decoder | parser] → ghost pad, built when something is
// linked and a frame comes.
#pragma once

#include "media/codecs.hpp"
#include "received/continuity.hpp"
#include "received/framesrc.hpp"
#include "session/session.hpp"

#include <gst/gst.h>
#include <gst/livekit/enums.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace lk::gst {

class SrcTrack : public std::enable_shared_from_this<SrcTrack> {
public:
  struct Params {
    GstElement *bin = nullptr; ///< the livekitsrc; outlives this object
    session::RemoteTrackPtr track;
    const media::Codec *codec = nullptr;
    std::string stream_id;
    guint group_id = 0;
    std::shared_ptr<media::TimeMap> time;
    std::function<GstClockTime ()> latency;
    GstLiveKitOutput output = GST_LIVEKIT_OUTPUT_AUTO;
  };

  static std::shared_ptr<SrcTrack> create (const Params &params);
  ~SrcTrack ();

  const session::RemoteTrackPtr &
  track () const {
    return track_;
  }
  const media::Codec &
  codec () const {
    return codec_;
  }
  const std::shared_ptr<FrameSrc> &
  frame_src () const {
    return frame_src_;
  }
  bool
  is_audio () const {
    return codec_.kind == media::MediaKind::Audio;
  }

  /// The caps that a pad of this track can give, for its CAPS query.
  Ref<GstCaps> possible_caps () const;
  /// The ghost pad that frames leave through; not owned. Null before it goes.
  void set_pad (GstPad *ghost);

  GstLiveKitOutput
  output () const {
    return output_;
  }
  void set_output (GstLiveKitOutput output);
  /// Something was linked to the pad.
  void on_linked ();

  /// PLAYING: frames pass from now on. Idempotent. A pause closes only frame_src(): its push may be blocked
  /// downstream.
  void open (GstClockTime now);
  /// EOS on the pad, then all elements are removed. Blocks as long as downstream does: pool thread.
  void finish ();
  /// True for the one caller that may take the pad out of the element.
  bool
  claim_pad_removal () {
    return !pad_removed_.exchange (true);
  }
  /// Removes everything at once; downstream is flushing or was never there. Idempotent.
  void dismantle ();

private:
  void consume ();
  void close ();
  explicit SrcTrack (const Params &params);
  bool prepare (); // streaming thread
  bool wants_raw () const;
  Ref<GstCaps> stand_in (GstClockTime waited);
  bool build (bool raw);
  void clear_chain ();

  GstElement *const bin_;
  const session::RemoteTrackPtr track_;
  const media::Codec &codec_;
  std::atomic<GstLiveKitOutput> output_;
  std::atomic<bool> opened_{ false }, linked_{ false }, consuming_{ false }, pad_removed_{ false };
  Ref<GstElement> source_;
  std::shared_ptr<FrameSrc> frame_src_;

  std::mutex build_lock_; // taken by the streaming thread and by dismantle(); nothing is called out to an
                          // application under it
  GstPad *ghost_ = nullptr;
  std::vector<Ref<GstElement>> chain_;
  std::optional<bool> raw_;
  bool dismantled_ = false;
};

} // namespace lk::gst
