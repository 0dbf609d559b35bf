// One file, or one connection to where a live output goes: a pipeline of its own, so that what breaks here
// breaks nowhere else. Its tracks are complete at every time, by silence and black pictures where nothing
// came.
#pragma once

#include "disk.hpp"
#include "encoders.hpp"
#include "feed.hpp"
#include "timeline.hpp"

#include <optional>

namespace lk::record {

class Writer {
public:
  struct Slot {
    const Codec *codec = nullptr;
    Encoding encoding; ///< for what stands in: the size of its pictures
  };
  enum class State { Writing, Finishing, Done, Failed };
  struct Counters {
    uint64_t frames = 0, filled = 0, late = 0, dropped = 0;
  };
  /// How a track fares where it comes from.
  struct Condition {
    bool muted = false;
    GstClockTime patience = 0; ///< how much later than others its frames may come
  };

  /// `buffer`: so much may wait for a slow disk or network; more is dropped and counted.
  static Result<std::unique_ptr<Writer>> make (const Format &format, const std::string &location,
                                               Millis buffer, const std::vector<Slot> &slots);

  /// From this running time on. Once, before anything is pushed.
  void begin (GstClockTime origin);
  /// Nothing from this running time on; the file is finished when all before has come.
  void end_at (GstClockTime end);
  /// Streaming thread; never waits. False: it waits for a key frame, which somebody must ask for.
  bool push (size_t slot, const FedFrame &frame);
  /// Every 100 ms or so, on one thread: no frame of before `complete` will come any more.
  void advance (GstClockTime complete, const std::vector<Condition> &conditions);

  State
  state () const {
    return state_;
  }
  /// Why it failed.
  const Error &
  error () const {
    return error_;
  }
  GstClockTime
  origin () const {
    return origin_;
  }
  GstClockTime duration () const;
  uint64_t
  bytes () const {
    return meter_->bytes ();
  }
  /// Of the disk, as far as it is known.
  std::optional<uint64_t>
  free_bytes () const {
    return meter_->free_bytes ();
  }
  Counters counters () const;
  const std::string &
  location () const {
    return location_;
  }
  const Format &
  format () const {
    return format_;
  }

private:
  struct Gate;
  struct Track {
    Slot slot;
    Ref<GstElement> source;
    std::shared_ptr<Gate> gate;
    std::optional<Timeline> timeline;
    std::optional<StandIn> stand_in;
    Ref<GstCaps> caps;
    bool needs_key = true;
    bool passed = false; ///< a frame of after the end has come
    bool alone = false;  ///< nothing can be made that would stand in
  };

  Writer (const Format &format, std::string location, GstClockTime buffer)
      : format_ (format), location_ (std::move (location)), buffer_ (buffer) {}
  Result<> build (const std::vector<Slot> &slots);
  Result<Ref<GstElement>> make_end (Ref<GstElement> &muxer);
  Result<> add_track (const Slot &slot, GstElement *muxer);
  bool room_for (const Track &track);
  void feed (Track &track, GstBuffer *buffer, GstClockTime pts, GstClockTime duration,
             const Ref<GstCaps> &caps);
  void fill (Track &track, const Timeline::Fill &fill);
  void finish ();
  void check_finish ();
  void look_at_bus ();
  void fail (Error error);

  const Format &format_;
  const std::string location_;
  std::string folder_; ///< where that is; "" for what goes elsewhere
  const GstClockTime buffer_;
  Ref<GstElement> pipeline_;
  std::vector<Track> tracks_; // what is in them by lock_, from begin() on
  GstClockTime origin_ = 0;
  std::atomic<GstClockTime> end_{ GST_CLOCK_TIME_NONE };
  std::atomic<State> state_{ State::Writing };
  Error error_;
  gint64 finishing_since_us_ = 0, moved_us_ = 0;
  uint64_t taken_ = 0;
  bool finished_ = false; ///< but for closing the file
  std::optional<Keeper> keeper_;
  std::optional<Meter> meter_;
  mutable std::mutex lock_; // above the locks of appsrc only
  Counters counters_;
};

/// Of an URL only what is no secret: rtmp://host/…
std::string redacted (const std::string &location);

} // namespace lk::record
