// livekit-send: sends data to a room from a shell. Exit codes: see kExitCodes in options.cpp.
#include "sender.hpp"

#include "common/command_line.hpp"

#include <gst/gst.h>

using namespace lk;

int
main (int, char **argv) {
  cli::start ("livekit-send");
  auto options = send::parse (argv);
  if (!options) return cli::refuse (options.error ());
  if (options->show_version) return cli::show_version ();
  gst_init (nullptr, nullptr);
  return send::run (*options);
}
