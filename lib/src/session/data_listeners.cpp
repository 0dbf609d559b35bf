#include "session/data_listeners.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// Listeners must not block; one that does shall not block its remover for ever.
constexpr std::chrono::seconds kCallLimit{ 2 };

} // namespace

DataListeners::EntryPtr
DataListeners::add (const std::shared_ptr<DataListener> &listener, DataFilter filter) {
  auto entry = std::make_shared<Entry> ();
  entry->listener = listener;
  entry->filter = std::move (filter);
  std::lock_guard lock (lock_);
  auto list = std::make_shared<List> (*list_);
  list->push_back (entry);
  list_ = std::move (list);
  return entry;
}

void
DataListeners::remove (const DataListener *listener) {
  std::unique_lock lock (lock_);
  auto list = std::make_shared<List> ();
  List gone;
  for (const auto &entry : *list_)
    (entry->listener.get () == listener ? gone : *list).push_back (entry);
  list_ = std::move (list);
  for (const auto &entry : gone)
    entry->removed = true;
  bool idle = returned_.wait_for (lock, kCallLimit, [&] {
    for (const auto &entry : gone)
      if (entry->running != std::thread::id () && entry->running != std::this_thread::get_id ()) return false;
    return true;
  });
  if (!idle) GST_WARNING ("a data listener's call is still running");
  lock.unlock ();
  // `gone` may hold the last reference to the listener.
}

std::shared_ptr<const DataListeners::List>
DataListeners::all () const {
  std::lock_guard lock (lock_);
  return list_;
}

void
DataListeners::call (const EntryPtr &entry, const DataEvent &event) {
  {
    std::lock_guard lock (lock_);
    if (entry->removed) return;
    entry->running = std::this_thread::get_id ();
  }
  entry->listener->on_data (event);
  bool waited = false;
  {
    std::lock_guard lock (lock_);
    entry->running = std::thread::id ();
    waited = entry->removed;
  }
  if (waited) returned_.notify_all ();
}

} // namespace lk::session
