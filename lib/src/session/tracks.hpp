// Tracks as elements see them: what we publish and what we subscribed to. All methods: any thread; they post
// or take a short lock.
#pragma once

#include "media/frame_receiver.hpp"
#include "media/frame_sender.hpp"
#include "proto/model.hpp"
#include "rtc/publisher.hpp"
#include "rtc/subscriber.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lk::session {

struct PublishSpec {
  std::string name; ///< track name shown to others
  TrackSource source = TrackSource::Unknown;
  std::string codec;  ///< short name; decides the kind
  std::string stream; ///< sync group; "" = the server's default for the source
  uint32_t width = 0, height = 0;
  uint32_t bitrate_bps = 0;
  bool muted = false, dtx = true, stereo = false;
};

/// One of our tracks. Survives everything but unpublish(); before the session is connected it waits.
class LocalTrack {
public:
  struct Stats {
    media::FrameSenderStats frames;
    rtc::SenderStats rtp;
  };
  virtual ~LocalTrack () = default;
  virtual const PublishSpec &spec () const = 0; ///< as given; immutable
  virtual std::string sid () const = 0;         ///< "" until published
  virtual bool published () const = 0;
  virtual bool muted () const = 0;
  virtual void set_muted (bool muted) = 0;
  /// False while nobody takes it in any quality, as far as the server has said: nothing need be encoded.
  virtual bool wanted () const = 0;
  /// New picture size, told to the server.
  virtual void set_size (uint32_t width, uint32_t height) = 0;
  virtual void unpublish () = 0;
  virtual media::FrameSender &frames () = 0;
  /// The newest figures; those of RTP are at most a second old while somebody asks.
  virtual Stats stats () const = 0;
};

/// How much of a video track we want.
struct Demand {
  bool enabled = true;
  VideoQuality quality = VideoQuality::High;
  uint32_t width = 0, height = 0, fps = 0; ///< 0 = by quality / all
  bool operator== (const Demand &) const = default;
};
/// What satisfies both. A size and a quality cannot be compared: together they mean all of it.
Demand both (const Demand &a, const Demand &b);

/// A subscribed track of somebody else. Stays the same object across reconnects for as long as the track can
/// be recognised.
class RemoteTrack {
public:
  struct Stats {
    media::FrameReceiverStats frames;
    rtc::ReceiverStats rtp;
    Nanos ts_offset{ 0 };
  };
  virtual ~RemoteTrack () = default;
  virtual TrackInfo info () const = 0;              ///< newest
  virtual ParticipantInfo participant () const = 0; ///< newest
  virtual std::string codec () const = 0;           ///< short name, from the mime type
  virtual bool paused () const = 0;                 ///< by the server, for lack of bandwidth
  /// `owner`: whoever consumes the track; all of them are satisfied. Null withdraws it; without any, all is
  /// wanted.
  virtual void set_demand (const void *owner, const std::optional<Demand> &demand) = 0;
  virtual media::FrameReceiver &frames () = 0;
  virtual Stats stats () const = 0;
};

using LocalTrackPtr = std::shared_ptr<LocalTrack>;
using RemoteTrackPtr = std::shared_ptr<RemoteTrack>;

} // namespace lk::session
