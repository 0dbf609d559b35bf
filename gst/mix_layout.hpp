// Where the pictures of a mix go. Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace lk::gst {

struct Tile {
  int x, y, width, height;
};

/// `count` tiles of equal size in rows, as square a grid as the frame's shape allows for 16:9 pictures; the
/// last row is centred. Sizes are even, inside `width`×`height`.
std::vector<Tile> grid (size_t count, int width, int height);

} // namespace lk::gst
