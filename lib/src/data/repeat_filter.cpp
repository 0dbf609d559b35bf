#include "data/repeat_filter.hpp"

#include <algorithm>
#include <charconv>

namespace lk::data {

namespace {

constexpr const char *kMark = "gst-";
constexpr size_t kWord = 4 + 16; // with the mark

/// The count of an id: "gst-0123456789abcdef-17".
std::optional<uint64_t>
count_of (const std::string &id) {
  if (!id.starts_with (kMark) || id.size () < kWord + 2 || id[kWord] != '-') return {};
  uint64_t count = 0;
  const auto *end = id.data () + id.size ();
  const auto [at, problem] = std::from_chars (id.data () + kWord + 1, end, count);
  return problem == std::errc () && at == end ? std::optional (count) : std::nullopt;
}

} // namespace

std::string
PacketIds::next () {
  return kMark + word_ + '-' + std::to_string (++last_);
}

bool
RepeatFilter::is_ours (const std::string &id) {
  return count_of (id).has_value ();
}

bool
RepeatFilter::accept (const std::string &sender, const std::string &id) {
  const auto count = count_of (id);
  if (!count) return true;
  const auto key = sender + '\0' + id.substr (0, kWord);
  const auto known = by_key_.find (key);
  if (known == by_key_.end ()) {
    if (senders_.size () >= max_senders_) {
      by_key_.erase (senders_.front ().key);
      senders_.pop_front ();
    }
    senders_.push_back ({ key, *count, 1 });
    by_key_[key] = std::prev (senders_.end ());
    return true;
  }
  auto &state = *known->second;
  senders_.splice (senders_.end (), senders_, known->second);
  if (*count > state.highest) {
    state.seen <<= std::min (kWindow, *count - state.highest);
    state.seen.set (0);
    state.highest = *count;
    return true;
  }
  const auto behind = state.highest - *count;
  if (behind >= kWindow || state.seen.test (behind)) return false;
  state.seen.set (behind);
  return true;
}

} // namespace lk::data
