// LiveKit's token endpoint: an application's own server that makes tokens. What it is asked, what its answer
// means. Pure.
//
//   POST {"room_name", "participant_identity", "participant_name", "participant_metadata", …}
//        ─▶ {"server_url", "participant_token"}
#pragma once

#include "net/network.hpp"
#include "session/settings.hpp"

namespace lk::session {

struct TokenAnswer {
  Secret token;
  std::string server_url; ///< empty when the endpoint leaves it to us
};

/// `get`: for an endpoint that takes no POST; the URL stands as it is, with whatever query it has.
net::Request endpoint_request (const Secret &url, const Settings &settings, bool get);
/// Besides the standard's names "token" and the camel-case spelling are understood, and a body that is the
/// token alone. Errors say what the endpoint answered and never repeat it.
Result<TokenAnswer> endpoint_answer (const Result<net::Response> &response);

} // namespace lk::session
