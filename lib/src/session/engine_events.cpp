// What the server says, beyond negotiation: who of roster, publications, subscriptions and data hears it.
#include "base/log.hpp"
#include "session/engine.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {
template <typename... Fn> struct Overloaded : Fn... { using Fn::operator()...; };
template <typename... Fn> Overloaded (Fn...) -> Overloaded<Fn...>;
} // namespace

void
Engine::on_link_event (const SignalEvent &event) {
  std::visit (Overloaded{
                  [&] (const ParticipantUpdate &e) { on_participants (e); },
                  [&] (const TrackPublished &e) { publications_->on_published (e); },
                  [&] (const TrackUnpublished &e) { publications_->on_unpublished (e.sid); },
                  [&] (const MuteTrack &e) { publications_->on_muted (e); },
                  [&] (const SubscribedQualityUpdate &e) { publications_->on_wanted (e); },
                  [&] (const TrackSubscribed &e) { publications_->on_subscribed (e.track_sid); },
                  [&] (const RequestResponse &e) { on_request_response (e); },
                  [&] (const StreamStateUpdate &e) { subscriptions_->on_stream_states (e); },
                  [&] (const SubscriptionPermissionUpdate &e) { subscriptions_->on_permission (e); },
                  [&] (const SubscriptionResponse &e) { subscriptions_->on_response (e); },
                  [&] (const SpeakersChanged &e) { on_speakers (e); },
                  [&] (const ConnectionQualityUpdate &e) { on_quality (e); },
                  [&] (const RoomUpdate &e) {
                    snapshot_->write ([&] (Snapshot::Data &data) { data.room = e.room; });
                    if (join_) join_->room = e.room;
                    if (state_ == State::Connected) emit (RoomChanged{ e.room });
                  },
                  [&] (const DataTrackPublished &e) { data_->tracks ().on_published (e.info); },
                  [&] (const DataTrackUnpublished &e) { data_->tracks ().on_unpublished (e.info); },
                  [&] (const DataTrackSubscriberHandles &e) { data_->tracks ().on_handles (e); },
                  [&] (const RefreshToken &e) { tokens_.on_pushed (e.token); },
                  [&] (const RoomMoved &e) { on_room_moved (e); },
                  [&] (const Leave &e) { on_leave (e); },
                  [&] (const auto &) {}, // of features that this session does not use
              },
              event);
  refresh_stats ();
}

void
Engine::on_participants (const ParticipantUpdate &update) {
  if (listing_)
    for (const auto &info : update.participants)
      if (info.state != ParticipantState::Disconnected) listing_->identities.insert (info.identity);
  apply_changes (roster_.update (update.participants));
}

void
Engine::on_leave (const Leave &leave) {
  auto error = signal::error_of (leave);
  GST_INFO ("%s: the server says leave: %s, %s", context_.name.c_str (), to_string (leave.reason),
            to_string (leave.action));
  if (error.retry == Retry::Never) return end (Event::Ended, error, false);
  urls_.on_regions (leave.regions);
  link_->give_up (Link::Cause::Unknown, error);
}

void
Engine::apply_changes (const RosterChanges &changes) {
  using Kind = RosterChange::Kind;
  // Before the room is announced only the books are kept.
  bool visible = state_ != State::Connecting;
  auto tell = [&] (const SessionEvent &event) {
    if (visible) emit (event);
  };
  snapshot_->write ([&] (Snapshot::Data &data) {
    for (const auto &change : changes) {
      if (change.kind == Kind::Left) data.media_paths.erase (change.participant->sid);
      if (change.kind == Kind::SelfChanged)
        data.self = change.participant;
      else if (change.kind == Kind::Left)
        data.participants.erase (change.participant->identity);
      else
        data.participants[change.participant->identity] = change.participant;
    }
  });
  for (const auto &change : changes) {
    const auto &participant = change.participant;
    switch (change.kind) {
    case Kind::Joined:
      data_->participant_changed (*participant);
      tell (ParticipantJoined{ *participant });
      break;
    case Kind::Left:
      data_->participant_left (*participant);
      tell (ParticipantLeft{ *participant });
      break;
    case Kind::Changed:
      subscriptions_->on_participant_changed (participant);
      tell (ParticipantChanged{ *participant, false });
      break;
    case Kind::DataTracksChanged:
      data_->participant_changed (*participant);
      break;
    case Kind::SelfChanged:
      data_->self_changed (*participant);
      publications_->set_permission (participant->permission);
      tell (ParticipantChanged{ *participant, true });
      break;
    case Kind::TrackPublished:
      tell (RemoteTrackPublished{ *participant, change.track });
      subscriptions_->on_track_published (change.track.sid);
      break;
    case Kind::TrackUnpublished:
      // First what happened, then what follows from it: the message comes before the pad's EOS.
      tell (RemoteTrackUnpublished{ *participant, change.track });
      subscriptions_->on_track_unpublished (change.track.sid);
      break;
    case Kind::TrackUpdated:
      subscriptions_->on_track_updated (participant, change.track);
      break;
    }
  }
}

void
Engine::on_room_moved (const RoomMoved &moved) {
  tokens_.on_moved (moved.token, moved.room.name);
  if (join_) {
    join_->room = moved.room;
    join_->participant = moved.participant;
  }
  apply_changes (roster_.clear ());
  auto changes = roster_.reset (moved.participant, moved.others);
  snapshot_->write ([&] (Snapshot::Data &data) {
    data.room = moved.room;
    data.self = std::make_shared<ParticipantInfo> (roster_.self ());
  });
  if (state_ == State::Connected && join_) emit (RoomJoined{ moved.room, roster_.self (), join_->server });
  apply_changes (changes);
}

void
Engine::on_speakers (const SpeakersChanged &speakers) {
  if (state_ != State::Connected) return;
  ActiveSpeakers event;
  for (const auto &speaker : speakers.speakers)
    if (auto identity = roster_.identity_of (speaker.participant_sid); !identity.empty ())
      event.changed.push_back ({ identity, speaker.level, speaker.active });
  if (!event.changed.empty ()) emit (event);
}

void
Engine::on_quality (const ConnectionQualityUpdate &update) {
  if (state_ != State::Connected) return;
  for (const auto &entry : update.entries)
    if (auto identity = roster_.identity_of (entry.participant_sid); !identity.empty ())
      emit (QualityChanged{ identity, entry.quality, entry.score });
}

void
Engine::on_request_response (const RequestResponse &response) {
  publications_->on_response (response);
  data_->on_response (response);
  if (metadata_updates_.on_response (response) || response.reason == RequestReason::Ok) return;
  if (response.add_track_cid.empty () && !response.publish_data_track)
    GST_WARNING ("%s: the server refuses a request: %s", context_.name.c_str (), to_string (response.reason));
}

} // namespace lk::session
