#include "talk.hpp"

#include <algorithm>

namespace {

/// An element of the pipeline; the application lacks a package where there is none.
GstElement *
add (GstBin *bin, const char *factory, const char *name) {
  GstElement *element = gst_element_factory_make (factory, name);
  if (!element) g_error ("the element %s is not installed", factory);
  gst_bin_add (bin, element);
  return element;
}

std::string
text (const GstStructure *structure, const char *field) {
  const char *value = gst_structure_get_string (structure, field);
  return value ? value : "";
}

} // namespace

Talk::Talk (const Settings &settings) : pipeline_ (gst_pipeline_new ("talk")) {
  auto *bin = GST_BIN (pipeline_.get ());
  // Out: the microphone.
  GstElement *tone = add (bin, "audiotestsrc", "microphone"), *sink = add (bin, "livekitsink", "sink");
  g_object_set (tone, "is-live", TRUE, "freq", settings.tone_hz, "volume", 0.3, nullptr);
  g_object_set (sink, "room", settings.room.c_str (), "identity", settings.identity.c_str (), nullptr);
  gst_element_link_pads (tone, "src", sink, "audio_%u");
  // In: everybody as one sound. Both elements are in one pipeline, so they are one participant.
  GstElement *src = add (bin, "livekitsrc", "src"), *level = add (bin, "level", "meter"),
             *out = add (bin, "fakesink", "loudspeaker");
  g_object_set (level, "interval", guint64 (100 * GST_MSECOND), nullptr);
  g_object_set (out, "sync", FALSE, nullptr);
  gst_element_link_pads (src, "audio_mix", level, "sink");
  gst_element_link (level, out);

  bus_.reset (gst_element_get_bus (pipeline_.get ()));
  gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
}

Talk::~Talk () {
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
}

const Talk::View &
Talk::look () {
  while (GstMessage *message = gst_bus_pop (bus_.get ())) {
    take (message);
    gst_message_unref (message);
  }
  return view_;
}

void
Talk::take (GstMessage *message) {
  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ERROR: {
    GError *error = nullptr;
    gst_message_parse_error (message, &error, nullptr);
    view_.error = error->message;
    g_error_free (error);
    view_.over = true;
    break;
  }
  case GST_MESSAGE_EOS:
    view_.over = true;
    break;
  case GST_MESSAGE_ELEMENT: {
    const GstStructure *told = gst_message_get_structure (message);
    if (gst_structure_has_name (told, "livekit-connection-state")) {
      view_.state = text (told, "to");
    } else if (gst_structure_has_name (told, "livekit-participant-joined")) {
      change_people (told, true);
    } else if (gst_structure_has_name (told, "livekit-participant-left")) {
      change_people (told, false);
    } else if (gst_structure_has_name (told, "level")) {
      const GValue *levels = gst_structure_get_value (told, "rms");
      const auto *values = static_cast<const GValueArray *> (g_value_get_boxed (levels));
      view_.level_db = g_value_get_double (values->values);
    }
    break;
  }
  default:
    break;
  }
}

void
Talk::change_people (const GstStructure *told, bool joined) {
  const auto who = text (told, "identity");
  std::erase (view_.people, who);
  if (joined) view_.people.push_back (who);
}
