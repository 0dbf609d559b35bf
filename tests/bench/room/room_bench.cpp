// One process under measurement: a pipeline from the command line, run for a while, its cost and its
// milestones printed as one JSON line.
//
//   room-bench --seconds 20 [--settle 3] PIPELINE
//   room-bench --encode vp8 SOURCE SINK       livekitsink's own encoder between the two, without a room
//
// Milestones, in ms since set_state(PLAYING): "connected" (the session stands), "published" (first local
// track), "first_buffer" (first buffer on any pad of livekitsrc) and "pads" (number of such pads). Cost is
// that of the seconds after `settle`: "cpu" in seconds per minute, "rss_mib", "threads".
#include "base/ref.hpp"
#include "media/encode.hpp"

#include <gst/gst.h>

#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Milestones {
  std::atomic<gint64> start{ 0 }, connected{ -1 }, published{ -1 }, first_buffer{ -1 };
  std::atomic<int> pads{ 0 };

  void
  reach (std::atomic<gint64> &milestone) {
    gint64 unset = -1;
    milestone.compare_exchange_strong (unset, g_get_monotonic_time () - start);
  }
};

double
cpu_seconds () {
  rusage usage{};
  getrusage (RUSAGE_SELF, &usage);
  auto seconds = [] (const timeval &t) { return double (t.tv_sec) + double (t.tv_usec) / 1e6; };
  return seconds (usage.ru_utime) + seconds (usage.ru_stime);
}

/// A number of /proc/self/status, e.g. "VmRSS:" in kB.
long
status_number (const char *field) {
  g_autofree gchar *text = nullptr;
  if (!g_file_get_contents ("/proc/self/status", &text, nullptr, nullptr)) return -1;
  const char *found = strstr (text, field);
  return found ? strtol (found + strlen (field), nullptr, 10) : -1;
}

GstPadProbeReturn
on_buffer (GstPad *, GstPadProbeInfo *, gpointer data) {
  auto &milestones = *static_cast<Milestones *> (data);
  milestones.reach (milestones.first_buffer);
  return GST_PAD_PROBE_REMOVE;
}

/// Every pad of the source runs decoded into a fakesink: an element that could give its media encoded must
/// not.
void
on_pad_added (GstElement *src, GstPad *pad, gpointer data) {
  auto &milestones = *static_cast<Milestones *> (data);
  ++milestones.pads;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, data, nullptr);
  auto *bin = GST_BIN (GST_ELEMENT_PARENT (src));
  GstElement *sink = gst_parse_bin_from_description (
      "capsfilter caps=audio/x-raw;video/x-raw ! fakesink sync=false async=false", TRUE, nullptr);
  gst_bin_add (bin, sink);
  gst_element_sync_state_with_parent (sink);
  auto sink_pad = lk::Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
  gst_pad_link (pad, sink_pad.get ());
}

gboolean
on_message (GstBus *, GstMessage *message, gpointer data) {
  auto *run = static_cast<std::pair<GMainLoop *, Milestones *> *> (data);
  auto &milestones = *run->second;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error (message, &error, nullptr);
    g_printerr ("%s\n", error->message);
    exit (1);
  }
  const GstStructure *s = gst_message_get_structure (message);
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ELEMENT || !s) return G_SOURCE_CONTINUE;
  if (gst_structure_has_name (s, "livekit-room-joined")) milestones.reach (milestones.connected);
  if (gst_structure_has_name (s, "livekit-local-track-published")) milestones.reach (milestones.published);
  return G_SOURCE_CONTINUE;
}

/// A description of one element alone would give that element, without a bus.
lk::Ref<GstElement>
make_plain (const char *description, GError **error) {
  GstElement *content = gst_parse_bin_from_description (description, FALSE, error);
  if (!content) return nullptr;
  auto pipeline = lk::Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline.get ()), content);
  return pipeline;
}

