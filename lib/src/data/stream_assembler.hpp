// Text and byte streams, receiving side: headers, chunks and trailers become streams of bytes in order.
//
// Everything here comes from other participants. Streams, bytes held and waiting chunks are bounded per
// sender and altogether (StreamLimits); a stream that breaks a rule ends with an error and costs nothing
// more.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "data/deflate.hpp"
#include "data/limits.hpp"
#include "proto/data_model.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lk::data {

struct IncomingStream {
  uint64_t key = 0;          ///< unique in this assembler, the same in all calls about one stream
  std::string identity, sid; ///< of the sender, as the header had them
  StreamHeader header;       ///< without inline content; at the end with the trailer's attributes
  bool
  is_text () const {
    return std::holds_alternative<TextHeader> (header.kind);
  }
};
using IncomingStreamPtr = std::shared_ptr<const IncomingStream>;

/// What the room wants of one stream.
struct StreamWish {
  bool wanted = false;
  bool pieces = true;                    ///< on_stream_data() for it
  bool whole = false;                    ///< on_stream_ended() carries everything
  uint64_t max_bytes = 64 * 1024 * 1024; ///< more (inflated) ends it with Errc::LimitExceeded
};

/// Session thread. Must not call back into the assembler.
class StreamReceiver {
public:
  virtual ~StreamReceiver () = default;
  virtual StreamWish on_stream_opened (const IncomingStreamPtr &stream) = 0;
  /// In order, without gaps, decompressed, never empty; text in whole characters of valid UTF-8.
  virtual void on_stream_data (const IncomingStreamPtr &stream, uint64_t offset, std::string_view bytes) = 0;
  /// The last word. Errc::Protocol: broken content or incomplete; Closed: aborted by the sender (its reason
  /// is the message); TransportLost: the sender left; Timeout; LimitExceeded.
  virtual void on_stream_ended (const IncomingStreamPtr &stream, const std::optional<Error> &error,
                                std::string whole)
      = 0;
};

/// One thread.
class StreamAssembler {
public:
  StreamAssembler (StreamReceiver &receiver, const Clock &clock, Timers &timers, StreamLimits limits = {});
  ~StreamAssembler ();

  /// `identity` and `sid` are those of the packet. A header repeated while its stream is open is ignored.
  void on_header (const std::string &identity, const std::string &sid, StreamHeader header);
  void on_chunk (const std::string &identity, const std::string &sid, StreamChunk chunk);
  void on_trailer (const std::string &identity, const std::string &sid, const StreamTrailer &trailer);
  /// A participant left: its streams end with Errc::TransportLost.
  void sender_gone (const std::string &identity, const std::string &sid);
  /// Ends all with `error`.
  void close (const Error &error);

  size_t
  open_streams () const {
    return streams_.size ();
  }
  /// Bytes kept for whole streams and for waiting chunks.
  uint64_t
  held () const {
    return held_;
  }
  /// Headers refused by a limit, and chunks that had come before.
  uint64_t
  dropped () const {
    return dropped_;
  }

private:
  struct Stream;
  struct Sender {
    size_t streams = 0;
    uint64_t held = 0;
  };
  /// Who (the sid where the server gives it, as an agent's header may carry another's identity) and which id.
  using Key = std::pair<std::string, std::string>;
  using Streams = std::map<Key, std::unique_ptr<Stream>>;

  void begin (Key key, IncomingStream info);
  std::optional<Error> take_waiting (Stream &stream);
  std::optional<Error> take (Stream &stream, std::string_view content);
  std::optional<Error> deliver (Stream &stream, std::string_view bytes);
  std::optional<Error> emit (Stream &stream, std::string_view bytes);
  std::optional<Error> keep_waiting (Stream &stream, StreamChunk chunk);
  bool hold (Stream &stream, uint64_t bytes);
  void release (Stream &stream, uint64_t bytes);
  /// Ends it with `error`, or well when nothing is missing.
  void settle (Streams::iterator at, std::optional<Error> error);
  void end (Streams::iterator at, std::optional<Error> error);
  void end_sender (const std::string &sender);
  void sweep ();

  StreamReceiver &receiver_;
  const Clock &clock_;
  Timers &timers_;
  const StreamLimits limits_;
  Streams streams_;
  std::unordered_map<std::string, Sender> senders_;
  TimerPtr sweeper_;
  uint64_t held_ = 0, dropped_ = 0, next_key_ = 0;
};

} // namespace lk::data
