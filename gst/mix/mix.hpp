// All tracks of one kind as one raw stream: a branch per track into one mixer, over a source that gives the
// stream its timeline, so that it begins at once and never ends, whoever comes and goes. What is particular
// to sound and to pictures is in mix_sound and mix_pictures.
#pragma once

#include "mix/settings.hpp"
#include "received/srctrack.hpp"

#include "base/result.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace lk::gst {

class Mix : public std::enable_shared_from_this<Mix> {
public:
  /// Inside `src`, in its state. `latency`: of the jitter buffers, for tracks that are yet to come.
  static Result<std::shared_ptr<Mix>> create (GstElement *src, media::MediaKind kind, GstClockTime latency);
  virtual ~Mix () = default;
  /// Takes itself out of `src`, which must still be there.
  void close ();

  media::MediaKind
  kind () const {
    return kind_;
  }
  /// Where the stream leaves; a pad of the element inside.
  Ref<GstPad> output () const;
  /// `peer` is linked to it and the element runs: the stream begins, at the running time of the moment (that
  /// is what live sources give). Its format is that of the first peer, for good.
  void start (GstPad *peer);

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
  /// Stops the stream before anything else of it, so that nothing waits for what is downstream.
  void let_go ();
  /// Removes all branches at once: downstream is flushing.
  void clear ();

  /// Brings every input in line with what is wanted and with its track. Any thread, at any time.
  void apply ();
  virtual void
  heard (const session::ActiveSpeakers &) {}
  virtual void
  left (const std::string &) {}

  MixSettings settings () const;
  void change_settings (const std::function<void (MixSettings &)> &change);
  /// What is wanted of one participant, present or not; made when it was not there.
  Ref<GObject> child (const std::string &identity);
  /// Fills in what the mix decided by itself.
  virtual void complete (const std::string &identity, MixChildSettings &settings) const = 0;
  /// Of those in the mix.
  std::vector<std::string> identities () const;

protected:
  struct Branch {
    Ref<GstElement> bin;  ///< all of the track's elements
    Ref<GstElement> tail; ///< between that and the mixer; often null
    std::shared_ptr<SrcTrack> track;
    Ref<GstPad> input;                        ///< of the mixer
    uint64_t order = 0;                       ///< of arrival
    GstClockTime ended = GST_CLOCK_TIME_NONE; ///< monotonic
  };

  Mix (GstElement *src, media::MediaKind kind, Ref<GstElement> bin);
  Ref<GstElement> part (const char *name) const;
  GstElement *
  src () const {
    return src_;
  }
  /// In the order of arrival.
  std::vector<Branch> branches () const;
  /// By identity, of those that an application asked for.
  std::map<std::string, MixChildSettings> wanted () const;

  /// Sets the format, before the first buffer.
  virtual void choose_format (GstPad *peer) = 0;
  /// With pads "sink" and "src".
  virtual Ref<GstElement>
  make_tail (const session::RemoteTrack &) {
    return {};
  }
  /// A new input, before data comes.
  virtual void
  prepare_input (GstPad *) {}
  /// apply(), one thread at a time.
  virtual void arrange () = 0;
  virtual void
  track_gone (const Branch &) {}
  /// Now and then while the mix plays, ten times a second at most. The timeline's streaming thread.
  virtual void
  tick () {}

private:
  void connect ();
  void beat ();
  void dismantle (Branch &branch);
  void sweep ();
  void forget_child (const std::string &identity);

  GstElement *const src_;
  const media::MediaKind kind_;
  const Ref<GstElement> bin_, mixer_, base_;
  std::mutex adding_; // one add() at a time
  std::atomic<unsigned> wanted_{ 0 };
  std::atomic<GstClockTime> next_beat_{ 0 };

  mutable std::mutex lock_; // leaf: all below
  MixSettings settings_;
  std::map<std::string, Ref<GObject>> children_; // by identity, those that an application asked for
  bool started_ = false;
  uint64_t next_order_ = 0;
  std::map<const session::RemoteTrack *, Branch> branches_;
  std::vector<Branch> ended_; // their last sound may still wait in the mixer
};

/// Whether a participant is left out by the setting.
bool is_excluded (const MixSettings &settings, const std::string &identity);
GstClockTime monotonic ();

} // namespace lk::gst
