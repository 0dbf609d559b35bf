/* All of libgstlivekit-1.0: enumerations, errors, access tokens, what buffers carry. */
#pragma once

#include <gst/livekit/data_meta.h>
#include <gst/livekit/enums.h>
#include <gst/livekit/error.h>
#include <gst/livekit/token.h>
