// What livekitdatasink does with buffers: each becomes a message of the room, or part of one stream.
#pragma once

#include "livekitdatasink/send_settings.hpp"
#include "participant/data_messages.hpp"
#include "participant/participant.hpp"

#include <gst/base/gstbasesink.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

namespace lk::gst {

class DataSink {
public:
  explicit DataSink (GstBaseSink *element);

  Participant participant;

  SendSettings settings () const;
  /// Any thread.
  void change_settings (const std::function<void (SendSettings &)> &change);

  // GstBaseSink's, on the threads that it calls them on.
  void start ();
  void stop ();
  GstFlowReturn render (GstBuffer *buffer);
  /// At EOS: ends the stream under way, waits until what is reliable has left.
  GstFlowReturn finish ();
  void set_caps (GstCaps *caps);
  void segment ();
  void flushed ();
  void unlock ();
  void unlock_stop ();
  /// To PLAYING.
  void playing ();

  /// Upstream is live: what comes is sent at once.
  bool
  live () const {
    return live_;
  }

private:
  using Moment = std::chrono::steady_clock::time_point;
  /// Why a buffer was left out; each is told once.
  enum class Reason { NotMapped, Empty, NotUtf8, TooLarge, Disconnected };

  GstFlowReturn send (const SendSettings &settings, GstBuffer *buffer, std::string_view bytes);
  Result<> send_packet (const SendSettings &, const Outgoing &, std::string_view bytes, std::stop_token);
  Result<> send_stream (const SendSettings &, const Outgoing &, std::string_view bytes, std::stop_token);
  Result<> send_part (const SendSettings &, const Outgoing &, std::string_view &bytes, std::stop_token);
  Result<> send_chat (const Outgoing &, std::string_view bytes, std::stop_token);
  Result<> send_transcription (const Outgoing &, GstBuffer *buffer, std::string_view bytes, std::stop_token);
  Result<> send_frame (const SendSettings &, const Outgoing &, GstBuffer *buffer, std::string_view bytes);
  Result<> end_stream (std::stop_token stop);
  Result<> drain (std::stop_token stop, Moment arrived);
  /// Runs `send` until it is done, across pauses; what failed for good is posted.
  GstFlowReturn persist (const std::function<Result<> (std::stop_token)> &send);
  GstFlowReturn failed (const Error &error);
  void drop (Reason reason, const std::string &why);
  void end_by_room ();
  void on_event (const session::SessionEvent &event);
  void add_stats (GstStructure *into) const;

  std::shared_ptr<session::DataPort> port () const;
  std::stop_token stop_token () const;
  GstClockTime running_time (GstBuffer *buffer) const;
  uint64_t capture_time_us (const Outgoing &out, GstBuffer *buffer) const;
  std::optional<uint64_t> upstream_size () const;
  Progress progress_of (const Outgoing &out, const std::string &id, std::optional<uint64_t> total);

  GstBaseSink *const element_; // owner of this object

  mutable std::mutex lock_; // leaf
  SendSettings settings_;
  std::stop_source stop_;
  std::set<Reason> told_;
  uint64_t told_unconfirmed_ = 0;
  bool begun_ = false; ///< the session has left the state in which it was found

  std::atomic<bool> live_{ false }, ended_{ false }, playing_{ false };
  std::atomic<uint64_t> sent_{ 0 }, sent_bytes_{ 0 }, dropped_{ 0 }, unsent_bytes_{ 0 };

  // Streaming thread; start() and stop() come when there is none.
  std::unique_ptr<session::StreamWriter> writer_;
  Progress writer_progress_;
  uint64_t written_ = 0;
  bool counted_ = false; ///< its receivers know how long the stream under way will be
  Moment last_sent_;
  std::chrono::nanoseconds held_up_{ 0 }; ///< in all, by the network
  std::string tail_;                      ///< the beginning of a character whose rest is in the next buffer
  bool new_stream_ = false, markup_ = false;
  std::shared_ptr<session::LocalDataTrack> track_;
};

} // namespace lk::gst
