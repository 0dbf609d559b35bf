// Runs a pipeline and writes to a file what comes out at each of its `fakesink`s: a header with the times of
// the buffer, then its bytes. lk/tap.py reads it. Core GStreamer only; Ctrl-C sends EOS.
#include <gst/gst.h>

#include <glib-unix.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace {

/// As lk/tap.py unpacks it: little endian, no gaps. A time that is unknown is -1.
struct Header {
  char sink[16];
  int64_t running;   ///< of the buffer, ns
  int64_t arrival;   ///< wall clock when it came, ns since 1970
  int64_t reference; ///< GstReferenceTimestampMeta "timestamp/x-unix", ns since 1970
  uint32_t flags;    ///< of the buffer
  uint32_t size;
};
static_assert (sizeof (Header) == 48);

std::mutex lock;
FILE *out = nullptr;

void
on_buffer (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer) {
  Header header{};
  g_strlcpy (header.sink, GST_ELEMENT_NAME (sink), sizeof header.sink);
  header.arrival = g_get_real_time () * 1000;
  header.running = header.reference = -1;
  header.flags = GST_BUFFER_FLAGS (buffer);
  if (GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0)) {
    const GstSegment *segment;
    gst_event_parse_segment (event, &segment);
    header.running
        = int64_t (gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)));
    gst_event_unref (event);
  }
  GstCaps *unix = gst_caps_new_empty_simple ("timestamp/x-unix");
  if (auto *meta = gst_buffer_get_reference_timestamp_meta (buffer, unix))
    header.reference = int64_t (meta->timestamp);
  gst_caps_unref (unix);

  GstMapInfo map;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) return;
  header.size = uint32_t (map.size);
  {
    std::lock_guard hold (lock);
    fwrite (&header, sizeof header, 1, out);
    fwrite (map.data, 1, map.size, out);
    fflush (out);
  }
  gst_buffer_unmap (buffer, &map);
}

gboolean
on_interrupt (gpointer pipeline) {
  gst_element_send_event (GST_ELEMENT (pipeline), gst_event_new_eos ());
  return G_SOURCE_CONTINUE;
}

/// Exit code, or -1 while it goes on.
int
handle (GstMessage *message) {
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) return 0;
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR) return -1;
  GError *error = nullptr;
  gst_message_parse_error (message, &error, nullptr);
  g_printerr ("ERROR: %s\n", error->message);
  g_error_free (error);
  return 1;
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  if (argc < 3) {
    g_printerr ("usage: lk-tap FILE PIPELINE...\n");
    return 2;
  }
  out = fopen (argv[1], "wb");
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launchv (const_cast<const gchar **> (argv + 2), &error);
  if (!out || !pipeline || error) {
    g_printerr ("ERROR: %s\n", error ? error->message : "no file or no pipeline");
    return 2;
  }
  GstIterator *sinks = gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline), "fakesink");
  gst_iterator_foreach (
      sinks,
      [] (const GValue *value, gpointer) {
        auto *sink = GST_ELEMENT (g_value_get_object (value));
        g_object_set (sink, "signal-handoffs", TRUE, "sync", FALSE, "async", FALSE, nullptr);
        g_signal_connect (sink, "handoff", G_CALLBACK (on_buffer), nullptr);
      },
      nullptr);
  gst_iterator_free (sinks);
  g_unix_signal_add (SIGINT, on_interrupt, pipeline);

  auto *loop = g_main_loop_new (nullptr, FALSE);
  int code = -1;
  auto watch = [&] (GstMessage *message) {
    code = handle (message);
    if (code >= 0) g_main_loop_quit (loop);
  };
  GstBus *bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (
      bus,
      [] (GstBus *, GstMessage *message, gpointer data) -> gboolean {
        (*static_cast<decltype (watch) *> (data)) (message);
        return G_SOURCE_CONTINUE;
      },
      &watch);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_main_loop_unref (loop);
  fclose (out);
  return code;
}
