#include "data/track_packet.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace lk::data {

namespace {

constexpr size_t kHeader = 12;
constexpr uint8_t kEncryptionId = 1, kUserTimestampId = 2;
constexpr size_t kEncryptionSize = 13, kUserTimestampSize = 8;
constexpr uint8_t kFirst = 0x10, kLast = 0x08, kExtended = 0x04;

template <typename T>
T
read (std::string_view bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof (T); i++)
    value = T (value << 8 | static_cast<unsigned char> (bytes[at + i]));
  return value;
}

template <typename T>
void
append (std::string &to, T value) {
  for (size_t i = sizeof (T); i-- > 0;)
    to += char (value >> (8 * i));
}

/// Reads [id][length][data]…; a zero id is padding. As the SDKs have it, more data than we know is a newer
/// version of an extension, and less is none. False when something does not fit.
bool
read_extensions (std::string_view bytes, TrackPacket &packet) {
  while (!bytes.empty ()) {
    const auto id = read<uint8_t> (bytes, 0);
    if (id == 0) {
      bytes.remove_prefix (1);
      continue;
    }
    if (bytes.size () < 2) return false;
    const size_t size = read<uint8_t> (bytes, 1);
    bytes.remove_prefix (2);
    if (bytes.size () < size) return false;
    if (id == kEncryptionId && size >= kEncryptionSize) {
      auto &encryption = packet.encryption.emplace ();
      encryption.key_index = read<uint8_t> (bytes, 0);
      std::copy_n (bytes.begin () + 1, encryption.iv.size (), encryption.iv.begin ());
    } else if (id == kUserTimestampId && size >= kUserTimestampSize) {
      packet.user_timestamp = read<uint64_t> (bytes, 0);
    }
    bytes.remove_prefix (size);
  }
  return true;
}

/// With the two length bytes and the padding to whole words; empty without extensions.
std::string
extensions (const std::optional<TrackEncryption> &encryption, std::optional<uint64_t> user_timestamp) {
  std::string out;
  if (!encryption && !user_timestamp) return out;
  out.resize (2);
  if (encryption) {
    append (out, kEncryptionId);
    append (out, uint8_t (kEncryptionSize));
    append (out, encryption->key_index);
    out.append (encryption->iv.begin (), encryption->iv.end ());
  }
  if (user_timestamp) {
    append (out, kUserTimestampId);
    append (out, uint8_t (kUserTimestampSize));
    append (out, *user_timestamp);
  }
  out.resize ((out.size () + 3) / 4 * 4);
  const auto words = out.size () / 4 - 1;
  out[0] = char (words >> 8);
  out[1] = char (words);
  return out;
}

/// How far frame or sequence `a` is ahead of `b`, around the wrap.
int16_t
ahead (uint16_t a, uint16_t b) {
  return int16_t (uint16_t (a - b));
}

} // namespace

std::optional<TrackPacket>
parse_track_packet (std::string_view bytes) {
  if (bytes.size () < kHeader || bytes.size () > kMaxMessage) return std::nullopt;
  const auto flags = read<uint8_t> (bytes, 0);
  if (flags >> 5 != 0) return std::nullopt;
  TrackPacket packet;
  packet.first = flags & kFirst;
  packet.last = flags & kLast;
  packet.handle = read<uint16_t> (bytes, 2);
  packet.sequence = read<uint16_t> (bytes, 4);
  packet.frame = read<uint16_t> (bytes, 6);
  packet.timestamp_90k = read<uint32_t> (bytes, 8);
  bytes.remove_prefix (kHeader);
  if (flags & kExtended) {
    if (bytes.size () < 2) return std::nullopt;
    const auto size = (size_t (read<uint16_t> (bytes, 0)) + 1) * 4;
    if (bytes.size () < size || !read_extensions (bytes.substr (2, size - 2), packet)) return std::nullopt;
    bytes.remove_prefix (size);
  }
  packet.payload = bytes;
  return packet;
}

std::string
serialize_track_packet (const TrackPacket &packet) {
  const auto extra = extensions (packet.encryption, packet.user_timestamp);
  std::string out;
  out.reserve (kHeader + extra.size () + packet.payload.size ());
  append (out, uint8_t ((packet.first ? kFirst : 0) | (packet.last ? kLast : 0)
                        | (extra.empty () ? 0 : kExtended)));
  append (out, uint8_t (0));
  append (out, packet.handle);
  append (out, packet.sequence);
  append (out, packet.frame);
  append (out, packet.timestamp_90k);
  out += extra;
  out += packet.payload;
  return out;
}

