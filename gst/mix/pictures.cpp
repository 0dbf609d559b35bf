#include "mix/pictures.hpp"

#include "media/row.hpp"
#include "participant/errors.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

constexpr int kWidth = 1280, kHeight = 720, kRate = 30;
constexpr GstClockTime kSettled = GST_SECOND; ///< the server is asked for another size no sooner
constexpr glong kLongestName = 40;
enum { kZMain = 1, kZOthers = 2, kZByHand = 100 };

/// What can be written on one line: names are other people's, and the overlay takes markup.
std::string
written (const ParticipantInfo &who) {
  const std::string &raw = who.name.empty () ? who.identity : who.name;
  CString valid (g_utf8_make_valid (raw.c_str (), gssize (raw.size ())));
  std::string line;
  const char *at = valid.get ();
  for (glong count = 0; *at && count < kLongestName; count++) {
    const char *next = g_utf8_next_char (at);
    line += g_unichar_isprint (g_utf8_get_char (at)) ? std::string (at, next) : " ";
    at = next;
  }
  return CString (g_markup_escape_text (line.c_str (), gssize (line.size ()))).get ();
}

void
set_input (GstPad *input, const Tile &tile, double alpha, guint zorder) {
  gint x = 0, y = 0, width = 0, height = 0;
  gdouble was_alpha = 0;
  guint was_zorder = 0;
  g_object_get (input, "xpos", &x, "ypos", &y, "width", &width, "height", &height, "alpha", &was_alpha,
                "zorder", &was_zorder, nullptr);
  if (was_alpha != alpha) g_object_set (input, "alpha", alpha, nullptr);
  if (tile.width > 0 && Tile{ x, y, width, height } != tile)
    g_object_set (input, "xpos", tile.x, "ypos", tile.y, "width", tile.width, "height", tile.height, nullptr);
  if (was_zorder != zorder) g_object_set (input, "zorder", zorder, nullptr);
}

} // namespace

// The base is hidden: only its times count, and the mixer paints the background.
const char *const PictureMix::kDescription
    = "compositor name=mixer background=black ignore-inactive-pads=true start-time-selection=first "
      "sink_0::alpha=0 ! capsfilter name=size ! videoconvert ! videoscale name=out "
      "videotestsrc name=base is-live=true pattern=black ! capsfilter name=base-rate ! mixer.sink_0";

/// What downstream wants, and where it leaves a choice, our default.
void
PictureMix::choose_format (GstPad *peer) {
  auto wanted = Ref<GstCaps>::adopt (gst_pad_query_caps (peer, nullptr));
  auto any = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("video/x-raw"));
  auto possible
      = Ref<GstCaps>::adopt (gst_caps_intersect_full (any.get (), wanted.get (), GST_CAPS_INTERSECT_FIRST));
  int width = kWidth, height = kHeight, rate_n = kRate, rate_d = 1;
  if (!gst_caps_is_empty (possible.get ())) {
    auto fixed = Ref<GstCaps>::adopt (gst_caps_truncate (gst_caps_copy (possible.get ())));
    auto *s = gst_caps_get_structure (fixed.get (), 0);
    for (auto [field, value] : { std::pair ("width", kWidth), std::pair ("height", kHeight) }) {
      if (!gst_structure_has_field (s, field))
        gst_structure_set (s, field, GST_TYPE_INT_RANGE, 1, G_MAXINT, nullptr);
      gst_structure_fixate_field_nearest_int (s, field, value);
    }
    if (!gst_structure_has_field (s, "framerate"))
      gst_structure_set (s, "framerate", GST_TYPE_FRACTION, kRate, 1, nullptr);
    gst_structure_fixate_field_nearest_fraction (s, "framerate", kRate, 1);
    gst_structure_get_int (s, "width", &width);
    gst_structure_get_int (s, "height", &height);
    gst_structure_get_fraction (s, "framerate", &rate_n, &rate_d);
    if (rate_n <= 0) rate_n = kRate, rate_d = 1;
  }
  auto size = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "video/x-raw", "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION,
      rate_n, rate_d, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr));
  g_object_set (part ("size").get (), "caps", size.get (), nullptr);
  auto base = Ref<GstCaps>::adopt (
      gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, 16, "height",
                           G_TYPE_INT, 16, "framerate", GST_TYPE_FRACTION, rate_n, rate_d, nullptr));
  g_object_set (part ("base-rate").get (), "caps", base.get (), nullptr);
  std::lock_guard guard (stage_);
  width_ = width;
  height_ = height;
  half_a_frame_ = gst_util_uint64_scale (GST_SECOND, guint64 (rate_d), 2 * guint64 (rate_n));
}

