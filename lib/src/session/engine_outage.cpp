// How a session comes back when its link is lost.
#include "base/log.hpp"
#include "session/engine.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// Before the server's other addresses are tried.
constexpr int kResumesWithOthers = 3;

} // namespace

/// The connection is lost for now: everything stays as it is until another one stands. False when there is no
/// hope, or none is wanted.
bool
Engine::begin_outage (const Error &error) {
  auto policy = reconnect_policy (settings_);
  bool first = state_ == State::Connecting;
  if (policy.mode == ReconnectMode::Never || (first && policy.mode != ReconnectMode::Always)) return false;
  if (!worth_another_try (error)) return false;
  connect_timer_.reset ();
  outage_ = std::make_unique<Outage> (context_, policy, [this] { attempt (); });
  if (first)
    outage_->count_attempt (); // the one that has just failed; only a stop ends the others
  else
    outage_->limit ([this, error] {
      end (Event::GivenUp,
           { error.code, Retry::Never, error.message + "; the connection did not come back in time" }, false);
    });
  return true;
}

/// The signalling connection is lost; what runs over the peer connections goes on.
void
Engine::pause () {
  liveness_.reset ();
  link_joined_ = false;
  metadata_updates_.fail_all (closed_error ());
}

/// The transport goes, what runs over it stays.
void
Engine::suspend () {
  listing_.reset ();
  media_timer_.reset ();
  liveness_.reset ();
  publications_->unbind ();
  subscriptions_->suspend ();
  data_->unbind ({ Errc::TransportLost, Retry::Restart, "the session lost its connection" });
  metadata_updates_.fail_all (closed_error ());
  // Without a Leave: to the server the lost participant and the next one are the same identity.
  close_link (false, Millis (0), {});
}

SyncState
Engine::on_link_resuming () {
  SyncState state;
  publications_->write (state);
  subscriptions_->write (state);
  data_->write (state);
  listing_ = { {}, roster_.self ().tracks };
  return state;
}

void
Engine::on_link_resumed (uint32_t last_sequence) {
  link_joined_ = true;
  tokens_.on_accepted ();
  auto listing = *std::exchange (listing_, std::nullopt);
  // Who is not listed has left meanwhile, and nobody else will say so.
  if (listing.identities.count (roster_.self ().identity))
    apply_changes (roster_.retain (listing.identities));
  if (!recovered (true)) return;
  publications_->resumed (listing.own, roster_.self ().tracks);
  data_->resumed (last_sequence);
}

/// An outage has ended.
bool
Engine::recovered (bool resumed) {
  auto took = std::chrono::duration_cast<Millis> (context_.env.clock->now () - outage_->since ());
  outage_.reset ();
  snapshot_->write ([&] (Snapshot::Data &data) {
    ++(resumed ? data.stats.resumes : data.stats.reconnects);
    data.stats.last_outage = took;
  });
  refresh_stats ();
  liveness_ = std::make_unique<Liveness> (context_, *link_, *subscriptions_);
  return apply (Event::Recovered, {}, Recovery{ resumed, took });
}

std::vector<SessionEvent>
Engine::replay () const {
  std::vector<SessionEvent> events;
  if (state_ != State::Connected || !join_) return events;
  events.push_back (RoomJoined{ join_->room, roster_.self (), join_->server });
  for (const auto &[identity, participant] : roster_.participants ()) {
    events.push_back (ParticipantJoined{ *participant });
    for (const auto &track : participant->tracks)
      events.push_back (RemoteTrackPublished{ *participant, track });
  }
  for (const auto &track : subscriptions_->announced ())
    events.push_back (RemoteTrackSubscribed{ track });
  return events;
}

void
Engine::send_own_metadata () {
  if (identity_->minted) return; // it is in the token
  UpdateMetadata update;
  update.name = settings_.participant_name;
  update.metadata = settings_.metadata;
  update.attributes = settings_.attributes.value_or (Attributes ());
  if (!update.name && !update.metadata && update.attributes.empty ()) return;
  update_metadata (update, [name = context_.name] (const Result<> &result) {
    if (!result)
      GST_WARNING ("%s: name, metadata and attributes not set: %s", name.c_str (),
                   result.error ().message.c_str ());
  });
}

void
Engine::on_link_elsewhere (const std::vector<RegionInfo> &regions) {
  elsewhere_ = regions;
}

void
Engine::on_link_lost (const Error &error) {
  if (error.code == Errc::Unauthorized && link_ && !link_joined_) return token_refused (error);
  bool resuming = link_ && link_->was_connected () && state_ == State::Reconnecting;
  if (!elsewhere_.empty ())
    urls_.on_regions (std::exchange (elsewhere_, {}));
  else if (link_ && !link_joined_ && !resuming)
    urls_.failed ();
  if (state_ == State::Connecting) {
    // ICE or DTLS: a refusal would have come before the join.
    bool media = error.code == Errc::TransportLost || error.code == Errc::MediaFailed;
    if (join_ && media && error.retry != Retry::Never && attempts_ == 1) return retry ();
    return connect_failed (error);
  }
  bool resumable = link_ && error.retry == Retry::Resume && link_->resumable ();
  bool refused = false;
  if (state_ == State::Reconnecting) {
    // The participant is there only; the room may be elsewhere, too.
    if (resuming && urls_.has_others () && outage_->attempts () >= kResumesWithOthers) resumable = false;
    if (!worth_another_try (error)) return end (Event::GivenUp, error, false);
    GST_INFO ("%s: not yet: %s", context_.name.c_str (), error.message.c_str ());
    refused = resuming && !resumable;
  } else {
    apply (Event::LinkLost, error);
    if (!begin_outage (error)) return end (Event::GivenUp, error, error.code != Errc::SignalLost);
    resumable = resumable && publications_->settled () && data_->settled ();
  }
  if (resumable)
    pause ();
  else
    suspend ();
  if (refused)
    outage_->attempt_now (); // from scratch
  else
    outage_->attempt_later ();
}

} // namespace lk::session
