#include "session/data_tracks.hpp"

#include "base/glob.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <set>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

constexpr Millis kPublishTimeout{ 10000 };
constexpr uint32_t kMaxHandle = 65535;
constexpr size_t kMaxOwn = 1024;
// Of all participants together; a hostile server must not grow our memory.
constexpr size_t kMaxRemote = 16384;

bool
wants (const DataFilter &filter, const DataSender &from, const DataTrackInfo &info) {
  return filter.tracks && matches_globs (filter.participants, from.identity)
         && matches_globs (filter.topics, info.name);
}

Error
not_allowed () {
  return { Errc::NotAllowed, Retry::Never,
           "the server refuses the data track: the token lacks canPublishData" };
}

Error
refused (const RequestResponse &response) {
  auto detail = response.message.empty () ? "" : ": " + response.message;
  switch (response.reason) {
  case RequestReason::NotAllowed:
    return not_allowed ();
  case RequestReason::DuplicateName:
    return { Errc::Settings, Retry::Never,
             "the server refuses the data track: this participant publishes another one of that name" };
  case RequestReason::InvalidName:
    return { Errc::Settings, Retry::Never,
             "the server refuses the data track: its name must have 1 to 256 characters" };
  case RequestReason::LimitExceeded:
    return { Errc::LimitExceeded, Retry::Never,
             "the server refuses the data track: a limit is exceeded" + detail };
  default:
    return { Errc::Protocol, Retry::Never,
             std::string ("the server refuses the data track: ") + to_string (response.reason) + detail };
  }
}

uint64_t
next_number () {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

} // namespace

/// Shared by the element, which pushes, and the session, which publishes.
class DataTracks::Local : public LocalDataTrack {
public:
  Local (std::shared_ptr<TaskQueue> queue, std::weak_ptr<DataTracks> owner,
         std::shared_ptr<DataOutlet> outlet, const OutgoingDataTrack &spec, std::optional<Millis> max_latency)
      : spec_ (spec), number_ (next_number ()), max_latency_ (max_latency), outlet_ (std::move (outlet)),
        queue_ (std::move (queue)), owner_ (std::move (owner)) {}
  ~Local () override {
    queue_->post ([owner = owner_, number = number_] {
      if (auto tracks = owner.lock ()) tracks->remove (number);
    });
  }

  std::string
  sid () const override {
    std::lock_guard lock (lock_);
    return sid_;
  }
  std::optional<Error>
  ended () const override {
    std::lock_guard lock (lock_);
    return ended_;
  }
  bool
  push (std::string_view payload, uint32_t timestamp_90k, std::optional<uint64_t> user_timestamp) override {
    std::vector<std::string> packets;
    {
      std::lock_guard lock (lock_);
      if (!sid_.empty ())
        packets = packetizer_.packets (uint16_t (handle_), payload, timestamp_90k, user_timestamp);
    }
    if (!packets.empty ()) return outlet_->send_frame (std::move (packets), max_latency_);
    outlet_->count_dropped_frame ();
    return false;
  }

  // The session's side.
  const OutgoingDataTrack &
  spec () const {
    return spec_;
  }
  uint64_t
  number () const {
    return number_;
  }
  void
  set_published (uint32_t handle, const std::string &sid) {
    std::lock_guard lock (lock_);
    handle_ = handle;
    sid_ = sid;
  }
  void
  end (const Error &error) {
    std::lock_guard lock (lock_);
    sid_.clear ();
    if (!ended_) ended_ = error;
  }

private:
  const OutgoingDataTrack spec_;
  const uint64_t number_;
  const std::optional<Millis> max_latency_;
  const std::shared_ptr<DataOutlet> outlet_;
  const std::shared_ptr<TaskQueue> queue_;
  const std::weak_ptr<DataTracks> owner_;
  mutable std::mutex lock_; // leaf
  data::TrackPacketizer packetizer_;
  uint32_t handle_ = 0;
  std::string sid_; ///< "" = not published
  std::optional<Error> ended_;
};

