// The way in: messages of the reliable and lossy channels become events for those who listen. Session thread
// only, except the counters.
#pragma once

#include "data/dedupe.hpp"
#include "data/repeat_filter.hpp"
#include "data/stream_assembler.hpp"
#include "data/text_topics.hpp"
#include "session/data_listeners.hpp"
#include "session/data_rpc.hpp"
#include "session/roster.hpp"

#include <atomic>
#include <map>
#include <unordered_map>

namespace lk::session {

class DataInlet : private data::StreamReceiver {
public:
  struct Counters {
    std::atomic<uint64_t> received = 0, bytes = 0, duplicates = 0, malformed = 0, dropped = 0;
    std::atomic<uint64_t> transport_drops = 0; ///< of this link: faster than the session thread takes them
  };

  DataInlet (const Context &context, const Roster &roster, std::shared_ptr<DataListeners> listeners,
             DataRpc &rpc, std::shared_ptr<Counters> counters);

  void on_message (Reliability reliability, std::string_view bytes);
  void participant_left (const ParticipantInfo &participant);
  /// Open streams end with `error`.
  void unbind (const Error &error);
  /// For the server at a resume: what we have of everybody.
  std::vector<data::Dedupe::State>
  receive_states () {
    return dedupe_.states ();
  }

private:
  struct OpenStream {
    StreamInfoPtr info;
    DataListeners::List listeners; ///< of its bytes, as they were when it began
    enum class Use { Bytes, Chat, Transcription, Rpc } use = Use::Bytes;
  };

  void handle (const DataSender &from, Reliability reliability, DataBody body);
  bool is_known (const DataSender &sender) const;
  void watch_stranger (const DataSender &sender);
  void look_after_strangers ();
  void tell_chat (const DataSender &from, const ChatMessage &message);
  void tell_transcription (const DataSender &from, const Transcription &transcription);

  data::StreamWish on_stream_opened (const data::IncomingStreamPtr &stream) override;
  void on_stream_data (const data::IncomingStreamPtr &stream, uint64_t offset,
                       std::string_view bytes) override;
  void on_stream_ended (const data::IncomingStreamPtr &stream, const std::optional<Error> &error,
                        std::string whole) override;

  /// Whose streams are open although the server has not told of them yet, and perhaps never will.
  struct Stranger {
    std::string identity;
    Nanos heard{ 0 };
  };

  const Context context_;
  const Roster &roster_;
  const std::shared_ptr<DataListeners> listeners_;
  DataRpc &rpc_;
  const std::shared_ptr<Counters> counters_;
  data::Dedupe dedupe_;
  data::RepeatFilter repeats_;
  data::RecentIds finished_; ///< streams that came whole
  data::ChatDedupe chats_;
  data::StreamAssembler assembler_;
  std::unordered_map<uint64_t, OpenStream> open_; ///< by key
  std::map<std::string, Stranger> strangers_;     ///< by sid
  TimerPtr strangers_timer_;
  data::RecentIds encrypted_; ///< who was told to send encrypted data
};

} // namespace lk::session
