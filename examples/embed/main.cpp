// embed: livekitsink and livekitsrc inside a C++ application that has its own loop, which here draws a line
// of text.
//
//   LIVEKIT_URL=ws://… LIVEKIT_API_KEY=… LIVEKIT_API_SECRET=… embed ROOM IDENTITY [SECONDS]
#include "talk.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

volatile std::sig_atomic_t quit = 0;

std::string
draw (const Talk::View &view) {
  std::string line = view.state + " |";
  for (const auto &who : view.people)
    line += " " + who;
  // Eight steps of 6 dB are enough for a meter.
  line += " |";
  for (int step = 0; step < 8; ++step)
    line += view.level_db > -48 + 6 * step ? '#' : '.';
  return line;
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  if (argc < 3) {
    std::fputs ("usage: embed ROOM IDENTITY [SECONDS]\n", stderr);
    return 2;
  }
  const double seconds = argc > 3 ? std::atof (argv[3]) : 0;
  std::signal (SIGINT, [] (int) { quit = 1; });

  Talk::Settings settings;
  settings.room = argv[1];
  settings.identity = argv[2];
  Talk talk (settings);
  const auto begin = std::chrono::steady_clock::now ();
  std::string shown;
  while (!quit) {
    const auto frame = std::chrono::steady_clock::now () + std::chrono::milliseconds (16);
    const auto &view = talk.look ();
    if (auto line = draw (view); line != shown) {
      std::printf ("%s\n", line.c_str ());
      std::fflush (stdout);
      shown = std::move (line);
    }
    if (view.over) {
      std::printf ("over: %s\n", view.error.empty () ? "the room was left" : view.error.c_str ());
      return view.error.empty () ? 0 : 1;
    }
    if (seconds > 0 && std::chrono::steady_clock::now () - begin > std::chrono::duration<double> (seconds))
      break;
    std::this_thread::sleep_until (frame);
  }
  return 0;
}