DataTracks::DataTracks (const Context &context, const Roster &roster, std::shared_ptr<DataOutlet> outlet,
                        std::shared_ptr<DataListeners> listeners)
    : context_ (context), roster_ (roster), outlet_ (std::move (outlet)), listeners_ (std::move (listeners)) {
}

DataTracks::~DataTracks () = default;

// ---- ours

std::shared_ptr<LocalDataTrack>
make_local_track (const std::shared_ptr<TaskQueue> &queue, const std::weak_ptr<DataTracks> &owner,
                  const std::shared_ptr<DataOutlet> &outlet, const OutgoingDataTrack &spec,
                  std::optional<Millis> max_latency) {
  auto track = std::make_shared<DataTracks::Local> (queue, owner, outlet, spec, max_latency);
  queue->post ([owner, weak = std::weak_ptr (track)] {
    auto tracks = owner.lock ();
    auto local = weak.lock ();
    if (tracks && local) tracks->add (local);
  });
  return track;
}

void
DataTracks::add (const std::shared_ptr<Local> &track) {
  if (own_.size () >= kMaxOwn)
    return track->end ({ Errc::LimitExceeded, Retry::Never, "too many data tracks" });
  auto &own = own_[track->number ()];
  own.track = track;
  request (own);
}

void
DataTracks::remove (uint64_t number) {
  auto node = own_.extract (number);
  if (node && node.mapped ().handle && link_) link_->send (UnpublishDataTrack{ node.mapped ().handle });
}

void
DataTracks::request (Own &own) {
  auto track = own.track.lock ();
  if (!link_ || !link_->live () || !track || track->ended ()) return;
  if (!allowed_) return track->end (not_allowed ());
  do
    last_handle_ = last_handle_ % kMaxHandle + 1;
  while (find_own (last_handle_));
  own.handle = last_handle_;
  link_->send (PublishDataTrack{ own.handle, track->spec ().name, Encryption::None });
  link_->open_data ();
  own.timer = context_.timers->once (kPublishTimeout, [this, handle = own.handle] {
    fail (handle,
          { Errc::Timeout, Retry::Restart, "the server did not answer the request to publish a data track" });
  });
}

DataTracks::Own *
DataTracks::find_own (uint32_t handle) {
  for (auto &[number, own] : own_)
    if (handle != 0 && own.handle == handle) return &own;
  return nullptr;
}

void
DataTracks::fail (uint32_t handle, const Error &error) {
  auto *own = find_own (handle);
  if (!own) return;
  own->timer.reset ();
  own->handle = 0;
  own->info = {};
  if (auto track = own->track.lock ()) track->end (error);
}

void
DataTracks::on_published (const DataTrackInfo &info) {
  auto *own = find_own (info.pub_handle);
  if (!own) return;
  own->timer.reset ();
  own->info = info;
  if (auto track = own->track.lock ()) track->set_published (info.pub_handle, info.sid);
}

void
DataTracks::on_unpublished (const DataTrackInfo &info) {
  fail (info.pub_handle, { Errc::Removed, Retry::Never, "the server unpublished the data track" });
}

void
DataTracks::on_response (const RequestResponse &response) {
  if (response.reason != RequestReason::Ok && response.publish_data_track)
    fail (response.publish_data_track, refused (response));
}

void
DataTracks::set_allowed (bool allowed) {
  allowed_ = allowed;
}

// ---- links

void
DataTracks::bind (Link &link) {
  link_ = &link;
  for (auto &[number, own] : own_)
    request (own);
}

bool
DataTracks::settled () const {
  return std::none_of (own_.begin (), own_.end (), [] (const auto &row) { return bool (row.second.timer); });
}

void
DataTracks::write (SyncState &state) const {
  for (const auto &[number, own] : own_)
    if (!own.info.sid.empty ()) state.publish_data_tracks.push_back (own.info);
}

void
DataTracks::resumed () {
  for (auto &[number, own] : own_)
    if (own.handle == 0) request (own);
}

void
DataTracks::connected () {
  connected_ = true;
  for (const auto &[identity, participant] : roster_.participants ())
    participant_changed (*participant);
}

