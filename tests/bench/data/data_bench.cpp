// One end of a measurement of data, by one of the ways to a room; its findings are printed as one JSON line.
// All times are CLOCK_MONOTONIC in seconds, so that two processes compare.
//
//   data-bench receive --count N            ends after N messages, or 3 s after the last one
//   data-bench send --count N --size S [--rate R]
//   data-bench ping --count N --size S      one message at a time, each awaits its echo
//
// All take --by library|elements|webrtcbin and --lossy; room, identity, URL and key come from the
// environment, as for the elements. A message begins with its number, so that losses, repetitions and
// disorder show.
#include "ends.hpp"

#include <gst/gst.h>

#include <string_view>

using namespace bench;

namespace {

struct End {
  std::string_view by, what;
  int (*run) (const Options &options);
};
constexpr End kEnds[] = {
  { "library", "receive", library_receive }, { "library", "send", library_send },
  { "library", "ping", library_ping },       { "elements", "receive", elements_receive },
  { "elements", "send", elements_send },     { "elements", "ping", elements_ping },
  { "webrtcbin", "receive", bare_receive },  { "webrtcbin", "send", bare_send },
  { "webrtcbin", "ping", bare_ping },
};

} // namespace

int
main (int argc, char **argv) {
  Options options;
  gchar *by = nullptr;
  const GOptionEntry entries[] = {
    { "count", 0, 0, G_OPTION_ARG_INT, &options.count, "Messages", "N" },
    { "size", 0, 0, G_OPTION_ARG_INT, &options.size, "Bytes of each", "S" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &options.rate, "Messages a second; 0: as fast as they go", "R" },
    { "by", 0, 0, G_OPTION_ARG_STRING, &by, "library, elements or webrtcbin", "WAY" },
    { "lossy", 0, 0, G_OPTION_ARG_NONE, &options.lossy, "Lossy packets", nullptr },
    { nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr },
  };
  GOptionContext *context = g_option_context_new ("receive|send|ping");
  g_option_context_add_main_entries (context, entries, nullptr);
  g_option_context_add_group (context, gst_init_get_option_group ());
  GError *error = nullptr;
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 2 || options.size < 4) {
    g_printerr ("%s\n", error ? error->message : "receive, send or ping");
    return 2;
  }
  for (const auto &end : kEnds)
    if (end.by == (by ? by : "library") && end.what == argv[1]) return end.run (options);
  g_printerr ("receive, send or ping; library, elements or webrtcbin\n");
  return 2;
}
