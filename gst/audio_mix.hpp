// The room's sound as one raw stream: a branch per audio track into one audiomixer, over a silence that never
// ends.
#pragma once

#include "srctrack.hpp"

#include "base/result.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace lk::gst {

/// 48 kHz stereo from the first moment on, whoever comes and goes; what is linked converts to its own caps.
class AudioMix {
public:
  /// Inside `src`, in its state. `latency`: of the jitter buffers, for tracks that are yet to come.
  static Result<std::shared_ptr<AudioMix>> create (GstElement *src, GstClockTime latency);
  /// Takes itself out of `src`, which must still be there.
  void close ();

  /// Where the stream leaves; a pad of the element inside.
  Ref<GstPad> output () const;
  /// Something is linked to it: the stream begins, at this running time. Before, it would be refused.
  void start (GstClockTime running_time);

  /// Mixes a track in; `params.bin` is set here. Null before start() and for a track that is in already.
  std::shared_ptr<SrcTrack> add (SrcTrack::Params params);
  /// The track's last sound is still mixed; its branch goes later. Blocks as long as the mixer does: pool
  /// thread.
  void remove (const session::RemoteTrack *remote);
  /// Null when that track is not mixed.
  std::shared_ptr<SrcTrack> find (const session::RemoteTrack *remote) const;
  /// What is mixed at the moment.
  std::vector<std::shared_ptr<SrcTrack>> tracks () const;
  /// EOS at the output, after all that is on its way.
  void finish ();
  /// Removes all branches at once: downstream is flushing. The next stream begins at running time 0.
  void clear ();

  /// The audiomixer pad of a participant's first track: `volume`, `mute`. Null for who is not heard.
  Ref<GstPad> input_of (const std::string &identity) const;
  std::vector<std::string> identities () const;

private:
  struct Branch {
    Ref<GstElement> bin; ///< all of the track's elements
    std::shared_ptr<SrcTrack> track;
    Ref<GstPad> input;
    GstClockTime ended = GST_CLOCK_TIME_NONE; ///< monotonic
  };

  AudioMix (GstElement *src, Ref<GstElement> bin, Ref<GstElement> mixer, Ref<GstElement> silence);
  void set_start (GstClockTime running_time);
  void dismantle (Branch &branch);
  void sweep ();

  GstElement *const src_;
  const Ref<GstElement> bin_, mixer_, silence_;
  std::mutex adding_;       // one add() at a time
  mutable std::mutex lock_; // leaf
  bool started_ = false;
  std::map<const session::RemoteTrack *, Branch> branches_;
  std::vector<Branch> ended_; // their last sound may still wait in the mixer
};

} // namespace lk::gst
