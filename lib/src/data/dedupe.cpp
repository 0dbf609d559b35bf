#include "data/dedupe.hpp"

namespace lk::data {

Dedupe::Dedupe (const Clock &clock, Millis ttl, size_t max_senders)
    : clock_ (clock), ttl_ (ttl), max_senders_ (max_senders) {}

bool
Dedupe::accept (const std::string &sid, uint32_t sequence) {
  if (sequence == 0) return true;
  expire ();
  const auto known = by_sid_.find (sid);
  if (known == by_sid_.end ()) {
    if (senders_.size () >= max_senders_) {
      by_sid_.erase (senders_.front ().state.sid);
      senders_.pop_front ();
    }
    senders_.push_back ({ { sid, sequence }, clock_.now () });
    by_sid_[sid] = std::prev (senders_.end ());
    return true;
  }
  auto &sender = *known->second;
  if (sequence <= sender.state.last_sequence) return false;
  sender.state.last_sequence = sequence;
  sender.heard = clock_.now ();
  senders_.splice (senders_.end (), senders_, known->second);
  return true;
}

std::vector<Dedupe::State>
Dedupe::states () {
  expire ();
  std::vector<State> all;
  all.reserve (senders_.size ());
  for (const auto &sender : senders_)
    all.push_back (sender.state);
  return all;
}

void
Dedupe::expire () {
  const auto now = clock_.now ();
  while (!senders_.empty () && now - senders_.front ().heard >= ttl_) {
    by_sid_.erase (senders_.front ().state.sid);
    senders_.pop_front ();
  }
}

} // namespace lk::data
