#include "data/replay_buffer.hpp"

#include "data/message.hpp"
#include "proto/convert_data.hpp"

#include <unordered_set>

namespace lk::data {

ReplayBuffer::ReplayBuffer (size_t max_bytes, size_t margin) : max_bytes_ (max_bytes), margin_ (margin) {}

Ref<GBytes>
ReplayBuffer::push (std::string serialized, PacketRole role, Nanos now) {
  const auto bare = serialized.size ();
  stamp_sequence (serialized, ++last_);
  auto message = to_message (std::move (serialized));
  bytes_ += view_of (message).size ();
  kept_.push_back ({ message, bare, std::move (role), now });
  while (bytes_ > max_bytes_)
    drop_front ();
  return message;
}

void
ReplayBuffer::trim (uint64_t buffered, Nanos since) {
  while (!kept_.empty () && kept_.front ().sent < since
         && bytes_ - view_of (kept_.front ().message).size () >= buffered + margin_)
    drop_front ();
}

ReplayBuffer::Rest
ReplayBuffer::resume (uint32_t last_sequence) {
  // A server that claims more than we ever sent has everything.
  while (!kept_.empty () && last_ - (kept_.size () - 1) <= last_sequence)
    drop_front ();
  Rest rest;
  if (last_sequence < last_) rest.lost = uint32_t (last_ - last_sequence - kept_.size ());
  rest.messages.reserve (kept_.size ());
  for (const auto &kept : kept_)
    rest.messages.push_back (kept.message);
  return rest;
}

ReplayBuffer::Restart
ReplayBuffer::restart (Nanos since, uint64_t buffered, Nanos unsure_since) {
  auto begin = kept_.end ();
  for (uint64_t behind = 0; begin != kept_.begin (); --begin) {
    const auto &previous = *std::prev (begin);
    if (behind >= buffered && previous.sent < since) break;
    behind += view_of (previous.message).size ();
  }
  Restart result;
  for (auto it = kept_.begin (); it != begin; ++it)
    if (it->sent >= unsure_since) ++result.unconfirmed;
  std::unordered_set<std::string> whole;
  for (auto it = begin; it != kept_.end (); ++it) {
    auto &role = it->role;
    if (role.opens) whole.insert (role.stream);
    if (role.repeatable && (role.stream.empty () || whole.contains (role.stream)))
      result.again.push_back ({ std::string (view_of (it->message).substr (0, it->bare)), std::move (role) });
    else
      ++result.unconfirmed;
  }
  kept_.clear ();
  bytes_ = 0;
  last_ = 0;
  return result;
}

void
ReplayBuffer::drop_front () {
  bytes_ -= view_of (kept_.front ().message).size ();
  kept_.pop_front ();
}

} // namespace lk::data