std::vector<std::string>
TrackPacketizer::packets (uint16_t handle, std::string_view payload, uint32_t timestamp_90k,
                          std::optional<uint64_t> user_timestamp,
                          const std::optional<TrackEncryption> &encryption) {
  const size_t room = kTrackPacket - kHeader - extensions (encryption, user_timestamp).size ();
  const size_t count = std::max<size_t> (1, (payload.size () + room - 1) / room);
  std::vector<std::string> all;
  if (count > kTrackFramePackets) return all;
  all.reserve (count);
  TrackPacket packet;
  packet.handle = handle;
  packet.frame = next_frame_++;
  packet.timestamp_90k = timestamp_90k;
  packet.encryption = encryption;
  packet.user_timestamp = user_timestamp;
  for (size_t i = 0; i < count; i++) {
    packet.first = i == 0;
    packet.last = i + 1 == count;
    packet.sequence = next_sequence_++;
    packet.payload = payload.substr (i * room, room);
    all.push_back (serialize_track_packet (packet));
  }
  return all;
}

std::optional<TrackFrame>
TrackDepacketizer::push (const TrackPacket &packet) {
  leave_behind (packet.frame);
  if (packet.first && packet.last)
    return TrackFrame{ std::string (packet.payload), packet.timestamp_90k, packet.user_timestamp,
                       packet.encryption };
  if (is_given_up (packet.frame)) return std::nullopt;

  auto at = std::find_if (open_.begin (), open_.end (),
                          [&] (const auto &partial) { return partial.frame == packet.frame; });
  if (at == open_.end ()) {
    if (open_.size () >= kTrackOpenFrames) give_up (0);
    open_.emplace_back ();
    at = std::prev (open_.end ());
    at->frame = packet.frame;
    at->whole = { {}, packet.timestamp_90k, packet.user_timestamp, packet.encryption };
    at->base = packet.sequence;
  }
  if (!add (*at, packet)) {
    give_up (size_t (at - open_.begin ()));
    return std::nullopt;
  }
  if (!at->first || !at->last || at->payloads.size () != size_t (*at->last - *at->first) + 1)
    return std::nullopt;

  auto frame = std::move (at->whole);
  frame.payload.reserve (at->bytes);
  for (const auto &[distance, payload] : at->payloads)
    frame.payload += payload;
  open_.erase (at);
  return frame;
}

/// False when the frame cannot become whole any more: it contradicts itself or is too large.
bool
TrackDepacketizer::add (Partial &partial, const TrackPacket &packet) {
  const auto distance = ahead (packet.sequence, partial.base);
  if (!partial.payloads.try_emplace (distance, packet.payload).second) return true; // once more
  partial.bytes += packet.payload.size ();
  if (packet.first) {
    if (partial.first) return false;
    partial.first = distance;
  }
  if (packet.last) {
    if (partial.last) return false;
    partial.last = distance;
  }
  const int lowest = partial.payloads.begin ()->first, highest = partial.payloads.rbegin ()->first;
  return (!partial.first || *partial.first == lowest) && (!partial.last || *partial.last == highest)
         && highest - lowest < int (kTrackFramePackets) && partial.bytes <= kTrackFrameBytes;
}

void
TrackDepacketizer::give_up (size_t index) {
  const auto frame = open_[index].frame;
  open_.erase (open_.begin () + std::ptrdiff_t (index));
  if (!given_up_ || ahead (frame, *given_up_) > 0) given_up_ = frame;
  dropped_frames_++;
}

/// Frame numbers come again, and a publisher may start over, so nothing far away is remembered.
void
TrackDepacketizer::leave_behind (uint16_t frame) {
  constexpr int kMemory = 64;
  if (given_up_ && std::abs (ahead (frame, *given_up_)) > kMemory) given_up_.reset ();
  for (size_t i = open_.size (); i-- > 0;)
    if (std::abs (ahead (frame, open_[i].frame)) > kMemory) give_up (i);
}

/// Late packets of a frame that was given up must not open and drop it again.
bool
TrackDepacketizer::is_given_up (uint16_t frame) const {
  return given_up_ && ahead (frame, *given_up_) <= 0;
}

} // namespace lk::data
