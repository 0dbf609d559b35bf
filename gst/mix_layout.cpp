#include "mix_layout.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

constexpr double kShape = 16.0 / 9; ///< of most cameras

int
even (int size) {
  return std::max (2, size & ~1);
}

/// How large a 16:9 picture becomes in a grid of so many columns: its width.
double
picture_width (size_t count, size_t columns, int width, int height) {
  const auto rows = (count + columns - 1) / columns;
  return std::min (double (width) / double (columns), double (height) / double (rows) * kShape);
}

} // namespace

std::vector<Tile>
grid (size_t count, int width, int height) {
  if (count == 0) return {};
  size_t columns = 1;
  for (size_t n = 2; n <= count; n++)
    if (picture_width (count, n, width, height) >= picture_width (count, columns, width, height))
      columns = n; // rather beside than below each other
  const auto rows = (count + columns - 1) / columns;
  const int tile_width = even (width / int (columns)), tile_height = even (height / int (rows));
  std::vector<Tile> tiles;
  for (size_t i = 0; i < count; i++) {
    const auto row = i / columns, column = i % columns;
    const auto in_row = row + 1 < rows ? columns : count - row * columns;
    const int margin = (width - int (in_row) * tile_width) / 2 & ~1;
    tiles.push_back ({ std::max (0, margin) + int (column) * tile_width, int (row) * tile_height, tile_width,
                       tile_height });
  }
  return tiles;
}

} // namespace lk::gst
