// One-way latency through a room: marks go in at one pipeline and are recognised at another, on one clock.
//
//   latency-bench --seconds 20 PUBLISH SUBSCRIBE
//
// PUBLISH contains an `identity name=mark` on raw I420 or S16LE: once a second a white frame, or a full-scale
// click in silence, takes the place of the buffer there. SUBSCRIBE contains a source called `src` whose pads
// get a fakesink without synchronisation. Prints the latencies in ms as one JSON list.
#include "base/ref.hpp"

#include <gst/gst.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

namespace {

constexpr gint64 kPeriodUs = 1'000'000;
constexpr guint8 kWhite = 235, kBright = 190, kDark = 16;
constexpr gint16 kClick = 30000, kLoud = 8000;

/// What is under way: at most one mark at a time.
class Marks {
public:
  /// True when it is time for another one.
  bool
  due () {
    std::lock_guard lock (lock_);
    gint64 now = g_get_monotonic_time ();
    if (now - sent_ < kPeriodUs) return false;
    sent_ = now;
    waiting_ = true;
    return true;
  }
  void
  seen () {
    std::lock_guard lock (lock_);
    if (!waiting_) return;
    waiting_ = false;
    latencies_.push_back (double (g_get_monotonic_time () - sent_) / 1000);
  }
  std::vector<double>
  latencies () const {
    std::lock_guard lock (lock_);
    return latencies_;
  }

private:
  mutable std::mutex lock_;
  gint64 sent_ = 0;
  bool waiting_ = false;
  std::vector<double> latencies_;
};

bool
is_video (GstPad *pad) {
  auto caps = lk::Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad));
  return caps
         && g_str_has_prefix (gst_structure_get_name (gst_caps_get_structure (caps.get (), 0)), "video/");
}

GstPadProbeReturn
put_mark (GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  bool mark = static_cast<Marks *> (data)->due ();
  auto *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GstMapInfo map;
  if (gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    if (is_video (pad)) {
      // The planes of I420: two thirds luma, then chroma.
      memset (map.data, mark ? kWhite : kDark, map.size * 2 / 3);
      memset (map.data + map.size * 2 / 3, 128, map.size - map.size * 2 / 3);
    } else {
      memset (map.data, 0, map.size);
      auto *samples = reinterpret_cast<gint16 *> (map.data);
      for (gsize i = 0; mark && i < map.size / 2; ++i)
        samples[i] = gint16 (i / 24 % 2 ? kClick : -kClick);
    }
    gst_buffer_unmap (buffer, &map);
  }
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn
look_for_mark (GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  GstMapInfo map;
  if (!gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
  bool found = false;
  if (is_video (pad)) {
    found = map.size > 0 && map.data[map.size / 3] > kBright; // the middle of the luma plane
  } else {
    auto *samples = reinterpret_cast<const gint16 *> (map.data);
    for (gsize i = 0; !found && i < map.size / 2; ++i)
      found = std::abs (samples[i]) > kLoud;
  }
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  if (found) static_cast<Marks *> (data)->seen ();
  return GST_PAD_PROBE_OK;
}

/// Raw frames as the marks need them, without waiting for the clock.
void
on_pad_added (GstElement *src, GstPad *pad, gpointer data) {
  GError *error = nullptr;
  auto *sink = gst_parse_bin_from_description (
      g_str_has_prefix (GST_PAD_NAME (pad), "video")
          ? "videoconvert ! video/x-raw,format=I420 ! fakesink sync=false async=false name=end"
          : "audioconvert ! audio/x-raw,format=S16LE ! fakesink sync=false async=false name=end",
      TRUE, &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (GST_ELEMENT_PARENT (src)), sink);
  auto end = lk::Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (sink), "end"));
  auto end_pad = lk::Ref<GstPad>::adopt (gst_element_get_static_pad (end.get (), "sink"));
  gst_pad_add_probe (end_pad.get (), GST_PAD_PROBE_TYPE_BUFFER, look_for_mark, data, nullptr);
  auto entry = lk::Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
  gst_pad_link (pad, entry.get ());
  gst_element_sync_state_with_parent (sink);
}

lk::Ref<GstElement>
make_pipeline (const char *description) {
  GError *error = nullptr;
  auto *content = gst_parse_bin_from_description (description, FALSE, &error);
  if (!content || error) {
    g_printerr ("%s\n", error ? error->message : "no pipeline");
    exit (2);
  }
  auto pipeline = lk::Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline.get ()), content);
  return pipeline;
}

} // namespace

int
main (int argc, char **argv) {
  gint seconds = 20;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "Measured time", "S" },
    { nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr },
  };
  GOptionContext *options = g_option_context_new ("PUBLISH SUBSCRIBE");
  g_option_context_add_main_entries (options, entries, nullptr);
  g_option_context_add_group (options, gst_init_get_option_group ());
  GError *error = nullptr;
  if (!g_option_context_parse (options, &argc, &argv, &error) || argc != 3) {
    g_printerr ("%s\n", error ? error->message : "PUBLISH SUBSCRIBE");
    return 2;
  }
  g_option_context_free (options);

  Marks marks;
  auto publish = make_pipeline (argv[1]), subscribe = make_pipeline (argv[2]);
  auto mark = lk::Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (publish.get ()), "mark"));
  auto src = lk::Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (subscribe.get ()), "src"));
  if (!mark || !src) {
    g_printerr ("an element called mark and one called src are needed\n");
    return 2;
  }
  auto mark_pad = lk::Ref<GstPad>::adopt (gst_element_get_static_pad (mark.get (), "src"));
  gst_pad_add_probe (mark_pad.get (), GST_PAD_PROBE_TYPE_BUFFER, put_mark, &marks, nullptr);
  g_signal_connect (src.get (), "pad-added", G_CALLBACK (on_pad_added), &marks);

  gst_element_set_state (publish.get (), GST_STATE_PLAYING);
  gst_element_set_state (subscribe.get (), GST_STATE_PLAYING);
  auto *loop = g_main_loop_new (nullptr, FALSE);
  g_timeout_add_seconds (
      guint (seconds),
      [] (gpointer data) -> gboolean {
        g_main_loop_quit (static_cast<GMainLoop *> (data));
        return G_SOURCE_REMOVE;
      },
      loop);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);

  const char *separator = "[";
  for (double latency : marks.latencies ()) {
    printf ("%s%.2f", separator, latency);
    separator = ", ";
  }
  printf ("%s]\n", *separator == '[' ? "[" : "");
  gst_element_set_state (subscribe.get (), GST_STATE_NULL);
  gst_element_set_state (publish.get (), GST_STATE_NULL);
  return 0;
}
