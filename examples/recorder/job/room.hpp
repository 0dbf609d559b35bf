// The room as a job sees it: livekitsrc in a pipeline, its tracks, and what happens there as calls on the
// job's thread.
#pragma once

#include "request.hpp"
#include "results.hpp"
#include "room_clock.hpp"
#include "tap.hpp"

#include "base/task_queue.hpp"

#include <set>

namespace lk::record {

/// A track that is received.
struct RoomTrack {
  Ref<GstPad> pad;
  const Codec *codec = nullptr;
  TrackStatus status;
  unsigned width = 0, height = 0; ///< as published; 0 = not said
  unsigned published = 0;         ///< tracks of its participant when it came
  std::shared_ptr<Tap> tap;       ///< null: only the mixes use it
  gint64 last_packet_us = 0;      ///< when packets last came
  bool muted () const;
};
using RoomTrackPtr = std::shared_ptr<RoomTrack>;

class Room {
public:
  struct Hooks {
    std::function<void ()> joined;
    std::function<void (const RoomTrackPtr &)> track_came, track_gone;
    std::function<void (const RoomTrackPtr &)> stalled;
    std::function<void (unsigned count)> participants;
    /// The session is over: no error where the room was closed.
    std::function<void (std::optional<Error>)> ended;
  };

  Room (SessionThread &thread, Hooks hooks) : thread_ (thread), hooks_ (std::move (hooks)) {}
  ~Room ();

  // The job's thread.
  struct Kinds {
    bool audio = false, video = false;
  };
  /// `received`: what is subscribed; `tapped`: of what each track is wanted by itself.
  Result<> start (const Request &request, Kinds received, Kinds tapped);
  void stop ();
  /// The mixes: requested once, from now on running.
  Result<> link_mix (Tap &tap, bool video, const std::string &layout);
  /// Once a second: packets, stalls.
  void look (Millis stall);
  GstClockTime
  now () const {
    return clock ().now ();
  }
  RoomClock
  clock () const {
    return RoomClock (pipeline_);
  }

  GstElement *
  pipeline () const {
    return pipeline_.get ();
  }
  const std::string &
  name () const {
    return name_;
  }
  const std::vector<RoomTrackPtr> &
  tracks () const {
    return tracks_;
  }
  unsigned
  participants () const {
    return unsigned (participants_.size ());
  }
  unsigned
  reconnects () const {
    return reconnects_;
  }

private:
  struct Hop; // from livekitsrc's threads to the job's
  static void on_pad (GstElement *source, GstPad *pad, gpointer hop, bool added);
  void pad_added (Ref<GstPad> pad, const Codec &codec, std::shared_ptr<Tap> tap);
  void pad_removed (GstPad *pad);
  void on_message (GstMessage *message);
  void on_element (const GstStructure *s);

  SessionThread &thread_;
  const Hooks hooks_;
  std::shared_ptr<Room *> self_ = std::make_shared<Room *> (this); // null after stop()
  Ref<GstElement> pipeline_, source_;
  GSource *watch_ = nullptr;
  std::string name_;
  std::vector<RoomTrackPtr> tracks_;
  std::set<std::string> participants_; // identities
  unsigned reconnects_ = 0;
};

} // namespace lk::record
