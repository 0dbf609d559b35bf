#include "session/session.hpp"

#include <map>
#include <mutex>

namespace lk::session {
namespace {

/// Sessions by name, as long as somebody holds them.
using Table = std::map<std::string, std::weak_ptr<Session>>;

/// Shares non-empty names between pipelines of the process.
struct Shared {
  std::mutex lock; // taken after a pool's
  Table table;
};

Shared &
shared () {
  static Shared instance;
  return instance;
}

/// The session of that name, made if there is none. The table's lock is held.
std::shared_ptr<Session>
find_or_make_in (Table &table, const std::string &name) {
  std::erase_if (table, [] (const auto &row) { return row.second.expired (); });
  auto &slot = table[name];
  auto session = slot.lock ();
  if (!session) slot = session = Session::create (name);
  return session;
}

} // namespace

struct SessionPool::Impl {
  std::mutex lock; // held to find or make, so that two elements never make two
  Table table;
  std::vector<std::shared_ptr<Session>> put; // held for whoever put them
};

SessionPool::SessionPool () : impl_ (std::make_shared<Impl> ()) {}
SessionPool::~SessionPool () = default;

std::shared_ptr<Session>
SessionPool::find_or_make (const std::string &name) {
  std::lock_guard lock (impl_->lock);
  if (auto it = impl_->table.find (name); it != impl_->table.end ())
    if (auto session = it->second.lock ()) return session;
  if (name.empty ()) return find_or_make_in (impl_->table, name);
  std::lock_guard shared_lock (shared ().lock);
  auto session = find_or_make_in (shared ().table, name);
  impl_->table[name] = session;
  return session;
}

void
SessionPool::put (const std::string &name, std::shared_ptr<Session> session) {
  std::lock_guard lock (impl_->lock);
  impl_->table[name] = session;
  impl_->put.push_back (std::move (session));
}

} // namespace lk::session
