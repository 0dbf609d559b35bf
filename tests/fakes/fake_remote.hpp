// A remote track without a transport: the test is the streaming thread.
//
//   auto track = std::make_shared<FakeRemoteTrack> ("TR_a", "opus");
//   session->emit_later (session::RemoteTrackSubscribed{ track });
//   track->receiver.deliver (frame);
#pragma once

#include "media/consumer_slot.hpp"
#include "session/tracks.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

namespace lk::test {

/// Consumers as the real one has them: called directly, removed only when no call runs.
class FakeFrameReceiver : public media::FrameReceiver {
public:
  void
  add_consumer (std::shared_ptr<media::FrameConsumer> consumer) override {
    std::lock_guard guard (lock_);
    slots_.push_back (std::make_shared<media::ConsumerSlot> (std::move (consumer), true));
  }
  void
  remove_consumer (const std::shared_ptr<media::FrameConsumer> &consumer) override {
    std::vector<SlotPtr> gone;
    {
      std::lock_guard guard (lock_);
      for (const auto &slot : slots_)
        if (slot->is (consumer.get ())) gone.push_back (slot);
      std::erase_if (slots_, [&] (const auto &slot) { return slot->is (consumer.get ()); });
    }
    for (const auto &slot : gone)
      slot->remove ();
  }
  media::FrameReceiverStats
  stats () const override {
    return {};
  }
  void
  request_keyframe () override {
    ++keyframe_requests;
  }
  Result<Ref<GstElement>>
  make_sink (const media::Codec &, int) override {
    return Error{ Errc::Internal, Retry::Never, "not in a fake" };
  }
  void
  unbind () override {}
  void
  set_sender_report (uint64_t, uint32_t) override {}
  std::optional<media::RtpPoint>
  last_point () const override {
    return {};
  }
  void
  set_delay (Nanos) override {}

  // The test's side.
  void
  deliver (const media::Frame &frame) {
    for (const auto &slot : slots ())
      slot->frame (frame);
  }
  void
  lose (GstClockTime from, GstClockTime duration) {
    for (const auto &slot : slots ())
      slot->lost (from, duration);
  }
  size_t
  consumers () const {
    return slots ().size ();
  }
  std::atomic<int> keyframe_requests{ 0 };

private:
  using SlotPtr = std::shared_ptr<media::ConsumerSlot>;
  std::vector<SlotPtr>
  slots () const {
    std::lock_guard guard (lock_);
    return slots_;
  }
  mutable std::mutex lock_;
  std::vector<SlotPtr> slots_;
};

class FakeRemoteTrack : public session::RemoteTrack {
public:
  FakeRemoteTrack (const std::string &sid, std::string codec) : codec_ (std::move (codec)) {
    info_.sid = sid;
    info_.name = "name of " + sid;
    info_.kind = codec_ == "opus" ? TrackKind::Audio : TrackKind::Video;
    info_.mime_type = (codec_ == "opus" ? "audio/" : "video/") + codec_;
    participant_.sid = "PA_them";
    participant_.identity = "them";
    participant_.name = "Them";
  }

  TrackInfo
  info () const override {
    std::lock_guard guard (lock_);
    return info_;
  }
  ParticipantInfo
  participant () const override {
    std::lock_guard guard (lock_);
    return participant_;
  }
  std::string
  codec () const override {
    return codec_;
  }
  bool
  paused () const override {
    return false;
  }
  void
  set_demand (const void *owner, const std::optional<session::Demand> &demand) override {
    std::lock_guard guard (lock_);
    if (demand) demands_.push_back (*demand);
    if (demand)
      demanded_[owner] = *demand;
    else
      demanded_.erase (owner);
  }
  media::FrameReceiver &
  frames () override {
    return receiver;
  }
  Stats
  stats () const override {
    return {};
  }

  // The test's side.
  std::vector<session::Demand>
  demands () const {
    std::lock_guard guard (lock_);
    return demands_;
  }
  /// What all consumers want together; null when there is none.
  std::optional<session::Demand>
  demand () const {
    std::lock_guard guard (lock_);
    std::optional<session::Demand> all;
    for (const auto &[owner, demand] : demanded_)
      all = all ? session::both (*all, demand) : demand;
    return all;
  }
  void
  set_source (TrackSource source) {
    std::lock_guard guard (lock_);
    info_.source = source;
  }
  void
  set_size (uint32_t width, uint32_t height) {
    std::lock_guard guard (lock_);
    info_.width = width;
    info_.height = height;
  }
  void
  set_name (const std::string &name) {
    std::lock_guard guard (lock_);
    participant_.name = name;
  }
  void
  set_muted (bool muted) {
    std::lock_guard guard (lock_);
    info_.muted = muted;
  }
  void
  set_identity (const std::string &identity) {
    std::lock_guard guard (lock_);
    participant_.identity = identity;
  }
  FakeFrameReceiver receiver;

private:
  const std::string codec_;
  mutable std::mutex lock_;
  TrackInfo info_;
  ParticipantInfo participant_;
  std::vector<session::Demand> demands_;
  std::map<const void *, session::Demand> demanded_;
};

} // namespace lk::test
