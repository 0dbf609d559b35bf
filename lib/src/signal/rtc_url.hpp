// The URLs of one signalling connection. Pure.
#pragma once

#include "signal/signal_client.hpp"

namespace lk::signal {

/// The plain HTTP twin of rtc_url(): the same checks as the upgrade, and a body that says which one failed.
std::string validate_url (const ConnectParams &params);

} // namespace lk::signal
