// A session with open data channels, whose room is the test.
#pragma once

#include "data/track_packet.hpp"
#include "proto/convert_data.hpp"
#include "session_util.hpp"

#include <thread>

namespace lk::test {

/// Keeps what it hears.
class Ear : public session::DataListener {
public:
  std::vector<session::DataEvent> events;
  std::function<void (const session::DataEvent &)> on_event;

  void
  on_data (const session::DataEvent &event) override {
    events.push_back (event);
    if (on_event) on_event (event);
  }
  template <typename T>
  std::vector<T>
  of () const {
    std::vector<T> found;
    for (const auto &event : events)
      if (auto *match = std::get_if<T> (&event)) found.push_back (*match);
    return found;
  }
};

class DataTest : public EngineTest {
protected:
  const std::shared_ptr<session::DataPort> &
  port () {
    return engine_->data ()->port ();
  }
  void
  start_data () {
    engine_->start (settings_, false, true);
    run ();
  }
  /// Connected, with these others in the room, and the channels open.
  void
  connect_data (std::vector<ParticipantInfo> others = {}) {
    start_data ();
    auto response = join_response (std::move (others));
    response.server.version = "1.13.4";
    deliver (response);
    subscriber ().connect ();
    run ();
    publisher ().open_channels ();
    run ();
  }
  std::shared_ptr<Ear>
  listen (session::DataFilter filter) {
    auto ear = std::make_shared<Ear> ();
    port ()->add_listener (ear, std::move (filter));
    run ();
    return ear;
  }
  void
  receive (const DataPacket &packet, Reliability reliability = Reliability::Reliable) {
    subscriber ().message (reliability == Reliability::Reliable ? rtc::ChannelKind::Reliable
                                                                : rtc::ChannelKind::Lossy,
                           serialize_data_packet (packet, reliability));
    run ();
  }
  static DataPacket
  packet_from (const std::string &identity, DataBody body, uint32_t sequence = 0) {
    DataPacket packet;
    packet.sender_identity = identity;
    packet.sender_sid = "PA_" + identity;
    packet.sequence = sequence;
    packet.body = std::move (body);
    return packet;
  }
  static UserMessage
  message (const std::string &payload, const std::string &topic = "") {
    UserMessage message;
    message.payload = payload;
    if (!topic.empty ()) message.topic = topic;
    return message;
  }
  static session::OutgoingPacket
  outgoing (const std::string &payload, Reliability reliability = Reliability::Reliable) {
    session::OutgoingPacket packet;
    packet.payload = payload;
    packet.reliability = reliability;
    return packet;
  }
  /// What went out on the reliable channel, read back.
  std::vector<DataPacket>
  sent () {
    std::vector<DataPacket> packets;
    for (const auto &bytes : publisher ().reliable ().sent ()) {
      auto packet = parse_data_packet (bytes);
      EXPECT_TRUE (packet);
      if (packet) packets.push_back (*packet);
    }
    return packets;
  }
  template <typename T>
  std::vector<T>
  sent_bodies () {
    std::vector<T> bodies;
    for (const auto &packet : sent ())
      if (auto *body = std::get_if<T> (&packet.body)) bodies.push_back (*body);
    return bodies;
  }
};

} // namespace lk::test
