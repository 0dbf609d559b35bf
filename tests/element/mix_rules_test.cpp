// What decides who is seen and heard where in a mix, without any stream.
#include "mix/channels.hpp"
#include "mix/floor.hpp"
#include "mix/layout.hpp"

#include <gtest/gtest.h>
#include <utility>

using namespace lk;
using gst::Channels, gst::Floor, gst::Tile;

namespace {

using People = std::vector<std::string>;

bool
inside (const Tile &tile, int width, int height) {
  return tile.x >= 0 && tile.y >= 0 && tile.width > 0 && tile.height > 0 && tile.x + tile.width <= width
         && tile.y + tile.height <= height;
}

bool
apart (const Tile &a, const Tile &b) {
  return a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height;
}

constexpr GstLiveKitLayout kLayouts[] = {
  GST_LIVEKIT_LAYOUT_GRID,         GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER,     GST_LIVEKIT_LAYOUT_SINGLE,
  GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE, GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE, GST_LIVEKIT_LAYOUT_SCREEN_SHARE
};

TEST (Grid, IsAsSquareAsWidePicturesLike) {
  EXPECT_TRUE (gst::grid (0, 1280, 720).empty ());
  EXPECT_TRUE (gst::grid (1, 1280, 720)[0] == (gst::Tile{ 0, 0, 1280, 720 }));
  auto two = gst::grid (2, 1280, 720);
  EXPECT_TRUE (two[0] == (gst::Tile{ 0, 0, 640, 720 }) && two[1] == (gst::Tile{ 640, 0, 640, 720 }));
  auto three = gst::grid (3, 1280, 720);
  EXPECT_TRUE (three[1] == (gst::Tile{ 640, 0, 640, 360 }));
  EXPECT_TRUE (three[2] == (gst::Tile{ 320, 360, 640, 360 })) << "the last row is centred";
  // A tall frame has them below each other.
  EXPECT_TRUE (gst::grid (2, 720, 1280)[1] == (gst::Tile{ 0, 640, 720, 640 }));
}

TEST (Grid, TilesStayInsideAndApartWhateverTheNumbers) {
  for (int width : { 2, 33, 176, 1280, 4096 })
    for (int height : { 2, 17, 144, 720, 2160 })
      for (size_t count = 1; count <= 60; count++) {
        auto tiles = gst::grid (count, width, height);
        ASSERT_EQ (tiles.size (), count);
        if (size_t (width) < 2 * count || size_t (height) < 2 * count) continue; // no room for even tiles
        for (size_t i = 0; i < count; i++) {
          const auto &t = tiles[i];
          ASSERT_TRUE (t.x >= 0 && t.y >= 0 && t.x + t.width <= width && t.y + t.height <= height)
              << count << " in " << width << "x" << height;
          for (size_t j = 0; j < i; j++) {
            const auto &o = tiles[j];
            ASSERT_TRUE (t.x >= o.x + o.width || o.x >= t.x + t.width || t.y >= o.y + o.height
                         || o.y >= t.y + t.height);
          }
        }
      }
}

TEST (Layout, TilesStayInsideAndApartWhateverTheNumbers) {
  for (auto layout : kLayouts)
    for (auto [width, height] : { std::pair (64, 64), std::pair (176, 144), std::pair (640, 360),
                                  std::pair (1280, 720), std::pair (720, 1280), std::pair (4096, 2160) })
      for (size_t count = 0; count <= 30; count++) {
        auto tiles = gst::tiles_of (layout, count, width, height);
        ASSERT_LE (tiles.size (), count);
        ASSERT_EQ (tiles.empty (), count == 0);
        for (size_t i = 0; i < tiles.size (); i++) {
          ASSERT_TRUE (inside (tiles[i], width, height))
              << layout << ": " << i << " of " << count << " in " << width << "x" << height;
          const size_t first = layout == GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE ? 1 : 0;
          for (size_t j = first; i >= first && j < i; j++)
            ASSERT_TRUE (apart (tiles[i], tiles[j]))
                << layout << ": " << j << " and " << i << " of " << count;
        }
      }
}

TEST (Layout, FramesTooSmallForMoreShowTheMainPicture) {
  for (auto layout : { GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE })
    EXPECT_EQ (gst::tiles_of (layout, 5, 2, 2), (std::vector<Tile>{ { 0, 0, 2, 2 } }));
}

TEST (Layout, AMainPictureHasTheRestBesideIt) {
  auto alone = gst::tiles_of (GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, 1, 1280, 720);
  EXPECT_EQ (alone, (std::vector<Tile>{ { 0, 0, 1280, 720 } }));
  auto three = gst::tiles_of (GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, 3, 1280, 720);
  EXPECT_EQ (three,
             (std::vector<Tile>{ { 0, 0, 1024, 720 }, { 1024, 216, 256, 144 }, { 1024, 360, 256, 144 } }));
  EXPECT_EQ (gst::tiles_of (GST_LIVEKIT_LAYOUT_SCREEN_SHARE, 3, 1280, 720), three);
  // Beside it there is room for five.
  EXPECT_EQ (gst::tiles_of (GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, 50, 1280, 720).size (), 6u);
  auto tall = gst::tiles_of (GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, 2, 720, 1280);
  EXPECT_EQ (tall, (std::vector<Tile>{ { 0, 0, 720, 1180 }, { 270, 1180, 180, 100 } }));
}

TEST (Layout, TheOthersAreNamedByWhatTheyShow) {
  EXPECT_EQ (gst::tiles_of (GST_LIVEKIT_LAYOUT_SINGLE, 7, 1280, 720),
             (std::vector<Tile>{ { 0, 0, 1280, 720 } }));
  auto beside = gst::tiles_of (GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE, 4, 1280, 720);
  EXPECT_EQ (beside[3], (Tile{ 960, 0, 320, 720 }));
  auto upon = gst::tiles_of (GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE, 3, 1280, 720);
  EXPECT_EQ (upon,
             (std::vector<Tile>{ { 0, 0, 1280, 720 }, { 928, 508, 320, 180 }, { 576, 508, 320, 180 } }));
}

TEST (Layout, NamedPlacesStandWhereTheySay) {
  EXPECT_EQ (gst::tile_at (GST_LIVEKIT_PLACE_FULL, 640, 360), (Tile{ 0, 0, 640, 360 }));
  EXPECT_EQ (gst::tile_at (GST_LIVEKIT_PLACE_LEFT, 640, 360), (Tile{ 0, 0, 320, 360 }));
  EXPECT_EQ (gst::tile_at (GST_LIVEKIT_PLACE_RIGHT, 640, 360), (Tile{ 320, 0, 320, 360 }));
  EXPECT_EQ (gst::tile_at (GST_LIVEKIT_PLACE_TOP_LEFT, 640, 360), (Tile{ 16, 16, 160, 90 }));
  EXPECT_EQ (gst::tile_at (GST_LIVEKIT_PLACE_BOTTOM_RIGHT, 640, 360), (Tile{ 464, 254, 160, 90 }));
}

TEST (Layout, APictureKeepsItsShapeInItsTile) {
  EXPECT_EQ (gst::fitted ({ 640, 0, 640, 720 }, 1280, 720), (Tile{ 640, 180, 640, 360 }));
  EXPECT_EQ (gst::fitted ({ 0, 0, 640, 360 }, 720, 1280), (Tile{ 219, 0, 202, 360 }));
  EXPECT_EQ (gst::fitted ({ 0, 0, 640, 360 }, 0, 0), (Tile{ 0, 0, 640, 360 })) << "not known: 16:9";
}

// ---- the floor

class FloorTest : public testing::Test {
protected:
  std::string
  at (double seconds) {
    return floor_.holder (room_, time (seconds));
  }
  void
  speaks (const char *who, double from, float level = 0.5f) {
    floor_.heard (who, level, true, time (from));
  }
  void
  stops (const char *who, double from) {
    floor_.heard (who, 0, false, time (from));
  }
  static GstClockTime
  time (double seconds) {
    return GstClockTime ((100 + seconds) * GST_SECOND);
  }
  Floor floor_;
  People room_{ "anna", "ben", "cleo" };
};

TEST_F (FloorTest, IsNobodysInAnEmptyRoomAndTheFirstOnesBeforeAnybodySpoke) {
  EXPECT_EQ (floor_.holder ({}, time (0)), "");
  EXPECT_EQ (at (0), "anna");
}

TEST_F (FloorTest, GoesToTheFirstSpeakerAtOnceAndNotToACough) {
  EXPECT_EQ (at (0), "anna");
  speaks ("ben", 1);
  EXPECT_EQ (at (1.1), "anna");
  EXPECT_EQ (at (1.6), "ben");
  speaks ("cleo", 2);
  stops ("cleo", 2.2);
  EXPECT_EQ (at (5), "ben");
}

TEST_F (FloorTest, IsKeptThroughABreath) {
  speaks ("ben", 0);
  EXPECT_EQ (at (1), "ben");
  stops ("ben", 5);
  speaks ("cleo", 5.1);
  EXPECT_EQ (at (5.3), "ben");
  speaks ("ben", 5.4);
  EXPECT_EQ (at (6.5), "ben");
}

TEST_F (FloorTest, ChangesWhenTheSpeakerIsSilent) {
  speaks ("ben", 0);
  at (0);
  EXPECT_EQ (at (1), "ben");
  stops ("ben", 4);
  speaks ("cleo", 4);
  EXPECT_EQ (at (4.7), "cleo");
  stops ("cleo", 5);
  EXPECT_EQ (at (60), "cleo") << "who spoke last, while nobody does";
}

TEST_F (FloorTest, DoesNotFlickerBetweenTwoWhoTalkAtOnce) {
  speaks ("ben", 0);
  int changes = 0;
  std::string last = at (0.6);
  for (double t = 1; t < 13; t += 0.1) {
    speaks ("anna", t, int (t * 10) % 2 ? 0.9f : 0.1f);
    speaks ("ben", t, int (t * 10) % 2 ? 0.1f : 0.9f);
    const auto now = at (t);
    changes += std::exchange (last, now) != now;
  }
  EXPECT_GE (changes, 1) << "the louder one gets it in the end";
  EXPECT_LE (changes, 4) << "in 12 s";
}

TEST_F (FloorTest, PassesOnWhenItsHolderGoes) {
  speaks ("ben", 0);
  at (0);
  EXPECT_EQ (at (1), "ben");
  floor_.left ("ben");
  room_ = { "anna", "cleo" };
  EXPECT_EQ (at (1.1), "anna");
}

// ---- channels

TEST (ChannelsTest, EverybodyKeepsTheChannelThroughOthersComingAndGoing) {
  Channels channels (4);
  channels.update ({ "a", "b", "c" }, {});
  EXPECT_EQ (channels.of ("a"), 0u);
  EXPECT_EQ (channels.of ("c"), 2u);
  channels.update ({ "a", "c" }, {});
  EXPECT_EQ (channels.of ("b"), std::nullopt);
  channels.update ({ "a", "c", "d" }, {});
  EXPECT_EQ (channels.of ("d"), 3u) << "b's is kept as long as there is another";
  channels.update ({ "a", "c", "d", "b" }, {});
  EXPECT_EQ (channels.of ("b"), 1u);
}

TEST (ChannelsTest, AreUsedAgainWhenAllHaveBeenTakenTheLongestFreeFirst) {
  Channels channels (3);
  channels.update ({ "a", "b", "c" }, {});
  channels.update ({ "a", "c" }, {});
  channels.update ({ "a" }, {});
  channels.update ({ "a", "d" }, {});
  EXPECT_EQ (channels.of ("d"), 1u) << "b went first";
  channels.update ({ "a", "d", "e" }, {});
  EXPECT_EQ (channels.of ("e"), 2u);
  channels.update ({ "a", "d", "e", "f" }, {});
  EXPECT_EQ (channels.of ("f"), std::nullopt) << "all are in use";
  channels.update ({ "d", "e", "f" }, {});
  EXPECT_EQ (channels.of ("f"), 0u) << "now one is free";
}

TEST (ChannelsTest, MayBePromised) {
  Channels channels (3);
  const std::map<std::string, unsigned> pinned{ { "host", 0 }, { "zed", 0 }, { "far", 99 } };
  channels.update ({ "a", "b" }, pinned);
  EXPECT_EQ (channels.of ("a"), 1u);
  channels.update ({ "a", "b", "c" }, pinned);
  EXPECT_EQ (channels.of ("c"), std::nullopt) << "the host's is not for others";
  channels.update ({ "a", "b", "host" }, pinned);
  EXPECT_EQ (channels.of ("host"), 0u);
  // Promised later, it is cleared.
  channels.update ({ "a", "host" }, { { "host", 1 } });
  EXPECT_EQ (channels.of ("host"), 1u);
  EXPECT_EQ (channels.of ("a"), 0u);
}

} // namespace
