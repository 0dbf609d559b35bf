// Who listens to what. Added and removed by any thread, called on the session thread, with the promise that
// none is called once it was removed.
#pragma once

#include "session/data.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace lk::session {

class DataListeners {
public:
  struct Entry {
    std::shared_ptr<DataListener> listener;
    DataFilter filter;
    bool removed = false;    // guarded by lock_
    std::thread::id running; // a call runs there; guarded by lock_
  };
  using EntryPtr = std::shared_ptr<Entry>;
  using List = std::vector<EntryPtr>;

  EntryPtr add (const std::shared_ptr<DataListener> &listener, DataFilter filter);
  /// Waits for a call that runs on another thread.
  void remove (const DataListener *listener);
  /// As they are now; never changes.
  std::shared_ptr<const List> all () const;

  // Session thread, no lock held while a listener is called.
  void call (const EntryPtr &entry, const DataEvent &event);
  /// To every listener whose filter `wants (const DataFilter &)`. Returns whether there was one.
  template <typename Wants>
  bool
  tell (const DataEvent &event, Wants wants) {
    bool told = false;
    auto list = all (); // a listener may change it
    for (const auto &entry : *list)
      if (wants (entry->filter)) {
        call (entry, event);
        told = true;
      }
    return told;
  }
  template <typename Wants>
  bool
  any (Wants wants) const {
    auto list = all ();
    for (const auto &entry : *list)
      if (wants (entry->filter)) return true;
    return false;
  }

private:
  mutable std::mutex lock_; // leaf
  std::condition_variable returned_;
  std::shared_ptr<const List> list_ = std::make_shared<List> ();
};

} // namespace lk::session
