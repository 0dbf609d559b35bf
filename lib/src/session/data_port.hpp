// DataPort over a session: any thread in front; sending goes straight to the outlet, the rest is posted.
#pragma once

#include "session/data_room.hpp"

namespace lk::session {

struct DataPortParts {
  Context context;
  std::weak_ptr<DataRoom> room; ///< locked on the session thread only
  std::shared_ptr<Snapshot> snapshot;
  std::shared_ptr<DataOutlet> outlet;
  std::shared_ptr<DataListeners> listeners;
  std::weak_ptr<DataTracks> tracks;
  std::shared_ptr<DataInlet::Counters> counters;
};

std::shared_ptr<DataPort> make_data_port (DataPortParts parts);

} // namespace lk::session
