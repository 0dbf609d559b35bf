#include "session/users.hpp"

#include "base/log.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {

Users::EntryPtr
Users::find (const User *user) const {
  auto it = std::find_if (entries_.begin (), entries_.end (), [&] (const auto &e) { return e->key == user; });
  return it == entries_.end () ? nullptr : *it;
}

Result<Settings>
Users::merged (const Settings *extra, const std::string &extra_owner) const {
  Settings all;
  SettingOwners owners;
  for (const auto &entry : entries_) {
    auto user = entry->user.lock ();
    if (auto ok = merge (all, owners, entry->settings, user ? user->user_name () : "another element"); !ok)
      return ok.error ();
  }
  if (extra)
    if (auto ok = merge (all, owners, *extra, extra_owner); !ok) return ok.error ();
  if (extra && running_) {
    // What the session connected with came partly from defaults, which a late-comer cannot change any more.
    auto running = *running_;
    SettingOwners by;
    for (const char *property : { "url", "room", "identity" })
      by.emplace_back (property, "the running session");
    if (auto ok = merge (running, by, *extra, extra_owner); !ok) return ok.error ();
  }
  return all;
}

Result<>
Users::attach (const std::shared_ptr<User> &user, const Settings &settings, const Needs &needs) {
  auto name = user->user_name ();
  std::lock_guard lock (lock_);
  if (find (user.get ())) return Error{ Errc::Internal, Retry::Never, name + " is attached already" };
  if (auto ok = merged (&settings, name); !ok) return ok.error ();
  auto entry = std::make_shared<Entry> ();
  entry->key = user.get ();
  entry->user = user;
  entry->settings = settings;
  entry->needs = needs;
  entries_.push_back (std::move (entry));
  return {};
}

bool
Users::detach (const std::shared_ptr<User> &user, Deadline deadline) {
  std::unique_lock lock (lock_);
  auto entry = find (user.get ());
  if (!entry) return false;
  std::erase (entries_, entry);
  entry->live = false;
  bool wanted = std::exchange (entry->wanting, false);
  auto none = std::thread::id ();
  bool free = returned_.wait_until (lock, deadline, [&] {
    return entry->running == none || entry->running == std::this_thread::get_id ();
  });
  if (!free) GST_WARNING ("a callback of %s is still running", user->user_name ().c_str ());
  return wanted;
}

bool
Users::want (const User *user) {
  std::lock_guard lock (lock_);
  auto entry = find (user);
  if (entry) entry->wanting = true;
  return entry != nullptr;
}

bool
Users::go_live (const User *user) {
  std::lock_guard lock (lock_);
  auto entry = find (user);
  if (entry) entry->live = true;
  return entry != nullptr;
}

bool
Users::any_live () const {
  std::lock_guard lock (lock_);
  return std::any_of (entries_.begin (), entries_.end (), [] (const auto &e) { return e->live; });
}

bool
Users::any_live_beside (const User *user) const {
  std::lock_guard lock (lock_);
  auto entry = find (user);
  return entry && std::any_of (entries_.begin (), entries_.end (), [&] (const auto &other) {
           return other != entry && other->live && other->group == entry->group;
         });
}

bool
Users::any_wanting () const {
  std::lock_guard lock (lock_);
  return std::any_of (entries_.begin (), entries_.end (), [] (const auto &e) { return e->wanting; });
}

bool
Users::attached (const User *user) const {
  std::lock_guard lock (lock_);
  return find (user) != nullptr;
}

void
Users::set_filter (const User *user, const TrackFilter &filter) {
  std::lock_guard lock (lock_);
  if (auto entry = find (user)) entry->needs.subscribe = filter;
}

void
Users::set_latency (const User *user, Millis latency) {
  std::lock_guard lock (lock_);
  if (auto entry = find (user)) entry->needs.latency = latency;
}

void
Users::set_group (const User *user, const void *group) {
  std::lock_guard lock (lock_);
  if (auto entry = find (user)) entry->group = group;
}

void
Users::set_token (const User *user, const Secret &token) {
  std::lock_guard lock (lock_);
  for (const auto &entry : entries_)
    if (entry->key == user || entry->settings.token) entry->settings.token = token;
}