Ref<GstElement>
PictureMix::make_tail (const session::RemoteTrack &) {
  if (!settings ().show_names) return {};
  auto *text = gst_element_factory_make ("textoverlay", "text");
  if (!text) {
    post_warning (src (), { Errc::MissingElement, Retry::Never,
                            "names are not shown: the element textoverlay is missing (Debian and Ubuntu: "
                            "gstreamer1.0-x, elsewhere the plugin pango of gst-plugins-base)" });
    return {};
  }
  auto overlay = Ref<GstElement>::sink (text);
  gst_util_set_object_arg (G_OBJECT (text), "valignment", "bottom");
  gst_util_set_object_arg (G_OBJECT (text), "halignment", "left");
  g_object_set (text, "shaded-background", TRUE, "font-desc", "Sans 18", nullptr);
  auto tail = Ref<GstElement>::sink (gst_bin_new (nullptr));
  gst_bin_add (GST_BIN (tail.get ()), text);
  for (auto [inner, outer] : { std::pair ("video_sink", "sink"), std::pair ("src", "src") }) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (text, inner));
    gst_element_add_pad (tail.get (), gst_ghost_pad_new (outer, pad.get ()));
  }
  return tail;
}

void
PictureMix::prepare_input (GstPad *input) {
  gst_util_set_object_arg (G_OBJECT (input), "sizing-policy", "keep-aspect-ratio");
  g_object_set (input, "alpha", 0.0, nullptr); // until arrange() has found a place
  // The mixer shows what begins before a frame of its own ends, so up to a frame early: half a frame either
  // way is nearer to the sound.
  gst_pad_set_offset (input, half_a_frame ());
}

GstClockTimeDiff
PictureMix::half_a_frame () const {
  std::lock_guard guard (stage_);
  return GstClockTimeDiff (half_a_frame_);
}

Tile
PictureMix::frame () const {
  std::lock_guard guard (stage_);
  return { 0, 0, width_, height_ };
}

void
PictureMix::arrange () {
  const auto settings = this->settings ();
  const auto wishes = wanted ();
  const auto now = monotonic ();
  const auto frame = this->frame ();
  std::vector<Picture> pictures;
  for (auto &branch : branches ()) {
    const auto &track = branch.track->track ();
    Picture picture{ branch, track->participant ().identity, track->info (), {} };
    if (auto it = wishes.find (picture.identity); it != wishes.end ()) picture.wish = it->second;
    pictures.push_back (std::move (picture));
  }
  Row row;
  for (auto &picture : pictures) {
    const auto &wish = picture.wish;
    if (is_excluded (settings, picture.identity) || wish.place == GST_LIVEKIT_PLACE_HIDDEN) continue;
    if (!wish.placed_by_hand () && wish.place == GST_LIVEKIT_PLACE_AUTO) {
      row.push_back (&picture);
      continue;
    }
    picture.tile = wish.placed_by_hand () ? Tile{ wish.xpos, wish.ypos, wish.width, wish.height }
                                          : tile_at (wish.place, frame.width, frame.height);
    picture.zorder = kZByHand;
    picture.shown = true;
  }
  lay_out (std::move (row), settings, now);
  for (const auto &picture : pictures) {
    const double alpha = picture.shown && !picture.blank () ? picture.wish.alpha : 0;
    const guint zorder = picture.wish.zorder >= 0 ? guint (picture.wish.zorder) : picture.zorder;
    set_input (picture.branch.input.get (), picture.tile, alpha, zorder);
    rename (picture);
    tell_demand (picture, settings.adapt, now);
  }
}

/// Gives the pictures of the layout their tiles; who finds no room stays hidden.
void
PictureMix::lay_out (Row row, const MixSettings &settings, GstClockTime now) {
  const auto frame = this->frame ();
  auto layout = settings.layout;
  Picture *main = has_main (layout) ? main_of (row, layout, settings.focus, now) : nullptr;
  if (has_main (layout) && !main) layout = GST_LIVEKIT_LAYOUT_GRID;
  if (main) {
    auto at = std::find (row.begin (), row.end (), main);
    std::rotate (row.begin (), at, at + 1);
  }
  const auto tiles = tiles_of (layout, row.size (), frame.width, frame.height);
  if (main && tiles.size () < row.size ()) {
    // Those who spoke last, in the order of arrival.
    auto heard = [&] (const Picture *picture) {
      std::lock_guard guard (stage_);
      return floor_.last_heard (picture->identity, now);
    };
    std::vector<std::pair<GstClockTime, Picture *>> others;
    for (auto it = row.begin () + 1; it != row.end (); ++it)
      others.emplace_back (heard (*it), *it);
    std::stable_sort (others.begin (), others.end (),
                      [] (const auto &a, const auto &b) { return a.first > b.first; });
    others.resize (tiles.size () - 1);
    std::sort (others.begin (), others.end (),
               [] (const auto &a, const auto &b) { return a.second->branch.order < b.second->branch.order; });
    row.resize (1);
    for (const auto &[when, picture] : others)
      row.push_back (picture);
  }
  for (size_t i = 0; i < std::min (tiles.size (), row.size ()); i++) {
    row[i]->tile = tiles[i];
    row[i]->zorder = row[i] == main ? kZMain : kZOthers;
    row[i]->shown = true;
  }
}

