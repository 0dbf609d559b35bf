// All tracks of one kind as one raw stream: a branch per track into one mixer, over a source that gives the
// stream its timeline, so that it begins at once and never ends, whoever comes and goes.
#pragma once

#include "srctrack.hpp"

#include "base/result.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace lk::gst {

/// Sound: 48 kHz stereo. Pictures: a grid in the order of arrival, in the size and rate that downstream
/// names, otherwise 1280×720 at 30.
class Mix {
public:
  /// Inside `src`, in its state. `latency`: of the jitter buffers, for tracks that are yet to come.
  static Result<std::shared_ptr<Mix>> create (GstElement *src, media::MediaKind kind, GstClockTime latency);
  /// Takes itself out of `src`, which must still be there.
  void close ();

  media::MediaKind
  kind () const {
    return kind_;
  }
  /// Where the stream leaves; a pad of the element inside.
  Ref<GstPad> output () const;
  /// `peer` is linked to it: the stream begins, at the running time of the moment (that is what live sources
  /// give). Before, it would be refused.
  void start (GstPad *peer);

  /// Mixes a track in; `params.bin` is set here. Null before start() and for a track that is in already.
  std::shared_ptr<SrcTrack> add (SrcTrack::Params params);
  /// The track's last sound is still mixed; its branch goes later. Blocks as long as the mixer does: pool
  /// thread.
  void remove (const session::RemoteTrack *remote);
  /// The track was muted or unmuted: the last picture before that is not shown for ever.
  void changed (const session::RemoteTrack *remote);
  /// Null when that track is not mixed.
  std::shared_ptr<SrcTrack> find (const session::RemoteTrack *remote) const;
  /// What is mixed at the moment.
  std::vector<std::shared_ptr<SrcTrack>> tracks () const;
  /// EOS at the output, after all that is on its way.
  void finish ();
  /// Removes all branches at once: downstream is flushing. The next stream begins at running time 0.
  void clear ();

  /// The mixer's pad for a participant's first track, with its properties (`volume`, `mute`, or `alpha`).
  /// Null for who is not in the mix.
  Ref<GstPad> input_of (const std::string &identity) const;
  std::vector<std::string> identities () const;

private:
  struct Branch {
    Ref<GstElement> bin; ///< all of the track's elements
    std::shared_ptr<SrcTrack> track;
    Ref<GstPad> input;
    uint64_t order = 0;                       ///< of arrival
    GstClockTime ended = GST_CLOCK_TIME_NONE; ///< monotonic
  };

  Mix (GstElement *src, media::MediaKind kind, Ref<GstElement> bin);
  Ref<GstElement> child (const char *name) const;
  void choose_size (GstPad *peer);
  void arrange ();
  void dismantle (Branch &branch);
  void sweep ();

  GstElement *const src_;
  const media::MediaKind kind_;
  const Ref<GstElement> bin_, mixer_, base_;
  std::mutex adding_;       // one add() at a time
  mutable std::mutex lock_; // leaf
  bool started_ = false;
  int width_ = 0, height_ = 0; ///< of pictures
  uint64_t next_order_ = 0;
  std::map<const session::RemoteTrack *, Branch> branches_;
  std::vector<Branch> ended_; // their last sound may still wait in the mixer
};

} // namespace lk::gst