bool
Users::request_token (const std::function<void (std::string)> &answer) {
  std::vector<std::shared_ptr<User>> live;
  {
    std::lock_guard lock (lock_);
    for (const auto &entry : entries_)
      if (auto user = entry->live ? entry->user.lock () : nullptr) live.push_back (std::move (user));
  }
  return std::any_of (live.begin (), live.end (),
                      [&] (const auto &user) { return user->request_token (answer); });
}

bool
Users::can_renew_token () const {
  auto have = settings ();
  auto set = [] (const auto &setting) { return setting && !setting->empty (); };
  if (set (have.token_file) || set (have.token_url) || (set (have.api_key) && set (have.api_secret)))
    return true;
  std::vector<std::shared_ptr<User>> live;
  {
    std::lock_guard lock (lock_);
    for (const auto &entry : entries_)
      if (auto user = entry->live ? entry->user.lock () : nullptr) live.push_back (std::move (user));
  }
  return std::ranges::any_of (live, [] (const auto &user) { return user->answers_tokens (); });
}

bool
Users::is_reporter (const User *user, const void *group) const {
  std::lock_guard lock (lock_);
  // Only who gets events can report them.
  const Entry *first = nullptr;
  for (const auto &entry : entries_) {
    if (entry->group != group || !entry->reports) continue;
    if (!first || (!first->live && entry->live)) first = entry.get ();
  }
  return first && first->key == user;
}

Settings
Users::settings () const {
  std::lock_guard lock (lock_);
  auto all = merged (nullptr, "");
  return all ? *all : Settings (); // attach() refused what would not merge
}

std::vector<TrackFilter>
Users::filters () const {
  std::lock_guard lock (lock_);
  std::vector<TrackFilter> filters;
  for (const auto &entry : entries_)
    if (entry->needs.subscribe) filters.push_back (*entry->needs.subscribe);
  return filters;
}

Millis
Users::latency () const {
  std::lock_guard lock (lock_);
  Millis largest{ 0 };
  for (const auto &entry : entries_)
    largest = std::max (largest, entry->needs.latency);
  return largest;
}

Millis
Users::reappear () const {
  std::lock_guard lock (lock_);
  Millis longest{ 0 };
  for (const auto &entry : entries_)
    if (entry->needs.subscribe) longest = std::max (longest, entry->needs.reappear);
  return longest;
}

bool
Users::wants_everything () const {
  std::lock_guard lock (lock_);
  return std::any_of (entries_.begin (), entries_.end (), [] (const auto &e) {
    const auto &filter = e->needs.subscribe;
    return filter && filter->automatic && filter->everything ();
  });
}

bool
Users::wants_data () const {
  std::lock_guard lock (lock_);
  return std::any_of (entries_.begin (), entries_.end (), [] (const auto &e) { return e->needs.data; });
}

void
Users::set_running (std::optional<Settings> effective) {
  std::lock_guard lock (lock_);
  running_ = std::move (effective);
}

void
Users::deliver (const SessionEvent &event) {
  std::vector<EntryPtr> live;
  {
    std::lock_guard lock (lock_);
    for (const auto &entry : entries_)
      if (entry->live) live.push_back (entry);
  }
  for (const auto &entry : live)
    call (entry, event);
}

void
Users::deliver_to (const User *user, const SessionEvent &event) {
  EntryPtr entry;
  {
    std::lock_guard lock (lock_);
    entry = find (user);
  }
  if (entry) call (entry, event);
}

void
Users::deliver_again (const User *user, const SessionEvent &event) {
  auto set_reports = [&] (bool reports) {
    std::lock_guard lock (lock_);
    if (auto entry = find (user)) entry->reports = reports;
  };
  set_reports (false);
  deliver_to (user, event);
  set_reports (true);
}

void
Users::call (const EntryPtr &entry, const SessionEvent &event) {
  std::shared_ptr<User> user;
  {
    std::lock_guard lock (lock_);
    user = entry->live ? entry->user.lock () : nullptr;
    if (!user) return;
    entry->running = std::this_thread::get_id ();
  }
  user->on_event (event);
  {
    std::lock_guard lock (lock_);
    entry->running = std::thread::id ();
  }
  returned_.notify_all ();
}

} // namespace lk::session
