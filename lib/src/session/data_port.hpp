// DataPort over a session: what waits, what goes out on which channel, and who hears what comes in.
#pragma once

#include "session/data.hpp"
#include "session/parts.hpp"

#include <memory>

namespace lk::session {

std::shared_ptr<DataPort> make_data_port (const Environment &environment);

} // namespace lk::session
