#include "proto/shape.hpp"

#include "base/utf8.hpp"

#include <optional>

namespace lk {

namespace {

class Walker {
public:
  explicit Walker (std::size_t limit) : left_ (limit) {}

  /// Shapes are trees of few levels, so the recursion is bounded.
  bool
  walk (std::string_view bytes, const Shape &shape) {
    while (!bytes.empty ()) {
      const auto tag = varint (bytes);
      if (!tag) return false;
      switch (*tag & 7) {
      case 0:
        if (!varint (bytes)) return false;
        break;
      case 1:
        if (!skip (bytes, 8)) return false;
        break;
      case 5:
        if (!skip (bytes, 4)) return false;
        break;
      case 2: {
        const auto size = varint (bytes);
        if (!size || *size > bytes.size ()) return false;
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
      if (link.inside == &kText) return is_utf8 (content);
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
fits (std::string_view message, const Shape &shape, std::size_t limit) {
  return Walker (limit).walk (message, shape);
}

} // namespace lk
