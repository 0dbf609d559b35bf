// Text and byte streams, sending side: what is to be sent becomes DataPackets.
#pragma once

#include "base/result.hpp"
#include "proto/data_model.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lk::data {

struct StreamSpec {
  bool text = false;
  std::string id, topic;       ///< id: unique, see make_uuid()
  std::string mime_type, name; ///< "" = the default of the kind; name: byte streams only
  int64_t timestamp_ms = 0;    ///< Unix time of now
  Attributes attributes;
  std::vector<std::string> destinations; ///< identities; empty = everybody else
  std::optional<uint64_t> total_length;  ///< send_stream() sets it by itself
  std::string sender_identity;           ///< "" = us; agents may speak for others
  // Text streams only:
  StreamOperation operation = StreamOperation::Create;
  int32_t version = 0;
  bool generated = false;
  std::string reply_to;
  std::vector<std::string> attached;
};

/// Takes one packet of the reliable channel; may block. An error ends the stream.
using PacketSink = std::function<Result<> (DataPacket packet)>;

/// What every receiver of a stream can take (ParticipantInfo.client_protocol ≥ 2 and
/// CAP_COMPRESSION_DEFLATE_RAW). For a broadcast: what all of them can.
struct StreamReach {
  bool inline_content = false, deflate = false;
};

/// A stream that is written bit by bit; never compressed, as receivers want to read along. One thread at a
/// time. Each write() sends at once what it was given.
class StreamEncoder {
public:
  StreamEncoder (StreamSpec spec, PacketSink sink);

  /// Sends the header. Errc::LimitExceeded when it does not fit a packet, Errc::Settings for text fields that
  /// are not UTF-8.
  Result<> open ();
  /// Text may be cut anywhere: a character that is not all there waits for the next write.
  /// @return Errc::Settings for bytes that are not UTF-8 in a text stream or more than total_length: the
  ///         stream is aborted. The sink's error otherwise: when it took nothing of this write, which holds
  ///         for every refused write of at most a chunk, the write may be repeated.
  Result<> write (std::string_view bytes);
  /// Sends the trailer; may be repeated when the sink refused it. Errc::Settings (and abort) when
  /// total_length was promised and not reached, or a character is cut off.
  Result<> close (const Attributes &attributes = {});
  /// Tells the receivers that the rest will not come. No-op before open() and after the end.
  void abort (const std::string &reason);

  const StreamSpec &
  spec () const {
    return spec_;
  }
  uint64_t
  written () const {
    return written_;
  }

private:
  enum class State { Unopened, Open, Broken, Ended }; // Broken: a part of a write was not taken

  Result<> write_text (std::string_view bytes);
  Result<> send_chunks (std::string_view bytes);
  Result<> fail (Error error);

  StreamSpec spec_;
  PacketSink sink_;
  State state_ = State::Unopened;
  std::string tail_; // the begun character
  uint64_t next_index_ = 0, written_ = 0;
};

/// A whole stream: one packet where `reach` and size allow it, compressed where that helps, chunks otherwise.
/// @param progress  told the bytes of `content` taken so far; may be empty
Result<> send_stream (StreamSpec spec, std::string_view content, StreamReach reach, const PacketSink &sink,
                      const std::function<void (uint64_t)> &progress = {});

} // namespace lk::data
