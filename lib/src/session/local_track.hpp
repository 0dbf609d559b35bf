// One of our tracks: the part that elements hold on any thread. Publications drives it on the session thread.
#pragma once

#include "session/parts.hpp"
#include "session/tracks.hpp"

#include <mutex>

namespace lk::session {

class Publications;

class LocalTrackImpl : public LocalTrack, public std::enable_shared_from_this<LocalTrackImpl> {
public:
  struct Port {
    std::shared_ptr<TaskQueue> queue;
    std::weak_ptr<Publications> publications; ///< locked on the session thread only
    Clock *clock = nullptr;
  };

  LocalTrackImpl (PublishSpec spec, std::string cid, std::shared_ptr<media::FrameSender> frames, Port port);

  const PublishSpec &
  spec () const override {
    return spec_;
  }
  std::string sid () const override;
  bool published () const override;
  bool muted () const override;
  void set_muted (bool muted) override;
  bool wanted () const override;
  void set_size (uint32_t width, uint32_t height) override;
  void unpublish () override;
  media::FrameSender &
  frames () override {
    return *frames_;
  }
  Stats stats () const override;

  // The session's side.
  const std::string &
  cid () const {
    return cid_;
  }
  /// By the server; false when it was so already.
  bool apply_muted (bool muted);
  void set_wanted (bool wanted);
  void set_progress (const std::string &sid, bool published);
  void set_rtp_stats (const rtc::SenderStats &stats);
  /// The newest size, 0×0 when none was ever set.
  std::pair<uint32_t, uint32_t> size () const;

private:
  void post (void (Publications::*call) (const std::shared_ptr<LocalTrackImpl> &)) const;
  void pass_muted_on ();

  const PublishSpec spec_;
  const std::string cid_;
  const std::shared_ptr<media::FrameSender> frames_;
  const Port port_;

  mutable std::mutex lock_; // leaf: guards what follows, held for copies only
  std::string sid_;
  bool published_ = false, muted_ = false, wanted_ = true;
  uint32_t width_ = 0, height_ = 0;
  rtc::SenderStats rtp_;
  mutable Nanos asked_{ -1 };
};

} // namespace lk::session
