#include "session/data_room.hpp"

#include "data/message.hpp"
#include "session/data_port.hpp"

namespace lk::session {

std::shared_ptr<DataRoom>
DataRoom::create (const Context &context, const Roster &roster, std::shared_ptr<Snapshot> snapshot,
                  std::function<void ()> demand) {
  std::shared_ptr<DataRoom> room (new DataRoom (std::move (demand)));
  auto weak = std::weak_ptr (room);
  room->outlet_ = std::make_shared<DataOutlet> (*context.env.clock, [weak, queue = context.queue] {
    queue->post ([weak] {
      if (auto self = weak.lock ()) self->demand_ ();
    });
  });
  room->rpc_ = std::make_shared<DataRpc> (context, roster, room->outlet_);
  room->tracks_ = std::make_shared<DataTracks> (context, roster, room->outlet_, room->listeners_);
  room->inlet_
      = std::make_unique<DataInlet> (context, roster, room->listeners_, *room->rpc_, room->counters_);
  room->port_ = make_data_port ({ context, weak, std::move (snapshot), room->outlet_, room->listeners_,
                                  room->tracks_, room->counters_ });
  return room;
}

void
DataRoom::begin (Millis limit) {
  outlet_->begin (limit);
  rpc_->begin (limit);
}

void
DataRoom::bind (Link &link) {
  tracks_->bind (link);
}

void
DataRoom::bind_channels (rtc::Publisher &publisher) {
  DataOutlet::Channels channels;
  for (int i = 0; i < rtc::kChannelKinds; ++i)
    channels[size_t (i)] = publisher.channel (rtc::ChannelKind (i));
  outlet_->bind (std::move (channels));
}

void
DataRoom::connected (const std::string &server_version) {
  tracks_->connected ();
  rpc_->connected (server_version);
}

void
DataRoom::unbind (const Error &why) {
  outlet_->unbind ();
  tracks_->unbind ();
  inlet_->unbind (why);
  rpc_->unbind ();
}

void
DataRoom::end (const Error &error) {
  outlet_->end (error);
  rpc_->end ();
}

void
DataRoom::shut_down () {
  Error closed{ Errc::Closed, Retry::Never, "the session is closed" };
  outlet_->unbind ();
  outlet_->end (closed);
  rpc_->end ();
}

void
DataRoom::write (SyncState &state) const {
  outlet_->write (state);
  tracks_->write (state);
  for (const auto &[sid, last_sequence] : inlet_->receive_states ())
    state.received.push_back ({ sid, last_sequence });
}

void
DataRoom::resumed (uint32_t last_sequence) {
  outlet_->resume (last_sequence);
  tracks_->resumed ();
}

void
DataRoom::on_message (rtc::ChannelKind kind, const Ref<GBytes> &message) {
  auto bytes = data::view_of (message);
  if (kind != rtc::ChannelKind::DataTrack)
    return inlet_->on_message (
        kind == rtc::ChannelKind::Reliable ? Reliability::Reliable : Reliability::Lossy, bytes);
  ++counters_->received;
  counters_->bytes += bytes.size ();
  if (!tracks_->on_packet (bytes)) ++counters_->dropped;
}

void
DataRoom::on_response (const RequestResponse &response) {
  tracks_->on_response (response);
}

void
DataRoom::participant_changed (const ParticipantInfo &participant) {
  tracks_->participant_changed (participant);
}

void
DataRoom::participant_left (const ParticipantInfo &participant) {
  tracks_->participant_left (participant);
  inlet_->participant_left (participant);
  rpc_->participant_left (participant.identity);
}

void
DataRoom::self_changed (const ParticipantInfo &self) {
  bool allowed = !self.permission || self.permission->can_publish_data;
  outlet_->set_allowed (allowed);
  tracks_->set_allowed (allowed);
}

} // namespace lk::session
