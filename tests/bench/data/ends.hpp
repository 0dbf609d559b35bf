// The ways to a room that are compared. Each function is a whole end and returns the program's result; room,
// identity, URL and key come from the environment.
#pragma once

#include "measure.hpp"

namespace bench {

int library_receive (const Options &options);
int library_send (const Options &options);
int library_ping (const Options &options);

int elements_receive (const Options &options);
int elements_send (const Options &options);
int elements_ping (const Options &options);

/// webrtcbin with nothing of ours between it and the messages: what the others can reach at best.
int bare_receive (const Options &options);
int bare_send (const Options &options);
int bare_ping (const Options &options);

} // namespace bench
