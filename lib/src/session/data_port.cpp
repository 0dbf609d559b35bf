#include "session/data_port.hpp"

namespace lk::session {
namespace {

Error
closed () {
  return { Errc::Closed, Retry::Never, "the session has no data channel" };
}

class ClosedTrack : public LocalDataTrack {
public:
  std::string
  sid () const override {
    return "";
  }
  bool
  push (std::string_view, uint32_t, std::optional<uint64_t>) override {
    return false;
  }
  std::optional<Error>
  ended () const override {
    return closed ();
  }
};

/// Refuses everything.
class ClosedPort : public DataPort {
public:
  Result<>
  send (OutgoingPacket, std::stop_token) override {
    return closed ();
  }
  Result<std::unique_ptr<StreamWriter>>
  open_stream (OutgoingStream, std::stop_token) override {
    return closed ();
  }
  Result<std::string>
  send_stream (OutgoingStream, std::string_view, std::stop_token, std::function<void (uint64_t)>) override {
    return closed ();
  }
  Result<std::string>
  send_chat (ChatMessage, std::vector<std::string>, std::stop_token) override {
    return closed ();
  }
  Result<>
  send_transcription (Transcription, std::stop_token) override {
    return closed ();
  }
  std::shared_ptr<LocalDataTrack>
  publish_track (OutgoingDataTrack, std::optional<Millis>) override {
    return std::make_shared<ClosedTrack> ();
  }
  void
  add_listener (const std::shared_ptr<DataListener> &, DataFilter) override {}
  void
  remove_listener (const DataListener *) override {}
  void
  perform_rpc (RpcCall, std::function<void (RpcResult)> done) override {
    done (RpcError{ 1505, "the session has no data channel", "" });
  }
  void
  serve_rpc (const std::string &, RpcHandler) override {}
  DataStats
  stats () const override {
    return {};
  }
};

} // namespace

std::shared_ptr<DataPort>
make_data_port (const Environment &) {
  return std::make_shared<ClosedPort> ();
}

} // namespace lk::session
