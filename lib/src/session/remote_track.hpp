// A subscribed track: the part that elements hold on any thread. Subscriptions drives it on the session
// thread.
#pragma once

#include "session/parts.hpp"
#include "session/roster.hpp"
#include "session/tracks.hpp"

#include <map>
#include <mutex>

namespace lk::session {

class Subscriptions;

class RemoteTrackImpl : public RemoteTrack, public std::enable_shared_from_this<RemoteTrackImpl> {
public:
  struct Port {
    std::shared_ptr<TaskQueue> queue;
    std::weak_ptr<Subscriptions> subscriptions; ///< locked on the session thread only
    Clock *clock = nullptr;
  };

  static std::shared_ptr<RemoteTrackImpl> create (Parts &parts, ParticipantPtr participant,
                                                  const TrackInfo &info, Port port);

  TrackInfo info () const override;
  ParticipantInfo participant () const override;
  std::string codec () const override;
  bool paused () const override;
  void set_demand (const void *owner, const std::optional<Demand> &demand) override;
  media::FrameReceiver &
  frames () override {
    return *frames_;
  }
  Stats stats () const override;

  // The session's side.
  std::string sid () const;
  Demand demand () const; ///< of all owners
  void set_info (ParticipantPtr participant, const TrackInfo &info);
  void set_participant (ParticipantPtr participant);
  /// False when it was so already.
  bool set_paused (bool paused);
  void set_rtp_stats (const rtc::ReceiverStats &stats);
  /// Lip-sync delays its frames.
  void set_ts_offset (Nanos offset);

private:
  explicit RemoteTrackImpl (Port port) : port_ (std::move (port)) {}
  void post (void (Subscriptions::*call) (const std::string &)) const;

  const Port port_;
  std::shared_ptr<media::FrameReceiver> frames_; // set once by create()

  mutable std::mutex lock_; // leaf: guards what follows, held for copies only
  ParticipantPtr participant_;
  TrackInfo info_; // with another sid after a full reconnect
  bool paused_ = false;
  std::map<const void *, Demand> demands_; // by owner
  rtc::ReceiverStats rtp_;
  Nanos ts_offset_{ 0 };
  mutable Nanos asked_{ -1 };
};

} // namespace lk::session
