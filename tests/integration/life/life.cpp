// Lives of our elements on a real server, in one process. Prints what the process holds after each round;
// life_test.py is the other end and judges.
//
//   lk-life starts N PIPELINE    N times PLAYING, until both ends flow, NULL
//   lk-life pads N PIPELINE      a pad of the livekitsink "sink" comes, is published, goes: N times on one
//   connection
//
// The connection comes from the environment. "Flow" is: each fakesink has had kEnough buffers, and each pad
// of "sink" has sent as many packets.
#include "usage.hpp"

#include "base/ref.hpp"
#include "fakes/chaos.hpp"

#include <gst/gst.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

namespace {

using namespace lk;

constexpr guint64 kEnough = 5;
constexpr gint64 kPatienceUs = 60 * G_USEC_PER_SEC;

[[noreturn]] void
give_up (const std::string &why) {
  fprintf (stderr, "%s\n", why.c_str ());
  _exit (1); // threads are at work
}

/// Looks every 5 ms; errors on the bus end the program.
void
await (GstElement *pipeline, const char *what, const std::function<bool ()> &happened) {
  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline));
  const gint64 end = g_get_monotonic_time () + kPatienceUs;
  while (!happened ()) {
    auto message = Ref<GstMessage>::adopt (gst_bus_timed_pop (bus.get (), 5 * GST_MSECOND));
    if (message && GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR) {
      g_autoptr (GError) error = nullptr;
      gst_message_parse_error (message.get (), &error, nullptr);
      give_up (std::string ("error: ") + error->message);
    }
    if (g_get_monotonic_time () > end) give_up (std::string ("not within a minute: ") + what);
  }
}

bool
sends (GstPad *pad) {
  g_autoptr (GstStructure) stats = nullptr;
  g_object_get (pad, "stats", &stats, nullptr);
  guint64 packets = 0;
  return stats && gst_structure_get_uint64 (stats, "packets-sent", &packets) && packets >= kEnough;
}

bool
all_send (GstElement *sink) {
  bool all = true;
  gst_element_foreach_sink_pad (
      sink,
      [] (GstElement *, GstPad *pad, gpointer data) -> gboolean {
        return *static_cast<bool *> (data) = sends (pad);
      },
      &all);
  return all;
}

/// "buffers" counts; "seen" is what fakesink's last-sample cannot tell.
struct Receivers {
  explicit Receivers (GstElement *pipeline) {
    auto *elements = gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline), "fakesink");
    const auto count = [] (const GValue *value, gpointer data) {
      auto &self = *static_cast<Receivers *> (data);
      auto *element = GST_ELEMENT (g_value_get_object (value));
      auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element, "sink"));
      auto &counter = self.counters[self.size++ % std::size (self.counters)];
      gst_pad_add_probe (
          pad.get (), GST_PAD_PROBE_TYPE_BUFFER,
          [] (GstPad *, GstPadProbeInfo *, gpointer seen) {
            ++*static_cast<std::atomic<guint64> *> (seen);
            return GST_PAD_PROBE_OK;
          },
          &counter, nullptr);
    };
    gst_iterator_foreach (elements, count, this);
    gst_iterator_free (elements);
  }
  bool
  all_have () const {
    for (size_t i = 0; i < size; ++i)
      if (counters[i] < kEnough) return false;
    return true;
  }

  std::atomic<guint64> counters[8]{};
  size_t size = 0;
};

Ref<GstElement>
parse (const char *text) {
  g_autoptr (GError) error = nullptr;
  auto parsed = Ref<GstElement>::sink (gst_parse_launch (text, &error));
  if (error) give_up (error->message);
  if (GST_IS_PIPELINE (parsed.get ())) return parsed;
  auto pipeline = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline.get ()), parsed.get ());
  return pipeline;
}

void
play (GstElement *pipeline) {
  if (gst_element_set_state (pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    give_up ("does not start");
}

void
starts (int rounds, const char *text) {
  for (int round = 0; round < rounds; ++round) {
    auto pipeline = parse (text);
    auto sink = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline.get ()), "sink"));
    Receivers receivers (pipeline.get ());
    play (pipeline.get ());
    await (pipeline.get (), "media both ways",
           [&] { return receivers.all_have () && all_send (sink.get ()); });
    gst_element_set_state (pipeline.get (), GST_STATE_NULL);
    pipeline.reset ();
    sink.reset ();
    lk::test::print_usage (round);
  }
}

/// Blocked in all threads, see main().
void
await_signal () {
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGUSR1);
  const timespec patience{ kPatienceUs / G_USEC_PER_SEC, 0 };
  if (sigtimedwait (&set, nullptr, &patience) != SIGUSR1) give_up ("no signal within a minute");
}

void
pads (int rounds, bool in_turns, const char *text) {
  auto pipeline = parse (text);
  auto sink = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline.get ()), "sink"));
  play (pipeline.get ());
  // A live source that joins a pipeline on its way has no clock yet, and runs free.
  await (pipeline.get (), "PLAYING", [&] {
    return gst_element_get_state (pipeline.get (), nullptr, nullptr, 0) == GST_STATE_CHANGE_SUCCESS;
  });
  for (int round = 0; round < rounds; ++round) {
    const bool audio = round % 2 == 0;
    g_autoptr (GError) error = nullptr;
    const auto tone = "audiotestsrc is-live=true freq=" + std::to_string (400 + 50 * round);
    auto source = Ref<GstElement>::sink (gst_parse_bin_from_description (
        audio ? tone.c_str ()
              : "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=160,height=120",
        TRUE, &error));
    if (error) give_up (error->message);
    auto pad
        = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink.get (), audio ? "audio_%u" : "video_%u"));
    gst_bin_add (GST_BIN (pipeline.get ()), source.get ());
    auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (source.get (), "src"));
    if (GST_PAD_LINK_FAILED (gst_pad_link (src.get (), pad.get ()))) give_up ("does not link");
    gst_element_sync_state_with_parent (source.get ());
    await (pipeline.get (), "packets from the new pad", [&] { return sends (pad.get ()); });
    if (in_turns) await_signal ();
    gst_element_set_locked_state (source.get (), TRUE);
    gst_element_set_state (source.get (), GST_STATE_NULL);
    gst_pad_unlink (src.get (), pad.get ());
    gst_element_release_request_pad (sink.get (), pad.get ());
    gst_bin_remove (GST_BIN (pipeline.get ()), source.get ());
    lk::test::print_usage (round);
  }
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
}

void
chaos (unsigned seed, const char *text) {
  using namespace std::chrono_literals;
  {
    auto pipeline = parse (text);
    lk::test::Chaos calls (pipeline.get (), seed, 20s);
    if (!calls.run (10s)) {
      fprintf (stderr, "hangs in %s\n", calls.stuck ().c_str ());
      abort ();
    }
    printf ("%u calls\n", calls.calls ());
    gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  }
  starts (1, text);
}

} // namespace

int
main (int argc, char **argv) {
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &set, nullptr);
  gst_init (&argc, &argv);
  if (argc != 4) give_up ("lk-life starts|pads|turns|chaos N PIPELINE");
  if (!strcmp (argv[1], "starts"))
    starts (atoi (argv[2]), argv[3]);
  else if (!strcmp (argv[1], "chaos"))
    chaos (unsigned (atoi (argv[2])), argv[3]);
  else
    pads (atoi (argv[2]), !strcmp (argv[1], "turns"), argv[3]);
  gst_deinit (); // the leaks tracer reports now
  return 0;
}