/// SOURCE ! the encoder that livekitsink would use ! SINK
lk::Ref<GstElement>
make_encoding (const char *source, const char *codec, const char *sink, GError **error) {
  auto encoder = lk::media::make_encode_bin ({ codec });
  if (!encoder) {
    g_printerr ("%s\n", encoder.error ().message.c_str ());
    return nullptr;
  }
  GstElement *from = gst_parse_bin_from_description (source, TRUE, error);
  GstElement *to = *error ? nullptr : gst_parse_bin_from_description (sink, TRUE, error);
  if (!from || !to) return nullptr;
  auto pipeline = lk::Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  GstElement *middle = encoder->release ();
  gst_bin_add_many (GST_BIN (pipeline.get ()), from, middle, to, nullptr);
  gst_object_unref (middle); // the bin has its own
  gst_element_link_many (from, middle, to, nullptr);
  return pipeline;
}

struct Cost {
  GMainLoop *loop;
  double cpu = 0, from = 0;
};

} // namespace

int
main (int argc, char **argv) {
  gint seconds = 20, settle = 3;
  g_autofree gchar *codec = nullptr;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "Measured time", "S" },
    { "settle", 0, 0, G_OPTION_ARG_INT, &settle, "Time before it", "S" },
    { "encode", 0, 0, G_OPTION_ARG_STRING, &codec, "Put this encoder between SOURCE and SINK", "CODEC" },
    { nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr },
  };
  GOptionContext *options = g_option_context_new ("PIPELINE");
  g_option_context_add_main_entries (options, entries, nullptr);
  g_option_context_add_group (options, gst_init_get_option_group ());
  GError *error = nullptr;
  if (!g_option_context_parse (options, &argc, &argv, &error) || argc != (codec ? 3 : 2)) {
    g_printerr ("%s\n", error ? error->message : "PIPELINE, or --encode CODEC SOURCE SINK");
    return 2;
  }
  auto pipeline = codec ? make_encoding (argv[1], codec, argv[2], &error) : make_plain (argv[1], &error);
  if (!pipeline || error) {
    g_printerr ("%s\n", error ? error->message : "no pipeline");
    return 2;
  }

  Milestones milestones;
  auto *loop = g_main_loop_new (nullptr, FALSE);
  std::pair<GMainLoop *, Milestones *> run{ loop, &milestones };
  auto bus = lk::Ref<GstBus>::adopt (gst_element_get_bus (pipeline.get ()));
  gst_bus_add_watch (bus.get (), on_message, &run);
  if (auto src = lk::Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline.get ()), "src")))
    g_signal_connect (src.get (), "pad-added", G_CALLBACK (on_pad_added), &milestones);

  milestones.start = g_get_monotonic_time ();
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  Cost cost{ loop };
  g_timeout_add_seconds (
      guint (settle),
      [] (gpointer data) -> gboolean {
        auto &c = *static_cast<Cost *> (data);
        c.cpu = cpu_seconds ();
        c.from = double (g_get_monotonic_time ()) / 1e6;
        return G_SOURCE_REMOVE;
      },
      &cost);
  g_timeout_add_seconds (
      guint (settle + seconds),
      [] (gpointer data) -> gboolean {
        g_main_loop_quit (static_cast<Cost *> (data)->loop);
        return G_SOURCE_REMOVE;
      },
      &cost);
  g_main_loop_run (loop);

  double took = double (g_get_monotonic_time ()) / 1e6 - cost.from;
  auto ms = [] (gint64 us) { return us < 0 ? -1.0 : double (us) / 1000; };
  printf ("{\"connected\": %.1f, \"published\": %.1f, \"first_buffer\": %.1f, \"pads\": %d, \"cpu\": %.3f, "
          "\"rss_mib\": %.1f, "
          "\"threads\": %ld}\n",
          ms (milestones.connected), ms (milestones.published), ms (milestones.first_buffer),
          milestones.pads.load (), (cpu_seconds () - cost.cpu) * 60 / took,
          double (status_number ("VmRSS:")) / 1024, status_number ("Threads:"));
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  return 0;
}
