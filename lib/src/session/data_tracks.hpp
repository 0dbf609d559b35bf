// Data tracks: ours through the life of links, and those of others that somebody listens to. Session thread
// only, except LocalDataTrack itself.
#pragma once

#include "data/track_packet.hpp"
#include "session/data_listeners.hpp"
#include "session/data_outlet.hpp"
#include "session/link.hpp"
#include "session/roster.hpp"

#include <map>

namespace lk::session {

class DataTracks : public std::enable_shared_from_this<DataTracks> {
public:
  DataTracks (const Context &context, const Roster &roster, std::shared_ptr<DataOutlet> outlet,
              std::shared_ptr<DataListeners> listeners);
  ~DataTracks ();

  class Local;
  void add (const std::shared_ptr<Local> &track);
  void remove (uint64_t number);

  /// Joined.
  void bind (Link &link);
  /// Connected: others' tracks are told and subscribed to.
  void connected ();
  void unbind ();
  /// Nothing of ours waits for an answer of the server.
  bool settled () const;
  void write (SyncState &state) const;
  /// The signalling connection is back: what came meanwhile is requested.
  void resumed ();
  void set_allowed (bool allowed);

  void on_published (const DataTrackInfo &info);
  void on_unpublished (const DataTrackInfo &info);
  void on_response (const RequestResponse &response);
  void on_handles (const DataTrackSubscriberHandles &handles);

  void participant_changed (const ParticipantInfo &participant);
  void participant_left (const ParticipantInfo &participant);
  /// It hears of the tracks that are there.
  void listener_added (const DataListeners::EntryPtr &entry);
  /// Listeners have changed.
  void sync ();

  /// False for what is no packet of a track that we know.
  bool on_packet (std::string_view bytes);

private:
  struct Own {
    std::weak_ptr<Local> track;
    uint32_t handle = 0; ///< 0: not asked for in this link
    DataTrackInfo info;  ///< as published; its sid "" = not yet
    TimerPtr timer;      ///< for the answer
  };
  struct Remote {
    DataSender from;
    DataTrackInfo info;
    bool subscribed = false;
    data::TrackDepacketizer depacketizer;
    bool told_encrypted = false;
  };
  using Remotes = std::map<std::string, Remote>; // by sid

  void request (Own &own);
  Own *find_own (uint32_t handle);
  void fail (uint32_t handle, const Error &error);
  void forget (Remotes::iterator at);

  const Context context_;
  const Roster &roster_;
  const std::shared_ptr<DataOutlet> outlet_;
  const std::shared_ptr<DataListeners> listeners_;
  Link *link_ = nullptr;
  bool connected_ = false, allowed_ = true;
  std::map<uint64_t, Own> own_;
  uint32_t last_handle_ = 0;
  Remotes remotes_;
  std::map<uint32_t, std::string> handles_; ///< of packets → sid
};

/// Any thread. Published as soon as the session is connected; the last reference unpublishes.
std::shared_ptr<LocalDataTrack> make_local_track (const std::shared_ptr<TaskQueue> &queue,
                                                  const std::weak_ptr<DataTracks> &owner,
                                                  const std::shared_ptr<DataOutlet> &outlet,
                                                  const OutgoingDataTrack &spec,
                                                  std::optional<Millis> max_latency);

} // namespace lk::session
