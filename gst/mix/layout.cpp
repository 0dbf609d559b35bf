#include "mix/layout.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

constexpr double kShape = 16.0 / 9; ///< of most cameras
constexpr int kStripShare = 5;      ///< a strip beside the main picture takes this part of the frame
constexpr int kInsetShare = 4;      ///< and a picture upon another that one
constexpr int kMarginShare = 40;

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

std::vector<Tile>
grid_of (size_t count, size_t columns, int width, int height) {
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

/// The main picture and, beside it (below it in a tall frame), as many of the others as there is room for.
std::vector<Tile>
strip (size_t count, int width, int height) {
  const bool wide = width >= height;
  const int tile_width = even (wide ? width / kStripShare : width / (kStripShare - 1));
  const int tile_height = even (int (tile_width / kShape));
  const int room = wide ? height / tile_height : width / tile_width;
  if (count < 2 || room < 1 || tile_width * 2 > width || tile_height * 2 > height)
    return { { 0, 0, width, height } };
  const auto shown = int (std::min (count - 1, size_t (room)));
  std::vector<Tile> tiles{ wide ? Tile{ 0, 0, width - tile_width, height }
                                : Tile{ 0, 0, width, height - tile_height } };
  const int margin = (wide ? height - shown * tile_height : width - shown * tile_width) / 2 & ~1;
  for (int i = 0; i < shown; i++)
    tiles.push_back (wide ? Tile{ width - tile_width, margin + i * tile_height, tile_width, tile_height }
                          : Tile{ margin + i * tile_width, height - tile_height, tile_width, tile_height });
  return tiles;
}

/// The main picture in the whole frame and the others small along its lower edge, from the right.
std::vector<Tile>
insets (size_t count, int width, int height) {
  std::vector<Tile> tiles{ { 0, 0, width, height } };
  auto next = tile_at (GST_LIVEKIT_PLACE_BOTTOM_RIGHT, width, height);
  const int step = next.width + (width - next.width - next.x);
  if (next.y < 0 || next.width * 2 > width || next.height * 2 > height) return tiles;
  for (; tiles.size () < count && next.x >= 0; next.x -= step)
    tiles.push_back (next);
  return tiles;
}

} // namespace

std::vector<Tile>
grid (size_t count, int width, int height) {
  if (count == 0) return {};
  size_t columns = 1;
  for (size_t n = 2; n <= count; n++)
    if (picture_width (count, n, width, height) >= picture_width (count, columns, width, height))
      columns = n; // rather beside than below each other
  return grid_of (count, columns, width, height);
}

bool
has_main (GstLiveKitLayout layout) {
  return layout != GST_LIVEKIT_LAYOUT_GRID && layout != GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE;
}

std::vector<Tile>
tiles_of (GstLiveKitLayout layout, size_t count, int width, int height) {
  if (count == 0) return {};
  switch (layout) {
  case GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE:
    return grid_of (count, width >= height ? count : 1, width, height);
  case GST_LIVEKIT_LAYOUT_SINGLE:
    return { { 0, 0, width, height } };
  case GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE:
    return insets (count, width, height);
  case GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER:
  case GST_LIVEKIT_LAYOUT_SCREEN_SHARE:
    return strip (count, width, height);
  default:
    return grid (count, width, height);
  }
}

Tile
tile_at (GstLiveKitPlace place, int width, int height) {
  const int half = width / 2 & ~1;
  const int margin = width / kMarginShare & ~1;
  const int small_width = even (width / kInsetShare), small_height = even (int (small_width / kShape));
  const int right = width - margin - small_width, bottom = height - margin - small_height;
  switch (place) {
  case GST_LIVEKIT_PLACE_LEFT:
    return { 0, 0, half, height };
  case GST_LIVEKIT_PLACE_RIGHT:
    return { half, 0, width - half, height };
  case GST_LIVEKIT_PLACE_TOP_LEFT:
    return { margin, margin, small_width, small_height };
  case GST_LIVEKIT_PLACE_TOP_RIGHT:
    return { right, margin, small_width, small_height };
  case GST_LIVEKIT_PLACE_BOTTOM_LEFT:
    return { margin, bottom, small_width, small_height };
  case GST_LIVEKIT_PLACE_BOTTOM_RIGHT:
    return { right, bottom, small_width, small_height };
  default:
    return { 0, 0, width, height };
  }
}

Tile
fitted (const Tile &tile, unsigned picture_width, unsigned picture_height) {
  const double shape
      = picture_width && picture_height ? double (picture_width) / double (picture_height) : kShape;
  Tile out = tile;
  if (double (tile.width) > double (tile.height) * shape)
    out.width = even (int (double (tile.height) * shape));
  else
    out.height = even (int (double (tile.width) / shape));
  out.x += (tile.width - out.width) / 2;
  out.y += (tile.height - out.height) / 2;
  return out;
}

} // namespace lk::gst
