// Server messages as bytes, and client messages read back, for tests that play the server over a FakeSocket.
#pragma once

#include "livekit_wire.pb.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lk::test {

template <typename Fill>
std::string
server_message (Fill fill) {
  lk::wire::SignalResponse response;
  fill (response);
  return response.SerializeAsString ();
}

inline std::string
join_message (int ping_interval_s = 5, int ping_timeout_s = 15) {
  return server_message ([=] (lk::wire::SignalResponse &m) {
    auto *join = m.mutable_join ();
    join->mutable_room ()->set_name ("room");
    join->mutable_room ()->set_sid ("RM_1");
    join->mutable_participant ()->set_sid ("PA_1");
    join->mutable_participant ()->set_identity ("me");
    join->set_subscriber_primary (true);
    join->set_ping_interval (ping_interval_s);
    join->set_ping_timeout (ping_timeout_s);
  });
}

inline std::string
reconnect_message () {
  return server_message ([] (lk::wire::SignalResponse &m) { m.mutable_reconnect (); });
}

inline std::string
leave_message (int reason, int action) {
  return server_message ([=] (lk::wire::SignalResponse &m) {
    m.mutable_leave ()->set_reason (static_cast<lk::wire::DisconnectReason> (reason));
    m.mutable_leave ()->set_action (static_cast<lk::wire::LeaveRequest::Action> (action));
  });
}

inline std::string
pong_message (int64_t last_ping_timestamp) {
  return server_message ([=] (lk::wire::SignalResponse &m) {
    m.mutable_pong_resp ()->set_last_ping_timestamp (last_ping_timestamp);
  });
}

inline std::string
refresh_token_message (const std::string &token) {
  return server_message ([&] (lk::wire::SignalResponse &m) { m.set_refresh_token (token); });
}

inline lk::wire::SignalRequest
client_message (std::string_view bytes) {
  lk::wire::SignalRequest request;
  EXPECT_TRUE (request.ParseFromArray (bytes.data (), static_cast<int> (bytes.size ())));
  return request;
}

} // namespace lk::test
