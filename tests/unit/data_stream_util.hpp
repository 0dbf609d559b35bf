// A receiver that remembers, and packets between the two halves of data streams as the wire carries them.
#pragma once

#include "data/stream_assembler.hpp"
#include "data/stream_encoder.hpp"
#include "fakes/fake_time.hpp"
#include "proto/convert_data.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace lk::test {

struct Heard {
  data::IncomingStreamPtr opened, ended;
  std::string pieces, whole;
  std::optional<Error> error;
  int endings = 0;

  Errc
  code () const {
    return error ? error->code : Errc::Internal;
  }
};

class Listener : public data::StreamReceiver {
public:
  data::StreamWish wish{ true, true, true };
  std::map<std::string, Heard> streams; ///< by id; of others than alice "bob/id"
  size_t largest_piece = 0;

  data::StreamWish
  on_stream_opened (const data::IncomingStreamPtr &stream) override {
    of (stream).opened = stream;
    return wish;
  }
  void
  on_stream_data (const data::IncomingStreamPtr &stream, uint64_t offset, std::string_view bytes) override {
    auto &heard = of (stream);
    EXPECT_EQ (offset, heard.pieces.size ());
    EXPECT_FALSE (bytes.empty ());
    EXPECT_EQ (stream->key, heard.opened->key);
    EXPECT_TRUE (!stream->is_text () || g_utf8_validate (bytes.data (), gssize (bytes.size ()), nullptr));
    largest_piece = std::max (largest_piece, bytes.size ());
    heard.pieces += bytes;
  }
  void
  on_stream_ended (const data::IncomingStreamPtr &stream, const std::optional<Error> &error,
                   std::string whole) override {
    auto &heard = of (stream);
    EXPECT_EQ (stream->key, heard.opened->key);
    heard.ended = stream;
    heard.error = error;
    heard.whole = std::move (whole);
    heard.endings++;
  }

private:
  Heard &
  of (const data::IncomingStreamPtr &stream) {
    const auto &who = stream->identity;
    return streams[(who.empty () || who == "alice" ? "" : who + "/") + stream->header.id];
  }
};

/// A room of one listener.
struct Receiving {
  FakeClock clock;
  FakeTimers timers{ clock };
  Listener listener;
  data::StreamAssembler assembler;

  explicit Receiving (data::StreamLimits limits = {}) : assembler (listener, clock, timers, limits) {}

  /// Takes a packet through its bytes.
  void
  take (const DataPacket &packet, const std::string &identity = "alice",
        const std::string &sid = "PA_alice") {
    const auto parsed = parse_data_packet (serialize_data_packet (packet, Reliability::Reliable));
    ASSERT_TRUE (parsed);
    if (auto *header = std::get_if<StreamHeader> (&parsed->body))
      assembler.on_header (identity, sid, *header);
    if (auto *chunk = std::get_if<StreamChunk> (&parsed->body)) assembler.on_chunk (identity, sid, *chunk);
    if (auto *trailer = std::get_if<StreamTrailer> (&parsed->body))
      assembler.on_trailer (identity, sid, *trailer);
  }
  void
  take (const std::vector<DataPacket> &packets) {
    for (const auto &packet : packets)
      take (packet);
  }
};

inline data::StreamSpec
text_spec (const std::string &id = "st") {
  data::StreamSpec spec;
  spec.text = true;
  spec.id = id;
  spec.topic = "t";
  return spec;
}

inline data::StreamSpec
byte_spec (const std::string &id = "st") {
  data::StreamSpec spec;
  spec.id = id;
  spec.topic = "t";
  return spec;
}

inline data::PacketSink
into (std::vector<DataPacket> &packets) {
  return [&packets] (DataPacket packet) -> Result<> {
    packets.push_back (std::move (packet));
    return {};
  };
}

/// The packets of a whole stream.
inline std::vector<DataPacket>
packets_of (data::StreamSpec spec, std::string_view content, data::StreamReach reach = {}) {
  std::vector<DataPacket> packets;
  const auto sent = data::send_stream (std::move (spec), content, reach, into (packets));
  EXPECT_TRUE (sent) << sent.error ().message;
  return packets;
}

inline const StreamHeader &
header_in (const std::vector<DataPacket> &packets) {
  return std::get<StreamHeader> (packets.at (0).body);
}

inline std::vector<StreamChunk>
chunks_in (const std::vector<DataPacket> &packets) {
  std::vector<StreamChunk> chunks;
  for (const auto &packet : packets)
    if (auto *chunk = std::get_if<StreamChunk> (&packet.body)) chunks.push_back (*chunk);
  return chunks;
}

inline DataPacket
packet_of (DataBody body) {
  DataPacket packet;
  packet.body = std::move (body);
  return packet;
}

/// Characters of every length in UTF-8, about `size` bytes of them, never cut.
inline std::string
some_text (std::mt19937 &random, size_t size) {
  static const char *const kCharacters[] = { "a", "z", " ", "\xc3\xa9", "\xe4\xb8\x96", "\xf0\x9f\x8e\x88" };
  std::string text;
  while (text.size () + 4 <= size)
    text += kCharacters[random () % 6];
  text.append (size - text.size (), '.');
  return text;
}

inline std::string
some_bytes (std::mt19937 &random, size_t size) {
  std::string bytes (size, '\0');
  for (auto &byte : bytes)
    byte = char (random ());
  return bytes;
}

} // namespace lk::test
