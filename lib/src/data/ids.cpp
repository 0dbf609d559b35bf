#include "data/ids.hpp"

namespace lk::data {

std::string
make_uuid (Random &random) {
  auto id = random.token ();
  id[12] = '4';
  id[16] = "89ab"[(id[16] & 0x3)]; // hex digits: their low bits are as random as they are
  for (size_t at : { 20, 16, 12, 8 })
    id.insert (at, 1, '-');
  return id;
}

bool
RecentIds::add (const std::string &id) {
  if (!seen_.insert (id).second) return false;
  order_.push_back (id);
  if (order_.size () > capacity_) {
    seen_.erase (order_.front ());
    order_.pop_front ();
  }
  return true;
}

} // namespace lk::data
