// Claims for a person to read.
#pragma once

#include "auth/token.hpp"

#include <string>

namespace lk::token {

/// One aligned line per claim that the token carries. Foreign text is quoted, so that it cannot steer a
/// terminal.
std::string describe (const auth::Claims &claims, std::chrono::seconds now);

} // namespace lk::token
