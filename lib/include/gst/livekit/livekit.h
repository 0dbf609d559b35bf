/* All of libgstlivekit-1.0: enumerations, errors, access tokens. */
#pragma once

#include <gst/livekit/enums.h>
#include <gst/livekit/error.h>
#include <gst/livekit/token.h>
