// livekit-recorder: records a room into files. Exit codes: see kDescription in options.cpp.
#include "run.hpp"

#include <gst/gst.h>

#include <clocale>
#include <cstdio>

int
main (int, char **argv) {
  std::setlocale (LC_ALL, "");
  auto options = lk::recorder::parse (argv);
  if (!options) {
    std::fprintf (stderr, "livekit-recorder: %s\nTry livekit-recorder --help\n",
                  options.error ().message.c_str ());
    return lk::recorder::kUsage;
  }
  if (options->show_version) {
    std::puts ("livekit-recorder " LK_VERSION);
    return lk::recorder::kDone;
  }
  gst_init (nullptr, nullptr);
  return lk::recorder::run (*options);
}
