// Data of one session on its thread: who of outlet, inlet, RPC and data tracks hears what of links,
// participants and permissions. DataPort is its front.
#pragma once

#include "session/data_inlet.hpp"
#include "session/data_tracks.hpp"
#include "session/snapshot.hpp"

namespace lk::session {

class DataRoom : public std::enable_shared_from_this<DataRoom> {
public:
  /// `demand` asks for data channels (session thread).
  static std::shared_ptr<DataRoom> create (const Context &context, const Roster &roster,
                                           std::shared_ptr<Snapshot> snapshot, std::function<void ()> demand);

  // The engine's side.
  void begin (Millis limit);
  void bind (Link &link);
  void bind_channels (rtc::Publisher &publisher);
  void connected (const std::string &server_version);
  void unbind (const Error &why);
  void end (const Error &error);
  /// Nobody is left to be told.
  void shut_down ();
  bool
  settled () const {
    return tracks_->settled ();
  }
  void write (SyncState &state) const;
  void resumed (uint32_t last_sequence);

  void on_message (rtc::ChannelKind kind, const Ref<GBytes> &message);
  void on_response (const RequestResponse &response);
  void participant_changed (const ParticipantInfo &participant);
  void participant_left (const ParticipantInfo &participant);
  /// Our own permission, as the server last told it.
  void self_changed (const ParticipantInfo &self);
  void
  set_transport_drops (uint64_t count) {
    counters_->transport_drops = count;
  }

  /// How long a leaving session should stay for what was just sent.
  Millis
  linger () const {
    return outlet_->linger ();
  }
  const std::shared_ptr<DataPort> &
  port () const {
    return port_;
  }
  DataTracks &
  tracks () {
    return *tracks_;
  }
  DataRpc &
  rpc () {
    return *rpc_;
  }

private:
  explicit DataRoom (std::function<void ()> demand) : demand_ (std::move (demand)) {}

  const std::function<void ()> demand_;
  std::shared_ptr<DataOutlet> outlet_;
  const std::shared_ptr<DataListeners> listeners_ = std::make_shared<DataListeners> ();
  const std::shared_ptr<DataInlet::Counters> counters_ = std::make_shared<DataInlet::Counters> ();
  std::shared_ptr<DataRpc> rpc_;
  std::shared_ptr<DataTracks> tracks_;
  std::unique_ptr<DataInlet> inlet_;
  std::shared_ptr<DataPort> port_;
};

} // namespace lk::session
