// Where the pictures of a mix go. Pure.
#pragma once

#include <cstddef>
#include <gst/livekit/enums.h>
#include <vector>

namespace lk::gst {

struct Tile {
  int x, y, width, height;
  bool operator== (const Tile &) const = default;
};

/// `count` tiles of equal size in rows, as square a grid as the frame's shape allows for 16:9 pictures; the
/// last row is centred. Sizes are even, inside `width`×`height`.
std::vector<Tile> grid (size_t count, int width, int height);

/// Whether the first picture has a place of its own.
bool has_main (GstLiveKitLayout layout);

/// The places of `count` pictures, the main one first where the layout has one. Fewer than `count`: the rest
/// is not shown. Tiles overlap only in picture-in-picture, where later ones lie upon the first.
std::vector<Tile> tiles_of (GstLiveKitLayout layout, size_t count, int width, int height);

/// A place that was asked for by name; neither AUTO nor HIDDEN.
Tile tile_at (GstLiveKitPlace place, int width, int height);

/// The size that a picture has in a tile which keeps its shape; of 16:9 where that is not known (0).
Tile fitted (const Tile &tile, unsigned picture_width, unsigned picture_height);

} // namespace lk::gst
