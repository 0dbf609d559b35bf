// The elements of the plugin.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GST_ELEMENT_REGISTER_DECLARE (livekitdatasink);
GST_ELEMENT_REGISTER_DECLARE (livekitdatasrc);
GST_ELEMENT_REGISTER_DECLARE (livekitsink);
GST_ELEMENT_REGISTER_DECLARE (livekitsrc);

G_END_DECLS
