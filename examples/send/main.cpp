// livekit-send: sends data to a room from a shell. Exit codes: see kDescription in options.cpp.
#include "sender.hpp"

#include <gst/gst.h>

#include <clocale>
#include <cstdio>

int
main (int, char **argv) {
  std::setlocale (LC_ALL, "");
  auto options = lk::send::parse (argv);
  if (!options) {
    std::fprintf (stderr, "livekit-send: %s\nTry livekit-send --help\n", options.error ().message.c_str ());
    return lk::send::kUsage;
  }
  if (options->show_version) {
    std::puts ("livekit-send " LK_VERSION);
    return lk::send::kDone;
  }
  gst_init (nullptr, nullptr);
  return lk::send::run (*options);
}
