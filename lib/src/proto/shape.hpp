// Looks over a binary message before the parser builds it: how many parts it unfolds into, and whether its
// texts are UTF-8. The lite parser refuses bad UTF-8 too, but writes a line to stderr each time, which would
// be anybody's to fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lk {

/// Where the countable things sit in a message: field number, and what is inside.
struct Shape;
struct ShapeLink {
  uint32_t field;
  const Shape *inside;
};
struct Shape {
  std::span<const ShapeLink> links;
};

inline constexpr Shape kLeaf{}; ///< something that is counted and not looked into
inline constexpr Shape kText{}; ///< a string, which must be UTF-8

#define LK_SHAPE(name, ...)                                                                                  \
  constexpr ShapeLink name##_links[] = { __VA_ARGS__ };                                                      \
  constexpr Shape name {                                                                                     \
    name##_links                                                                                             \
  }

/// @return false with more than `limit` parts, with a text that is not UTF-8, for what is cut off, or with
///         groups, which no LiveKit message has. True says nothing about the rest: the parser looks at that.
bool fits (std::string_view message, const Shape &shape, std::size_t limit);

} // namespace lk
