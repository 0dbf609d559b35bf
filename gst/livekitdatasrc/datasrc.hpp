// What livekitdatasrc does: what comes from the room waits in a queue, and leaves it with the time of its
// arrival, or in line with the sound and picture of its sender (docs/data-time.md).
#pragma once

#include "livekitdatasrc/data_queue.hpp"
#include "participant/data_listener.hpp"
#include "participant/data_messages.hpp"
#include "participant/participant.hpp"

#include <gst/base/gstpushsrc.h>

#include <map>
#include <set>

namespace lk::gst {

struct ReceiveSettings {
  GstLiveKitDataKind mode = GST_LIVEKIT_DATA_KIND_PACKET;
  std::string topic, participants;
  Ref<GstCaps> caps;
  bool chunks = false, interim = false, line_breaks = false;
  guint num_streams = 0; ///< 0 = no end
  guint max_buffers = 1000, max_bytes = 64 * 1024 * 1024, max_stream_bytes = 64 * 1024 * 1024;
  GstLiveKitLeaky leaky = GST_LIVEKIT_LEAKY_OLDEST;
  guint text_duration_ms = 4000; ///< 0 = none
  GstLiveKitTimestampMode timestamp_mode = GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL;
};

class DataSrc {
public:
  explicit DataSrc (GstBaseSrc *element);

  Participant participant;

  ReceiveSettings settings () const;
  void change_settings (const std::function<void (ReceiveSettings &)> &change);
  /// Those of the property, or what the mode implies.
  Ref<GstCaps> caps () const;

  // GstBaseSrc's, on the threads that it calls them on.
  void start ();
  void stop ();
  GstFlowReturn create (GstBuffer **buffer);
  void set_flushing (bool flushing);
  /// How much later than its time stamp says data may come: as much as sound and picture. None by arrival.
  GstClockTime latency () const;

private:
  struct Coming {
    Progress progress;
    uint64_t bytes = 0;
  };
  /// From one start to its stop. Session thread only.
  struct Run {
    unsigned number = 0;
    ReceiveSettings settings;
    std::map<std::string, Coming> coming; ///< streams under way, by sender and id
    guint finished = 0;                   ///< messages and whole streams
    MessageLimit data_limit, end_limit;
  };

  // Session thread.
  void on_data (Run &run, const session::DataEvent &event);
  void on_opened (Run &run, const session::StreamOpened &event);
  void on_part (Run &run, const session::StreamData &event);
  void on_ended (Run &run, const session::StreamEnded &event);
  void on_track (Run &run, const char *message, const session::DataSender &from, const DataTrackInfo &track);
  void take (Run &run, const session::DataEvent &event, const std::string &part_of);
  void tell (Run &run, GstBuffer *buffer);
  std::optional<Nanos> place (const Run &run, GstBuffer *buffer, bool continued) const;

  void on_event (const session::SessionEvent &event);
  void send_gap (GstClockTime until);
  void add_stats (GstStructure *into) const;

  GstBaseSrc *const element_; // owner of this object
  const Ref<GstCaps> unix_caps_ = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("timestamp/x-unix"));
  DataQueue queue_;
  std::atomic<unsigned> run_{ 0 };
  std::atomic<uint64_t> received_{ 0 }, received_bytes_{ 0 };

  mutable std::mutex lock_; // leaf
  ReceiveSettings settings_;
  std::shared_ptr<DataListener> listener_;
  std::shared_ptr<session::DataPort> port_;

  // Streaming thread.
  bool segment_sent_ = false;
  GstClockTime covered_until_ = 0; ///< running time
};

} // namespace lk::gst