/// Whom the layout shows large. Null: nobody in particular.
PictureMix::Picture *
PictureMix::main_of (const Row &row, GstLiveKitLayout layout, const std::string &focus, GstClockTime now) {
  auto best_of = [&] (const std::string &identity) {
    Picture *best = nullptr;
    for (auto *picture : row)
      if (picture->identity == identity && (!best || (best->blank () && !picture->blank ()))) best = picture;
    return best;
  };
  if (!focus.empty ())
    if (auto *chosen = best_of (focus)) return chosen;
  if (layout == GST_LIVEKIT_LAYOUT_SCREEN_SHARE) {
    Picture *share = nullptr; // the newest
    for (auto *picture : row)
      if (picture->info.source == TrackSource::ScreenShare && !picture->blank ()) share = picture;
    return share;
  }
  std::vector<std::string> visible;
  for (const auto *picture : row)
    if (!picture->blank ()) visible.push_back (picture->identity);
  if (visible.empty ()) return row.empty () ? nullptr : row.front ();
  std::string holder;
  {
    std::lock_guard guard (stage_);
    holder = floor_.holder (visible, now);
  }
  return best_of (holder);
}

void
PictureMix::rename (const Picture &picture) {
  if (!picture.branch.tail) return;
  auto text = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (picture.branch.tail.get ()), "text"));
  const auto name = written (picture.branch.track->track ()->participant ());
  gchar *shown = nullptr;
  g_object_get (text.get (), "text", &shown, nullptr);
  if (name != CString (shown ? shown : g_strdup ("")).get ())
    g_object_set (text.get (), "text", name.c_str (), nullptr);
}

/// Tells the server what is seen of a track, so that no more is sent and decoded.
void
PictureMix::tell_demand (const Picture &picture, bool adapt, GstClockTime now) {
  const auto &track = picture.branch.track->track ();
  session::Demand demand;
  {
    std::lock_guard guard (stage_);
    if (adapt) {
      // Who begins to speak may be shown soon: the picture should be there by then.
      demand.enabled = picture.shown || floor_.speaks (picture.identity);
      const auto seen = fitted (picture.tile, picture.info.width, picture.info.height);
      if (picture.shown) {
        demand.width = uint32_t (seen.width);
        demand.height = uint32_t (seen.height);
      }
    }
    auto it = told_.find (track.get ());
    if (it != told_.end () && (it->second.first == demand || now < it->second.second + kSettled)) return;
    told_[track.get ()] = { demand, now };
  }
  track->set_demand (this, demand);
  if (!find (track.get ())) withdraw_demand (*track); // it went meanwhile
}

void
PictureMix::withdraw_demand (session::RemoteTrack &track) {
  track.set_demand (this, std::nullopt);
  std::lock_guard guard (stage_);
  told_.erase (&track);
}

void
PictureMix::track_gone (const Branch &branch) {
  withdraw_demand (*branch.track->track ());
  g_object_set (branch.input.get (), "alpha", 0.0, nullptr);
}

void
PictureMix::heard (const session::ActiveSpeakers &speakers) {
  const auto now = monotonic ();
  std::lock_guard guard (stage_);
  for (const auto &entry : speakers.changed)
    floor_.heard (entry.identity, entry.level, entry.active, now);
}

void
PictureMix::left (const std::string &identity) {
  std::lock_guard guard (stage_);
  floor_.left (identity);
}

void
PictureMix::tick () {
  // Speakers take their turns, and demands that had to wait, with the time that passes.
  apply ();
}

void
PictureMix::complete (const std::string &identity, MixChildSettings &settings) const {
  if (settings.placed_by_hand ()) return;
  for (const auto &branch : branches ()) {
    if (branch.track->track ()->participant ().identity != identity) continue;
    g_object_get (branch.input.get (), "xpos", &settings.xpos, "ypos", &settings.ypos, "width",
                  &settings.width, "height", &settings.height, nullptr);
    return;
  }
}

} // namespace lk::gst
