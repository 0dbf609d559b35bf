// Data streams from other participants. An input is a row of packets: one byte for who and what happens
// before it, two for its length, the packet.
#include "data/rpc_client.hpp"
#include "data/rpc_server.hpp"
#include "data/stream_assembler.hpp"
#include "data/text_topics.hpp"
#include "fakes/fake_time.hpp"
#include "proto/convert_data.hpp"

#include <cstdlib>
#include <map>

using namespace lk;
using namespace lk::data;

namespace {

constexpr uint64_t kMaxBytes = 100'000;

/// Holds the assembler to its word.
class Checker : public StreamReceiver {
public:
  StreamWish
  on_stream_opened (const IncomingStreamPtr &stream) override {
    if (!sizes_.try_emplace (stream->key, 0).second) abort ();
    StreamWish wish{ true, true, true, kMaxBytes };
    if (stream->header.topic == "unwanted") {
      wish.wanted = false;
      sizes_.erase (stream->key);
    }
    return wish;
  }
  void
  on_stream_data (const IncomingStreamPtr &stream, uint64_t offset, std::string_view bytes) override {
    auto &size = sizes_.at (stream->key);
    if (bytes.empty () || offset != size) abort ();
    size += bytes.size ();
    if (size > kMaxBytes || size > stream->header.total_length.value_or (kMaxBytes)) abort ();
  }
  void
  on_stream_ended (const IncomingStreamPtr &stream, const std::optional<Error> &error,
                   std::string whole) override {
    const auto size = sizes_.at (stream->key);
    sizes_.erase (stream->key);
    if (error ? !whole.empty () : whole.size () != size) abort ();
    if (!error && size != stream->header.total_length.value_or (size)) abort ();
    (void)chat_from_stream (stream->header, whole);
    (void)transcription_from_stream (stream->identity, stream->header, whole);
  }
  size_t
  open () const {
    return sizes_.size ();
  }

private:
  std::map<uint64_t, uint64_t> sizes_;
};

/// Answers everything; what goes out must be readable.
class Outlet : public RpcOutlet {
public:
  Result<>
  send_packet (DataPacket packet) override {
    if (!parse_data_packet (serialize_data_packet (packet, Reliability::Reliable))) abort ();
    return {};
  }
  Result<>
  send_text (StreamSpec spec, std::string text) override {
    return send_stream (std::move (spec), text, { true, true },
                        [this] (DataPacket packet) { return send_packet (std::move (packet)); });
  }
  int
  client_protocol (const std::string &identity) const override {
    return identity == "alice";
  }
};

struct Room {
  test::FakeClock clock;
  test::FakeTimers timers{ clock };
  test::FakeRandom random;
  Checker checker;
  Outlet outlet;
  StreamAssembler assembler{ checker, clock, timers };
  RpcClient client{ outlet, timers, random };
  RpcServer server{ outlet, timers };

  Room () {
    server.serve ("add", [this] (RpcInvocation call) {
      if (call.payload.size () % 2) server.answer (call.ticket, call.payload);
    });
    client.perform ({ "alice", "add", "{}" }, [] (RpcResult) {});
    client.perform ({ "bob", "add", "{}" }, [] (RpcResult) {});
  }

  void
  take (const std::string &identity, DataPacket packet) {
    const auto sid = "PA_" + identity;
    if (auto *header = std::get_if<StreamHeader> (&packet.body)) {
      server.on_request_stream (identity, header->attributes, header->inline_content.value_or (""));
      client.on_response_stream (identity, header->attributes, "x");
      assembler.on_header (identity, sid, std::move (*header));
    } else if (auto *chunk = std::get_if<StreamChunk> (&packet.body)) {
      assembler.on_chunk (identity, sid, std::move (*chunk));
    } else if (auto *trailer = std::get_if<StreamTrailer> (&packet.body)) {
      assembler.on_trailer (identity, sid, *trailer);
    } else if (auto *request = std::get_if<RpcRequest> (&packet.body)) {
      server.on_request (identity, std::move (*request));
    } else if (auto *ack = std::get_if<RpcAck> (&packet.body)) {
      client.on_ack (identity, *ack);
    } else if (auto *response = std::get_if<RpcResponse> (&packet.body)) {
      client.on_response (identity, std::move (*response));
    }
  }

  void
  happen (uint8_t what) {
    const std::string who = what & 1 ? "alice" : "bob";
    if ((what & 0xf0) == 0x10) timers.advance (Millis (500));
    if ((what & 0xf0) == 0x20) timers.advance (Millis (700'000));
    if ((what & 0xf0) == 0x30) {
      assembler.sender_gone (who, "PA_" + who);
      server.participant_left (who);
      client.participant_left (who);
    }
  }
};

} // namespace

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  std::string_view input (reinterpret_cast<const char *> (data), size);
  Room room;
  while (input.size () >= 3) {
    const auto what = uint8_t (input[0]);
    const size_t length = size_t (uint8_t (input[1])) << 8 | uint8_t (input[2]);
    input.remove_prefix (3);
    room.happen (what);
    if (auto packet = parse_data_packet (input.substr (0, length)))
      room.take (what & 1 ? "alice" : "bob", std::move (*packet));
    input.remove_prefix (std::min (length, input.size ()));
    if (room.assembler.open_streams () != room.checker.open ()) abort ();
  }
  room.client.close (RpcCode::SendFailed);
  room.assembler.close ({ Errc::Closed, Retry::Never, "over" });
  if (room.checker.open () || room.assembler.held () || room.client.outstanding ()) abort ();
  return 0;
}
