#include "proto/budget.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace lk {

namespace {

/// Where repeated things sit in a message: field number, and what is inside.
struct Shape;
struct Link {
  uint32_t field;
  const Shape *inside;
};
struct Shape {
  std::span<const Link> links;
};

#define LK_SHAPE(name, ...)                                                                                  \
  constexpr Link name##_links[] = { __VA_ARGS__ };                                                           \
  constexpr Shape name {                                                                                     \
    name##_links                                                                                             \
  }

constexpr Shape kLeaf{};                // a string, or a message without lists: never looked into
LK_SHAPE (kFirst, { 1, &kLeaf });       // a list in field 1
LK_SHAPE (kDescription, { 4, &kLeaf }); // mid_to_track_id
LK_SHAPE (kCodec, { 4, &kLeaf });       // layers
LK_SHAPE (kTrack, { 10, &kLeaf }, { 13, &kCodec });
LK_SHAPE (kParticipant, { 4, &kTrack }, { 15, &kLeaf }, { 19, &kLeaf });
LK_SHAPE (kParticipants, { 1, &kParticipant });
LK_SHAPE (kRoom, { 7, &kLeaf });
LK_SHAPE (kRoomUpdate, { 1, &kRoom });
LK_SHAPE (kDisabledCodecs, { 1, &kLeaf }, { 2, &kLeaf });
LK_SHAPE (kClientConfiguration, { 4, &kDisabledCodecs });
LK_SHAPE (kIceServer, { 1, &kLeaf });
LK_SHAPE (kJoin, { 1, &kRoom }, { 2, &kParticipant }, { 3, &kParticipant }, { 5, &kIceServer },
          { 8, &kClientConfiguration }, { 14, &kLeaf });
LK_SHAPE (kReconnect, { 1, &kIceServer }, { 2, &kClientConfiguration });
LK_SHAPE (kPublished, { 2, &kTrack });
LK_SHAPE (kLeave, { 4, &kFirst });
LK_SHAPE (kSubscribedCodec, { 2, &kLeaf });
LK_SHAPE (kSubscribedQuality, { 2, &kLeaf }, { 3, &kSubscribedCodec });
LK_SHAPE (kAddTrack, { 9, &kLeaf }, { 10, &kCodec });
LK_SHAPE (kUpdateMetadata, { 3, &kLeaf });
LK_SHAPE (kRequestResponse, { 5, &kAddTrack }, { 7, &kUpdateMetadata });
LK_SHAPE (kRoomMoved, { 1, &kRoom }, { 3, &kParticipant }, { 4, &kParticipant });
LK_SHAPE (kSecond, { 2, &kLeaf });
LK_SHAPE (kResponse, { 1, &kJoin }, { 2, &kDescription }, { 3, &kDescription }, { 5, &kParticipants },
          { 6, &kPublished }, { 8, &kLeave }, { 10, &kFirst }, { 11, &kRoomUpdate }, { 12, &kFirst },
          { 13, &kFirst }, { 14, &kSubscribedQuality }, { 19, &kReconnect }, { 22, &kRequestResponse },
          { 24, &kRoomMoved }, { 26, &kSecond }, { 29, &kFirst });

class Counter {
public:
  explicit Counter (std::size_t limit) : left_ (limit) {}

  /// The shapes are a tree of six levels, so the recursion is bounded.
  bool
  walk (std::string_view bytes, const Shape &shape) {
    while (!bytes.empty ()) {
      const auto tag = varint (bytes);
      if (!tag) return true;
      switch (*tag & 7) {
      case 0:
        if (!varint (bytes)) return true;
        break;
      case 1:
        if (!skip (bytes, 8)) return true;
        break;
      case 5:
        if (!skip (bytes, 4)) return true;
        break;
      case 2: {
        const auto size = varint (bytes);
        if (!size || *size > bytes.size ()) return true;
        const auto content = bytes.substr (0, *size);
        bytes.remove_prefix (*size);
        if (!enter (uint32_t (*tag) >> 3, content, shape)) return false;
        break;
      }
      default: // what follows a group could hide behind it
        return false;
      }
    }
    return true;
  }

private:
  bool
  enter (uint32_t field, std::string_view content, const Shape &shape) {
    for (const auto &link : shape.links) {
      if (link.field != field) continue;
      if (left_ == 0) return false;
      left_--;
      return link.inside->links.empty () || walk (content, *link.inside);
    }
    return true;
  }

  static std::optional<uint64_t>
  varint (std::string_view &bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < bytes.size (); i++) {
      const auto byte = static_cast<unsigned char> (bytes[i]);
      value |= uint64_t (byte & 0x7f) << (7 * i);
      if (byte & 0x80) continue;
      bytes.remove_prefix (i + 1);
      return value;
    }
    return std::nullopt;
  }

  static bool
  skip (std::string_view &bytes, std::size_t count) {
    if (bytes.size () < count) return false;
    bytes.remove_prefix (count);
    return true;
  }

  std::size_t left_;
};

} // namespace

bool
within_budget (std::string_view signal_response, std::size_t limit) {
  return Counter (limit).walk (signal_response, kResponse);
}

} // namespace lk
