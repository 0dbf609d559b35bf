// What stands behind one sink pad of livekitsink: the elements that encode or parse, the frame sink, and the
// track that is published with them. The CAPS event decides everything.
#pragma once

#include "base/ref.hpp"
#include "livekitsink/pace.hpp"
#include "livekitsink/sinkformat.hpp"
#include "session/tracks.hpp"

#include <gst/gst.h>
#include <gst/livekit/enums.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace lk::gst {

/// What a track needs of its element. Valid from the making of the pad to its release.
class SinkOwner {
public:
  virtual ~SinkOwner () = default;
  virtual GstBin *bin () const = 0;
  virtual std::shared_ptr<Pace> pace () const = 0;
  virtual GstClockTime patience () const = 0;
  virtual bool playing () const = 0;
  /// False at READY and on the way there.
  virtual bool open () const = 0;
  /// Runs `change` if open; until it returns the element stays open.
  virtual void while_open (const std::function<void ()> &change) = 0;
  /// Null when the element has left its session.
  virtual session::LocalTrackPtr publish (const session::PublishSpec &spec) = 0;
  /// Emits `encoder-setup`.
  virtual void encoder_made (GstPad *pad, GstElement *encoder) = 0;
  /// Something that the element's start or end waits for may have come.
  virtual void look_again () = 0;
};

class SinkTrack {
public:
  struct Settings {
    std::string name, codec, stream;
    GstLiveKitTrackSource source = GST_LIVEKIT_TRACK_SOURCE_AUTO;
    uint32_t bitrate_bps = 0;
    bool muted = false, dtx = false, stereo = false;
  };

  explicit SinkTrack (GstGhostPad *pad) : pad_ (pad) {}
  /// Before the pad is used.
  void init (SinkOwner *owner, SinkKind kind);

  // Any thread. -----------------------------------------------------------------------------------
  /// What the pad takes, best first.
  Ref<GstCaps> caps () const;
  Settings settings () const;
  /// For settings that count when the track is published; it changes nothing that runs.
  void configure (const std::function<void (Settings &)> &change);
  void set_muted (bool muted);
  void set_bitrate (uint32_t bitrate_bps);
  std::string name () const; ///< of the track: the pad's unless set
  session::LocalTrackPtr track () const;

  // Streaming thread. -----------------------------------------------------------------------------
  /// False when these caps cannot be published; the error is posted.
  bool on_caps (GstCaps *caps);
  /// Stream-start or flush-stop: a track that had ended goes on.
  void on_restart (bool flushed);
  void on_eos ();
  enum class Verdict { Pass, Drop, Flushing, NotNegotiated };
  /// Of one incoming buffer.
  Verdict admit ();

  // The element. ----------------------------------------------------------------------------------
  bool owns (const GstObject *frame_sink) const;
  bool owns (const session::LocalTrackPtr &track) const;
  /// Does not hold up the start of the element: published, without caps, or ended.
  bool settled () const;
  bool
  ended () const {
    return ended_;
  }
  /// EOS came out of the chain: the track is unpublished.
  void finish ();
  /// The server muted or unmuted the track.
  void muted_by_server (bool muted);
  /// It was published, or the session is over: waiting frames look again.
  void wake ();
  /// The server refused or ended it; nothing is sent any more.
  void refused ();
  /// The pad is being released: no chain is built any more.
  void release ();
  /// Removes the chain and unpublishes.
  void close ();

private:
  SinkFormat format () const;
  Ref<GstElement> front () const;
  Result<Ref<GstElement>> make_front (const SinkFormat &format);
  bool build (const SinkFormat &format);
  bool insert (Ref<GstElement> front, const SinkFormat &format);
  GstPadProbeReturn on_parsed (GstPadProbeInfo *info);
  void publish ();
  bool upstream_live () const;
  void fail (const Error &error);
  std::string pad_name () const;

  GstGhostPad *const pad_; // owner of this object
  SinkOwner *owner_ = nullptr;
  SinkKind kind_ = SinkKind::Any;

  mutable std::mutex publish_lock_; // held while publishing; before lock_
  mutable std::mutex lock_;         // leaf; guards what follows
  Settings settings_;
  session::LocalTrackPtr track_;
  Ref<GstElement> front_, frame_sink_;
  SinkFormat format_;
  bool released_ = false, refused_ = false;

  std::atomic<bool> ended_{ false }, live_{ false };

  // Streaming thread.
  bool rejected_ = false; // the caps in force; the error is posted
  bool warm_ = false;     // the encoder has had a frame
  bool skipped_ = false;  // frames were dropped since
};

} // namespace lk::gst
