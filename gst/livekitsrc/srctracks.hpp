// The tracks of one livekitsrc: their pads, the mixes that they are in, and how they come and go with the
// element's states.
#pragma once

#include "mix/mix.hpp"
#include "received/continuity.hpp"
#include "received/srctrack.hpp"

#include <map>
#include <set>

namespace lk::gst {

class SrcTracks {
public:
  /// What the user asked the element for.
  struct Wishes {
    session::TrackFilter filter;
    GstLiveKitOutput output = GST_LIVEKIT_OUTPUT_AUTO;
    guint latency_ms = 200;
  };
  struct Hooks {
    std::function<Wishes ()> wishes;
    std::function<std::shared_ptr<session::Session> ()> session; ///< null when not attached
    std::function<void ()> filter_changed;                       ///< filter() is another
    // Session thread, after the pad was added, before it ends, and when its track is muted, renamed or
    // paused.
    std::function<void (GstPad *)> subscribed, unsubscribed, changed;
  };

  /// `element` outlives this.
  SrcTracks (GstElement *element, Hooks hooks) : element_ (element), hooks_ (std::move (hooks)) {}

  /// What the session is to be asked for: for mix pads only what they mix, if the user does not say
  /// otherwise.
  session::TrackFilter filter () const;

  // Session thread.
  void add (const session::RemoteTrackPtr &remote);
  /// EOS on the pad, then it goes; downstream may take its time, so on a pool thread.
  void end (const session::RemoteTrackPtr &remote);
  void change (const session::RemoteTrackPtr &remote);
  void heard (const session::ActiveSpeakers &speakers);
  void renamed ();
  void left (const std::string &identity);

  /// A track subscribed by hand passes whatever the filter says.
  void set_requested (const std::string &sid, bool requested);

  // The element's states.
  void activate ();
  void play ();
  void pause ();
  /// No new pads while the children stop.
  void stop_adding ();
  /// After the children stopped: downstream is flushing, so nothing here waits.
  void deactivate ();
  /// EOS at all pads; an error when there is none that could carry it.
  void send_eos ();

  // Request pads audio_mix and video_mix.
  GstPad *request_mix (GstPadTemplate *pad_template);
  void release_mix (GstPad *pad);

private:
  using TrackPtr = std::shared_ptr<SrcTrack>;

  GstClockTime
  running_time () const {
    return gst_element_get_current_running_time (element_);
  }
  std::vector<TrackPtr> all () const;
  std::vector<std::shared_ptr<Mix>> mixes () const;
  std::shared_ptr<Mix> mix_of (media::MediaKind kind) const;
  Ref<GstPad> pad_of (const SrcTrack &track) const;
  bool accepts (const session::RemoteTrackPtr &remote, const session::TrackFilter &filter) const;
  SrcTrack::Params params_of (const session::RemoteTrackPtr &remote, const media::Codec &codec) const;
  void open (SrcTrack &track);
  void mix_in (const session::RemoteTrackPtr &remote);
  void remove_pad (SrcTrack &track);
  void mix_linked (GstPad *pad, GstPad *peer);

  GstElement *const element_;
  const Hooks hooks_;
  const std::shared_ptr<media::TimeMap> time_ = std::make_shared<media::TimeMap> ();
  Continuity continuity_;

  mutable std::mutex lock_; // leaf: all below
  guint group_id_ = gst_util_group_id_next ();
  std::map<const session::RemoteTrack *, TrackPtr> tracks_; // by what they show
  std::set<TrackPtr> ending_;                               // EOS under way
  std::map<media::MediaKind, std::shared_ptr<Mix>> mixes_;
  std::set<std::string> requested_;       // sids
  guint next_audio_ = 0, next_video_ = 0; // names are never reused while the element runs
  bool active_ = false, playing_ = false;
  bool ended_ = false; // EOS was asked for: a pad that came now would never end
};

} // namespace lk::gst
