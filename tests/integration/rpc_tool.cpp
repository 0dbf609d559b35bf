// Runs a pipeline whose element "d" answers and makes calls by its signals, as an application would:
//
//   lk-rpc PIPELINE [DESTINATION METHOD PAYLOAD]
//
// A call is answered with "you said: …", later and from another thread when its payload begins with "later",
// and with error 1234 when it is "fail". The answer to the call on the command line is printed. Core
// GStreamer only; runs until Ctrl-C.
#include <gst/gst.h>

#include <glib-unix.h>

#include <chrono>
#include <string>
#include <thread>

namespace {

GstStructure *
answer_to (const std::string &payload) {
  if (payload == "fail")
    return gst_structure_new ("answer", "code", G_TYPE_UINT, 1234u, "message", G_TYPE_STRING, "refused",
                              "data", G_TYPE_STRING, "because", nullptr);
  return gst_structure_new ("answer", "payload", G_TYPE_STRING, ("you said: " + payload).c_str (), nullptr);
}

GstStructure *
on_invoked (GstElement *element, const GstStructure *call, gpointer) {
  std::string id = gst_structure_get_string (call, "id"),
              payload = gst_structure_get_string (call, "payload");
  g_print ("called: %s %s\n", gst_structure_get_string (call, "caller"), payload.c_str ());
  if (payload.compare (0, 5, "later") != 0) return answer_to (payload);
  std::thread ([element = GST_ELEMENT (gst_object_ref (element)), id, payload] {
    std::this_thread::sleep_for (std::chrono::milliseconds (300));
    GstStructure *answer = answer_to (payload);
    gboolean taken = FALSE;
    g_signal_emit_by_name (element, "answer-rpc", id.c_str (), answer, &taken);
    g_print ("answered: %d\n", taken);
    gst_structure_free (answer);
    gst_object_unref (element);
  }).detach ();
  return nullptr;
}

void
on_reply (GstPromise *promise, gpointer) {
  gchar *text = gst_structure_to_string (gst_promise_get_reply (promise));
  g_print ("reply: %s\n", text);
  g_free (text);
  gst_promise_unref (promise);
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  if (argc != 2 && argc != 5) {
    g_printerr ("usage: lk-rpc PIPELINE [DESTINATION METHOD PAYLOAD]\n");
    return 2;
  }
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch (argv[1], &error);
  GstElement *element = pipeline && !error ? gst_bin_get_by_name (GST_BIN (pipeline), "d") : nullptr;
  if (!element) {
    g_printerr ("ERROR: %s\n", error ? error->message : "no element \"d\"");
    return 2;
  }
  g_signal_connect (element, "rpc-invoked", G_CALLBACK (on_invoked), nullptr);
  auto *loop = g_main_loop_new (nullptr, FALSE);
  g_unix_signal_add (
      SIGINT,
      [] (gpointer data) -> gboolean {
        g_main_loop_quit (static_cast<GMainLoop *> (data));
        return G_SOURCE_REMOVE;
      },
      loop);
  if (gst_element_set_state (pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    GstBus *bus = gst_element_get_bus (pipeline);
    if (GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR)) {
      gst_message_parse_error (message, &error, nullptr);
      g_printerr ("ERROR: %s\n", error->message);
    }
    return 1;
  }
  if (argc == 5) {
    gchar *id = nullptr;
    g_signal_emit_by_name (element, "perform-rpc", argv[2], argv[3], argv[4], 10000u,
                           gst_promise_new_with_change_func (on_reply, nullptr, nullptr), &id);
    g_print ("performed: %s\n", id ? id : "nothing");
    g_free (id);
  }
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (element);
  gst_object_unref (pipeline);
  g_main_loop_unref (loop);
  return 0;
}
