#include "session/metadata_updates.hpp"

namespace lk::session {
namespace {

constexpr Millis kAnswerLimit{ 10000 };
constexpr size_t kMaxRequests = 1000;

Result<>
verdict_of (const RequestResponse &response) {
  auto detail = response.message.empty () ? "" : ": " + response.message;
  switch (response.reason) {
  case RequestReason::Ok:
    return {};
  case RequestReason::NotAllowed:
    return Error{ Errc::NotAllowed, Retry::Never, "the token lacks canUpdateOwnMetadata" + detail };
  case RequestReason::LimitExceeded:
    return Error{ Errc::LimitExceeded, Retry::Never, "name, metadata or attributes are too long" + detail };
  default:
    return Error{ Errc::Protocol, Retry::Never, std::string (to_string (response.reason)) + detail };
  }
}

} // namespace

void
MetadataUpdates::send (Link &link, UpdateMetadata update, Done done) {
  if (requests_.size () >= kMaxRequests)
    return done (Error{ Errc::LimitExceeded, Retry::Never, "too many unanswered metadata updates" });
  auto id = update.request_id = next_id_++;
  auto &request = requests_[id];
  request.done = std::move (done);
  request.limit = timers_.once (kAnswerLimit, [this, id] {
    finish (id, Error{ Errc::Timeout, Retry::Restart, "the server did not answer the metadata update" });
  });
  link.send (update);
}

bool
MetadataUpdates::on_response (const RequestResponse &response) {
  if (!response.update_metadata && !requests_.count (response.request_id)) return false;
  finish (response.request_id, verdict_of (response));
  return true;
}

void
MetadataUpdates::fail_all (const Error &error) {
  while (!requests_.empty ())
    finish (requests_.begin ()->first, error);
}

void
MetadataUpdates::finish (uint32_t request_id, const Result<> &result) {
  auto node = requests_.extract (request_id);
  if (node && node.mapped ().done) node.mapped ().done (result);
}

} // namespace lk::session