void
DataTracks::unbind () {
  link_ = nullptr;
  connected_ = false;
  for (auto &[number, own] : own_) {
    own.handle = 0;
    own.info = {};
    own.timer.reset ();
    if (auto track = own.track.lock ()) track->set_published (0, "");
  }
  while (!remotes_.empty ())
    forget (remotes_.begin ());
  handles_.clear ();
}

// ---- others'

void
DataTracks::participant_changed (const ParticipantInfo &participant) {
  if (!connected_) return;
  DataSender from{ participant.identity, participant.sid };
  std::set<std::string> present;
  for (const auto &info : participant.data_tracks)
    present.insert (info.sid);
  for (auto it = remotes_.begin (); it != remotes_.end ();) {
    auto at = it++;
    if (at->second.from.sid == participant.sid && !present.count (at->first)) forget (at);
  }
  for (const auto &info : participant.data_tracks) {
    if (info.sid.empty () || remotes_.size () >= kMaxRemote || remotes_.count (info.sid)) continue;
    remotes_[info.sid] = { from, info, false, {} };
    listeners_->tell (DataTrackAppeared{ from, info },
                      [&] (const DataFilter &filter) { return wants (filter, from, info); });
  }
  sync ();
}

void
DataTracks::participant_left (const ParticipantInfo &participant) {
  for (auto it = remotes_.begin (); it != remotes_.end ();) {
    auto at = it++;
    if (at->second.from.sid == participant.sid) forget (at);
  }
}

void
DataTracks::forget (Remotes::iterator at) {
  auto remote = remotes_.extract (at);
  std::erase_if (handles_, [&] (const auto &handle) { return handle.second == remote.key (); });
  const auto &[from, info] = std::tie (remote.mapped ().from, remote.mapped ().info);
  listeners_->tell (DataTrackGone{ from, info },
                    [&] (const DataFilter &filter) { return wants (filter, from, info); });
}

void
DataTracks::listener_added (const DataListeners::EntryPtr &entry) {
  if (!connected_) return;
  std::vector<DataTrackAppeared> there;
  for (const auto &[sid, remote] : remotes_)
    if (wants (entry->filter, remote.from, remote.info)) there.push_back ({ remote.from, remote.info });
  sync ();
  for (const auto &event : there)
    listeners_->call (entry, event);
}

/// Subscribes to what somebody wants, and to nothing else.
void
DataTracks::sync () {
  if (!connected_) return;
  UpdateDataSubscription update;
  for (auto &[sid, remote] : remotes_) {
    bool wanted = listeners_->any (
        [&, &track = remote] (const DataFilter &filter) { return wants (filter, track.from, track.info); });
    if (wanted == remote.subscribed) continue;
    remote.subscribed = wanted;
    remote.depacketizer = {};
    update.updates.push_back ({ sid, wanted });
  }
  if (!update.updates.empty ()) link_->send (update);
}

void
DataTracks::on_handles (const DataTrackSubscriberHandles &handles) {
  handles_.clear ();
  for (const auto &[handle, entry] : handles.handles) {
    if (handles_.size () >= kMaxRemote) break;
    handles_[handle] = entry.track_sid;
  }
}

bool
DataTracks::on_packet (std::string_view bytes) {
  auto packet = data::parse_track_packet (bytes);
  if (!packet) return false;
  auto handle = handles_.find (packet->handle);
  auto it = handle == handles_.end () ? remotes_.end () : remotes_.find (handle->second);
  if (it == remotes_.end () || !it->second.subscribed) return false;
  auto frame = it->second.depacketizer.push (*packet);
  if (!frame) return true;
  if (frame->encryption) { // without a key nobody can use it
    auto [info, from] = std::pair (it->second.info, it->second.from);
    if (!std::exchange (it->second.told_encrypted, true))
      listeners_->tell (EncryptedDataMet{ from },
                        [&] (const DataFilter &filter) { return wants (filter, from, info); });
    return false;
  }
  TrackFrameReceived event{ it->second.from, it->second.info, std::move (frame->payload),
                            frame->timestamp_90k, frame->user_timestamp };
  listeners_->tell (event,
                    [&] (const DataFilter &filter) { return wants (filter, event.from, event.track); });
  return true;
}

} // namespace lk::session
