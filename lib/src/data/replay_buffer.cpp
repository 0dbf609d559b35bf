#include "data/replay_buffer.hpp"

#include "data/message.hpp"
#include "proto/convert_data.hpp"

namespace lk::data {

ReplayBuffer::ReplayBuffer (size_t max_bytes, size_t margin) : max_bytes_ (max_bytes), margin_ (margin) {}

Ref<GBytes>
ReplayBuffer::push (std::string serialized) {
  stamp_sequence (serialized, ++last_);
  auto message = to_message (std::move (serialized));
  bytes_ += view_of (message).size ();
  kept_.push_back (message);
  while (bytes_ > max_bytes_)
    drop_front ();
  return message;
}

void
ReplayBuffer::trim (uint64_t buffered) {
  while (!kept_.empty () && bytes_ - view_of (kept_.front ()).size () >= buffered + margin_)
    drop_front ();
}

ReplayBuffer::Rest
ReplayBuffer::resume (uint32_t last_sequence) {
  // A server that claims more than we ever sent has everything.
  while (!kept_.empty () && last_ - (kept_.size () - 1) <= last_sequence)
    drop_front ();
  Rest rest;
  if (last_sequence < last_) rest.lost = uint32_t (last_ - last_sequence - kept_.size ());
  rest.messages.assign (kept_.begin (), kept_.end ());
  return rest;
}

size_t
ReplayBuffer::reset () {
  const auto lost = kept_.size ();
  kept_.clear ();
  bytes_ = 0;
  last_ = 0;
  return lost;
}

void
ReplayBuffer::drop_front () {
  bytes_ -= view_of (kept_.front ()).size ();
  kept_.pop_front ();
}

} // namespace lk::data
