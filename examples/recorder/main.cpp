// livekit-recorder: records a room into files. Exit codes: see kExitCodes in options.cpp.
#include "run.hpp"

#include "common/command_line.hpp"

#include <gst/gst.h>

using namespace lk;

int
main (int, char **argv) {
  cli::start ("livekit-recorder");
  auto options = recorder::parse (argv);
  if (!options) return cli::refuse (options.error ());
  if (options->show_version) return cli::show_version ();
  gst_init (nullptr, nullptr);
  return recorder::run (*options);
}
