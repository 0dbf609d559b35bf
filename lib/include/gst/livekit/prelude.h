/* Export macro of libgstlivekit-1.0. */
#pragma once

#define GST_LIVEKIT_API extern __attribute__ ((visibility ("default")))
