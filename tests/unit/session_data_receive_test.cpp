#include "session_data_util.hpp"

namespace lk::test {
namespace {

using namespace std::chrono_literals;
using namespace session;
using Receive = DataTest;

DataFilter
packets (const std::string &topics = "", const std::string &participants = "") {
  DataFilter filter;
  filter.packets = true;
  filter.topics = topics;
  filter.participants = participants;
  return filter;
}
DataFilter
streams (bool whole) {
  DataFilter filter;
  filter.text_streams = filter.byte_streams = true;
  filter.whole_streams = whole;
  return filter;
}
StreamHeader
byte_header (const std::string &id, const std::string &topic = "files") {
  StreamHeader header;
  header.id = id;
  header.topic = topic;
  header.mime_type = "application/octet-stream";
  header.kind = ByteHeader{ "a.bin" };
  return header;
}
StreamHeader
text_header (const std::string &id, const std::string &topic) {
  StreamHeader header;
  header.id = id;
  header.topic = topic;
  header.mime_type = "text/plain";
  header.kind = TextHeader{};
  return header;
}

TEST_F (Receive, PacketsReachTheListenersOfTheirTopicAndSender) {
  connect_data ();
  auto all = listen (packets ()), mocap = listen (packets ("mocap*")), anna = listen (packets ("", "anna"));
  receive (packet_from ("anna", message ("1", "mocap/left")));
  receive (packet_from ("bert", message ("2", "chat"), 1), Reliability::Reliable);
  receive (packet_from ("bert", message ("3")), Reliability::Lossy);
  EXPECT_EQ (all->events.size (), 3u);
  ASSERT_EQ (mocap->of<PacketReceived> ().size (), 1u);
  auto event = mocap->of<PacketReceived> ()[0];
  EXPECT_EQ (event.from.identity, "anna");
  EXPECT_EQ (event.from.sid, "PA_anna");
  EXPECT_EQ (event.message.payload, "1");
  EXPECT_EQ (event.message.topic, "mocap/left");
  EXPECT_EQ (event.reliability, Reliability::Reliable);
  ASSERT_EQ (anna->events.size (), 1u);
  EXPECT_EQ (all->of<PacketReceived> ()[2].reliability, Reliability::Lossy);
  EXPECT_EQ (port ()->stats ().received, 3u);
}

TEST_F (Receive, ThePublishersChannelsAreHeardToo) {
  connect_data ();
  auto ear = listen (packets ());
  publisher ().message (rtc::ChannelKind::Lossy,
                        serialize_data_packet (packet_from ("anna", message ("1")), Reliability::Lossy));
  EXPECT_EQ (ear->events.size (), 1u);
}

TEST_F (Receive, AListenerHearsNothingOnceItIsRemoved) {
  connect_data ();
  auto ear = listen (packets ()), other = listen (packets ());
  ear->on_event = [&] (const DataEvent &) { port ()->remove_listener (ear.get ()); }; // from its own call
  receive (packet_from ("anna", message ("1")));
  receive (packet_from ("anna", message ("2")));
  EXPECT_EQ (ear->events.size (), 1u);
  EXPECT_EQ (other->events.size (), 2u);
}

TEST_F (Receive, RepeatedReliablePacketsAreDroppedAndCounted) {
  connect_data ();
  auto ear = listen (packets ());
  for (uint32_t sequence : { 1u, 2u, 2u, 1u, 3u })
    receive (packet_from ("anna", message (std::to_string (sequence)), sequence));
  receive (packet_from ("bert", message ("1"), 1));
  EXPECT_EQ (ear->events.size (), 4u);
  EXPECT_EQ (port ()->stats ().duplicates, 2u);
}

TEST_F (Receive, GarbageIsCountedAndHarmless) {
  connect_data ();
  auto ear = listen (packets ());
  for (const auto &bytes : { std::string ("\xff\xff\xff"), std::string (70000, 'x') })
    for (auto kind : { rtc::ChannelKind::Reliable, rtc::ChannelKind::Lossy })
      subscriber ().message (kind, bytes);
  subscriber ().message (rtc::ChannelKind::DataTrack, "short");
  run ();
  EXPECT_EQ (ear->events.size (), 0u);
  EXPECT_EQ (port ()->stats ().malformed, 4u);
  EXPECT_EQ (port ()->stats ().received_dropped, 1u);
}

TEST_F (Receive, StreamsComeWholeOrInPiecesAsAsked) {
  connect_data ({ make_participant ("anna") });
  auto whole = listen (streams (true)), pieces = listen (streams (false));
  receive (packet_from ("anna", byte_header ("s")));
  receive (packet_from ("anna", StreamChunk{ "s", "one ", 0, 0 }));
  receive (packet_from ("anna", StreamChunk{ "s", "two", 1, 0 }));
  receive (packet_from ("anna", StreamTrailer{ "s", "", { { "k", "v" } } }));
  ASSERT_EQ (whole->of<StreamOpened> ().size (), 1u);
  EXPECT_EQ (whole->of<StreamOpened> ()[0].stream->from.identity, "anna");
  EXPECT_EQ (whole->of<StreamData> ().size (), 0u);
  ASSERT_EQ (whole->of<StreamEnded> ().size (), 1u);
  auto end = whole->of<StreamEnded> ()[0];
  EXPECT_FALSE (end.error);
  EXPECT_EQ (end.bytes, "one two");
  EXPECT_EQ (end.stream->header.attributes.at ("k"), "v");
  std::string joined;
  for (const auto &data : pieces->of<StreamData> ()) {
    EXPECT_EQ (data.offset, joined.size ());
    joined += data.bytes;
  }
  EXPECT_EQ (joined, "one two");
  EXPECT_EQ (pieces->of<StreamEnded> ().at (0).bytes, "");
}

TEST_F (Receive, AStreamEndsWithItsSender) {
  connect_data ({ make_participant ("anna") });
  auto ear = listen (streams (true));
  receive (packet_from ("anna", byte_header ("s")));
  receive (packet_from ("anna", StreamChunk{ "s", "half", 0, 0 }));
  auto gone = make_participant ("anna", {}, 2);
  gone.state = ParticipantState::Disconnected;
  deliver (ParticipantUpdate{ { gone } });
  ASSERT_EQ (ear->of<StreamEnded> ().size (), 1u);
  ASSERT_TRUE (ear->of<StreamEnded> ()[0].error);
  EXPECT_EQ (ear->of<StreamEnded> ()[0].bytes, "");
}

TEST_F (Receive, AStreamEndsWithTheSession) {
  connect_data ({ make_participant ("anna") });
  auto ear = listen (streams (true));
  receive (packet_from ("anna", byte_header ("s")));
  engine_->stop ([] {});
  run ();
  ASSERT_EQ (ear->of<StreamEnded> ().size (), 1u);
  EXPECT_TRUE (ear->of<StreamEnded> ()[0].error);
}

TEST_F (Receive, EachListenerHasItsOwnLimitOfAStream) {
  connect_data ({ make_participant ("anna") });
  auto small = streams (false), small_whole = streams (true);
  small.max_stream_bytes = small_whole.max_stream_bytes = 5;
  auto tight = listen (small), tight_whole = listen (small_whole), wide = listen (streams (true));
  receive (packet_from ("anna", byte_header ("s")));
  receive (packet_from ("anna", StreamChunk{ "s", "1234", 0, 0 }));
  receive (packet_from ("anna", StreamChunk{ "s", "5678", 1, 0 }));
  receive (packet_from ("anna", StreamTrailer{ "s", "", {} }));
  EXPECT_EQ (tight->of<StreamData> ().size (), 1u);
  ASSERT_EQ (tight->of<StreamEnded> ().size (), 1u);
  EXPECT_EQ (tight->of<StreamEnded> ()[0].error->code, Errc::LimitExceeded);
  EXPECT_EQ (tight_whole->of<StreamEnded> ().at (0).error->code, Errc::LimitExceeded);
  EXPECT_EQ (wide->of<StreamEnded> ().at (0).bytes, "12345678");
}

TEST_F (Receive, ChatIsHeardOnceFromEitherForm) {
  connect_data ({ make_participant ("anna") });
  DataFilter filter;
  filter.chat = true;
  auto ear = listen (filter);
  ChatMessage chat;
  chat.id = "m1";
  chat.text = "hi";
  chat.timestamp_ms = 5;
  receive (packet_from ("anna", chat));
  receive (packet_from ("anna", text_header ("m1", "lk.chat")));
  receive (packet_from ("anna", StreamChunk{ "m1", "hi", 0, 0 }));
  receive (packet_from ("anna", StreamTrailer{ "m1", "", {} }));
  ASSERT_EQ (ear->of<ChatReceived> ().size (), 1u);
  receive (packet_from ("anna", text_header ("m2", "lk.chat")));
  receive (packet_from ("anna", StreamChunk{ "m2", "there", 0, 0 }));
  receive (packet_from ("anna", StreamTrailer{ "m2", "", {} }));
  ASSERT_EQ (ear->of<ChatReceived> ().size (), 2u);
  EXPECT_EQ (ear->of<ChatReceived> ()[1].message.text, "there");
  EXPECT_EQ (ear->events.size (), 2u);
}

TEST_F (Receive, EncryptedDataIsCountedAndToldOncePerSender) {
  connect_data ();
  auto ear = listen (packets ()), other = listen (packets ("", "bert"));
  for (const char *sender : { "anna", "bert", "anna" })
    receive (packet_from (sender, EncryptedData{ Encryption::Gcm, "iv", "value", 0 }));
  auto met = ear->of<EncryptedDataMet> ();
  ASSERT_EQ (met.size (), 2u);
  EXPECT_EQ (met[0].from.identity, "anna");
  EXPECT_EQ (met[1].from.identity, "bert");
  EXPECT_EQ (ear->events.size (), 2u);
  EXPECT_EQ (other->events.size (), 1u);
  EXPECT_EQ (port ()->stats ().received_dropped, 3u);
}

TEST_F (Receive, WhatASenderRepeatsOverItsNextConnectionIsHeardOnce) {
  connect_data ({ make_participant ("anna") });
  auto filter = streams (true);
  filter.packets = true;
  auto ear = listen (filter);
  auto send = [&] (const std::string &sid) {
    auto one = message ("1");
    one.id = "gst-0123456789abcdef-1";
    uint32_t sequence = 0;
    for (const auto &body :
         { DataBody (one), DataBody (byte_header ("s")), DataBody (StreamChunk{ "s", "x", 0, 0 }),
           DataBody (StreamTrailer{ "s", "", {} }) }) {
      auto packet = packet_from ("anna", body, ++sequence);
      packet.sender_sid = sid;
      receive (packet);
    }
  };
  send ("PA_1");
  send ("PA_2");
  EXPECT_EQ (ear->of<PacketReceived> ().size (), 1u);
  EXPECT_EQ (ear->of<StreamEnded> ().size (), 1u);
  EXPECT_EQ (port ()->stats ().duplicates, 2u);
}

TEST_F (Receive, AStreamOfAParticipantWhomTheServerNeverToldOfEndsWhenItFallsSilent) {
  connect_data ();
  auto ear = listen (streams (true));
  receive (packet_from ("ghost", byte_header ("s")));
  receive (packet_from ("late", byte_header ("t")));
  for (int i = 0; i < 3; ++i) {
    advance (Millis (15000));
    receive (packet_from ("ghost", StreamChunk{ "s", "x", uint64_t (i), 0 }));
    // This one was told of in the meantime, and may take its time.
    if (i == 0) deliver (ParticipantUpdate{ { make_participant ("late") } });
  }
  EXPECT_TRUE (ear->of<StreamEnded> ().empty ());
  advance (Millis (30000));
  auto ended = ear->of<StreamEnded> ();
  ASSERT_EQ (ended.size (), 1u);
  EXPECT_EQ (ended[0].stream->from.identity, "ghost");
  EXPECT_EQ (ended[0].error->code, Errc::TransportLost);
}

// ---- data tracks

DataTrackInfo
data_track (const std::string &sid, const std::string &name) {
  DataTrackInfo info;
  info.sid = sid;
  info.name = name;
  info.pub_handle = 1;
  return info;
}
std::string
track_packet (uint16_t handle, std::string_view payload, uint16_t frame = 0) {
  data::TrackPacket packet;
  packet.first = packet.last = true;
  packet.handle = handle;
  packet.frame = packet.sequence = frame;
  packet.timestamp_90k = 9000;
  packet.user_timestamp = 77;
  packet.payload = payload;
  return data::serialize_track_packet (packet);
}

TEST_F (Receive, MatchingDataTracksAreSubscribedToAndTheirFramesHeard) {
  auto anna = make_participant ("anna");
  anna.data_tracks = { data_track ("DTR_1", "pose"), data_track ("DTR_2", "other") };
  DataFilter filter;
  filter.tracks = true;
  filter.topics = "pose";
  auto early = listen (filter);
  connect_data ({ anna });
  auto updates = signal ().sent_of<UpdateDataSubscription> ();
  ASSERT_EQ (updates.size (), 1u);
  ASSERT_EQ (updates[0].updates.size (), 1u);
  EXPECT_EQ (updates[0].updates[0].track_sid, "DTR_1");
  EXPECT_TRUE (updates[0].updates[0].subscribe);
  ASSERT_EQ (early->of<DataTrackAppeared> ().size (), 1u);

  DataTrackSubscriberHandles handles;
  handles.handles[42] = { "anna", "PA_anna", "DTR_1" };
  deliver (handles);
  subscriber ().message (rtc::ChannelKind::DataTrack, track_packet (42, "frame"));
  subscriber ().message (rtc::ChannelKind::DataTrack, track_packet (43, "nobody's"));
  run ();
  ASSERT_EQ (early->of<TrackFrameReceived> ().size (), 1u);
  auto frame = early->of<TrackFrameReceived> ()[0];
  EXPECT_EQ (frame.from.identity, "anna");
  EXPECT_EQ (frame.track.name, "pose");
  EXPECT_EQ (frame.payload, "frame");
  EXPECT_EQ (frame.timestamp_90k, 9000u);
  EXPECT_EQ (frame.user_timestamp, 77u);

  // Who comes late hears of it, and nothing more needs to be asked for.
  auto late = listen (filter);
  EXPECT_EQ (late->of<DataTrackAppeared> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<UpdateDataSubscription> ().size (), 1u);
  port ()->remove_listener (early.get ());
  run ();
  EXPECT_EQ (signal ().sent_of<UpdateDataSubscription> ().size (), 1u);
  port ()->remove_listener (late.get ());
  run ();
  updates = signal ().sent_of<UpdateDataSubscription> ();
  ASSERT_EQ (updates.size (), 2u);
  EXPECT_FALSE (updates[1].updates.at (0).subscribe);
}

TEST_F (Receive, DataTracksThatComeAndGoAreTold) {
  connect_data ({ make_participant ("anna") });
  DataFilter filter;
  filter.tracks = true;
  auto ear = listen (filter);
  auto anna = make_participant ("anna", {}, 2);
  anna.data_tracks = { data_track ("DTR_1", "pose") };
  deliver (ParticipantUpdate{ { anna } });
  EXPECT_EQ (ear->of<DataTrackAppeared> ().size (), 1u);
  anna.version = 3;
  anna.data_tracks.clear ();
  deliver (ParticipantUpdate{ { anna } });
  ASSERT_EQ (ear->of<DataTrackGone> ().size (), 1u);
  EXPECT_EQ (ear->of<DataTrackGone> ()[0].track.name, "pose");
}

TEST_F (Receive, APublishedDataTrackSendsItsFramesUnderItsHandle) {
  auto track = port ()->publish_track ({ "pose" }, {});
  EXPECT_FALSE (track->push ("early", 0, {}));
  EXPECT_EQ (port ()->stats ().track_dropped, 1u);
  connect_data ();
  auto requests = signal ().sent_of<PublishDataTrack> ();
  ASSERT_EQ (requests.size (), 1u);
  EXPECT_EQ (requests[0].name, "pose");
  EXPECT_EQ (track->sid (), "");
  auto info = data_track ("DTR_1", "pose");
  info.pub_handle = requests[0].pub_handle;
  deliver (DataTrackPublished{ info });
  EXPECT_EQ (track->sid (), "DTR_1");
  EXPECT_TRUE (track->push ("frame", 90, 5));
  auto out = publisher ().data_track ().sent ();
  ASSERT_EQ (out.size (), 1u);
  auto packet = data::parse_track_packet (out[0]);
  ASSERT_TRUE (packet);
  EXPECT_EQ (packet->handle, requests[0].pub_handle);
  EXPECT_EQ (packet->payload, "frame");
  EXPECT_EQ (packet->timestamp_90k, 90u);
  EXPECT_EQ (packet->user_timestamp, 5u);
  track.reset ();
  run ();
  ASSERT_EQ (signal ().sent_of<UnpublishDataTrack> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<UnpublishDataTrack> ()[0].pub_handle, requests[0].pub_handle);
}

TEST_F (Receive, ARefusedDataTrackSaysWhy) {
  connect_data ();
  auto track = port ()->publish_track ({ "pose" }, {}), silent = port ()->publish_track ({ "silent" }, {});
  run ();
  RequestResponse refusal;
  refusal.reason = RequestReason::DuplicateName;
  refusal.publish_data_track = signal ().sent_of<PublishDataTrack> ().at (0).pub_handle;
  deliver (refusal);
  ASSERT_TRUE (track->ended ());
  EXPECT_EQ (track->ended ()->code, Errc::Settings);
  EXPECT_FALSE (silent->ended ());
  advance (10s);
  ASSERT_TRUE (silent->ended ());
  EXPECT_EQ (silent->ended ()->code, Errc::Timeout);
}

} // namespace
} // namespace lk::test
