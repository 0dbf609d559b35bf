// Runs a pipeline as a script says, in one process, and tells what comes over its bus.
//
//   lk-driver COMMANDS PIPELINE…      COMMANDS is a file or FIFO, one command a line:
//     play | null                     the pipeline's state; "state null 12 ms" tells how long that took
//     set ELEMENT PROPERTY VALUE      as in a launch line; a pad's property is "sink_0::muted"
//     get ELEMENT PROPERTY            writes "ELEMENT PROPERTY VALUE"
//     call ELEMENT SIGNAL             an action that takes nothing and says yes or no: "ELEMENT SIGNAL TRUE"
//     answer FILE                     request-token is answered with what FILE holds; before: not at all
//
// Every message of the bus is a line: "error CODE TEXT", "warning CODE TEXT", "eos", or an element message.
#include <gst/gst.h>

#include <glib-unix.h>

#include <cstdio>
#include <mutex>
#include <string>

namespace {

GMainLoop *loop = nullptr;
GstElement *pipeline = nullptr;
std::mutex answer_lock;
std::string answer_file;

void say (const char *format, ...) G_GNUC_PRINTF (1, 2);
void
say (const char *format, ...) {
  va_list args;
  va_start (args, format);
  gchar *line = g_strdup_vprintf (format, args);
  va_end (args);
  printf ("%s\n", g_strdelimit (line, "\n", ' '));
  fflush (stdout);
  g_free (line);
}

gchar *
on_request_token (GstElement *element, gpointer) {
  say ("request-token %s", GST_ELEMENT_NAME (element));
  std::lock_guard hold (answer_lock);
  gchar *token = nullptr;
  g_file_get_contents (answer_file.c_str (), &token, nullptr, nullptr);
  return token;
}

void
tell_problem (const char *kind, GstMessage *message) {
  GError *error = nullptr;
  const GstStructure *details = nullptr;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, nullptr);
    gst_message_parse_error_details (message, &details);
  } else {
    gst_message_parse_warning (message, &error, nullptr);
    gst_message_parse_warning_details (message, &details);
  }
  const gchar *code = details ? gst_structure_get_string (details, "code") : nullptr;
  say ("%s %s %s", kind, code ? code : "-", error->message);
  g_error_free (error);
}

gboolean
on_message (GstBus *, GstMessage *message, gpointer) {
  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ERROR:
    tell_problem ("error", message);
    break;
  case GST_MESSAGE_WARNING:
    tell_problem ("warning", message);
    break;
  case GST_MESSAGE_EOS:
    say ("eos");
    break;
  case GST_MESSAGE_ELEMENT: {
    gchar *text = gst_structure_to_string (gst_message_get_structure (message));
    say ("%s", text);
    g_free (text);
    break;
  }
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

void
set_state (const char *name, GstState state) {
  const gint64 begin = g_get_monotonic_time ();
  gst_element_set_state (pipeline, state);
  say ("state %s %d ms", name, int ((g_get_monotonic_time () - begin) / 1000));
}

void
get (GObject *object, const char *element, const char *property) {
  GValue value = G_VALUE_INIT;
  g_object_get_property (object, property, &value);
  const GstStructure *fields
      = GST_VALUE_HOLDS_STRUCTURE (&value) ? gst_value_get_structure (&value) : nullptr;
  gchar *text = fields ? gst_structure_to_string (fields) : gst_value_serialize (&value);
  say ("%s %s %s", element, property, text);
  g_free (text);
  g_value_unset (&value);
}

/// `property` may be a child's: "sink_0::muted".
void
set (GstElement *element, const char *property, const char *value) {
  GObject *target = nullptr;
  GParamSpec *spec = nullptr;
  if (GST_IS_CHILD_PROXY (element)
      && gst_child_proxy_lookup (GST_CHILD_PROXY (element), property, &target, &spec)) {
    gst_util_set_object_arg (target, spec->name, value);
    g_object_unref (target);
  } else {
    gst_util_set_object_arg (G_OBJECT (element), property, value);
  }
}

void
call (GObject *object, const char *element, const char *signal) {
  gboolean yes = FALSE;
  g_signal_emit_by_name (object, signal, &yes);
  say ("%s %s %s", element, signal, yes ? "TRUE" : "FALSE");
}

void
obey (const gchar *line) {
  gchar **words = g_strsplit (line, " ", 4);
  const guint count = g_strv_length (words);
  GstElement *element = count >= 3 ? gst_bin_get_by_name (GST_BIN (pipeline), words[1]) : nullptr;
  if (g_str_equal (line, "play"))
    set_state ("playing", GST_STATE_PLAYING);
  else if (g_str_equal (line, "null"))
    set_state ("null", GST_STATE_NULL);
  else if (count == 2 && g_str_equal (words[0], "answer")) {
    std::lock_guard hold (answer_lock);
    answer_file = words[1];
  } else if (count == 4 && element && g_str_equal (words[0], "set"))
    set (element, words[2], words[3]);
  else if (count == 3 && element && g_str_equal (words[0], "get"))
    get (G_OBJECT (element), words[1], words[2]);
  else if (count == 3 && element && g_str_equal (words[0], "call"))
    call (G_OBJECT (element), words[1], words[2]);
  else
    say ("what? %s", words[0] ? words[0] : "");
  if (element) gst_object_unref (element);
  g_strfreev (words);
}

gboolean
on_command (GIOChannel *commands, GIOCondition, gpointer) {
  gchar *line = nullptr;
  gsize end = 0;
  const auto status = g_io_channel_read_line (commands, &line, nullptr, &end, nullptr);
  if (status == G_IO_STATUS_NORMAL) {
    line[end] = '\0';
    obey (line);
  }
  g_free (line);
  if (status != G_IO_STATUS_EOF) return G_SOURCE_CONTINUE;
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

gboolean
on_signal (gpointer) {
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

void
ask_us (const GValue *item, gpointer) {
  auto *element = GST_ELEMENT (g_value_get_object (item));
  if (g_signal_lookup ("request-token", G_OBJECT_TYPE (element)))
    g_signal_connect (element, "request-token", G_CALLBACK (on_request_token), nullptr);
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  if (argc < 3) return 2;
  GError *error = nullptr;
  pipeline = gst_parse_launchv (const_cast<const gchar **> (argv + 2), &error);
  if (!pipeline || error) {
    say ("no pipeline: %s", error->message);
    return 2;
  }
  if (!GST_IS_PIPELINE (pipeline)) { // a single element is not wrapped
    GstElement *one = pipeline;
    pipeline = gst_pipeline_new (nullptr);
    gst_bin_add (GST_BIN (pipeline), one);
  }
  GIOChannel *commands = g_io_channel_new_file (argv[1], "r", &error);
  if (!commands) {
    say ("no commands: %s", error->message);
    return 2;
  }
  loop = g_main_loop_new (nullptr, FALSE);
  GstBus *bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, nullptr);
  g_io_add_watch (commands, GIOCondition (G_IO_IN | G_IO_HUP), on_command, nullptr);
  g_unix_signal_add (SIGINT, on_signal, nullptr);
  if (g_getenv ("LK_DRIVER_ANSWERS")) {
    GstIterator *all = gst_bin_iterate_elements (GST_BIN (pipeline));
    gst_iterator_foreach (all, ask_us, nullptr);
    gst_iterator_free (all);
  }
  say ("ready");
  g_main_loop_run (loop);
  set_state ("null", GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_io_channel_unref (commands);
  g_main_loop_unref (loop);
  return 0;
}
