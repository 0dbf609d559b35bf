#include "sender.hpp"

#include "common/command_line.hpp"

#include "base/ref.hpp"

#include <glib-unix.h>

#include <cstdio>
#include <iostream>
#include <thread>

namespace lk::send {

using namespace cli;

namespace {

// A line of standard input longer than this is no line.
constexpr size_t kMaxLine = 4 * 1024 * 1024;
// What may wait for the network before reading stops.
constexpr guint64 kMaxWaiting = 1024 * 1024;

const char *
mode_of (const Options &options) {
  switch (options.form) {
  case Form::Chat:
    return "chat";
  case Form::Stream:
    return options.source == Source::File ? "bytes" : "text";
  default:
    return "packet";
  }
}

std::string
joined (const std::vector<std::string> &words) {
  std::string out;
  for (const auto &word : words)
    out += (out.empty () ? "" : ",") + word;
  return out;
}

Ref<GstElement>
make_sink (const Options &options) {
  auto sink = Ref<GstElement>::sink (gst_element_factory_make ("livekitdatasink", nullptr));
  if (!sink) return nullptr;
  for (const auto &[property, value] : options.connection)
    g_object_set (sink.get (), property.c_str (), value.c_str (), nullptr);
  gst_util_set_object_arg (G_OBJECT (sink.get ()), "mode", mode_of (options));
  gst_util_set_object_arg (G_OBJECT (sink.get ()), "reliability", options.lossy ? "lossy" : "reliable");
  if (options.form == Form::Stream && options.source == Source::File)
    gst_util_set_object_arg (G_OBJECT (sink.get ()), "stream-per", "segment");
  std::string name = options.name;
  if (name.empty () && options.source == Source::File)
    name = CString (g_path_get_basename (options.content.c_str ())).get ();
  g_object_set (sink.get (), "topic", options.topic.c_str (), "destinations",
                joined (options.destinations).c_str (), "mime-type", options.mime_type.c_str (),
                "stream-name", name.c_str (), nullptr);
  if (!options.attributes.empty ()) {
    const StructurePtr attributes (gst_structure_new_empty ("attributes"));
    for (const auto &[key, value] : options.attributes)
      gst_structure_set (attributes.get (), key.c_str (), G_TYPE_STRING, value.c_str (), nullptr);
    g_object_set (sink.get (), "stream-attributes", attributes.get (), nullptr);
  }
  return sink;
}

Ref<GstBuffer>
buffer_of (const std::string &text) {
  return Ref<GstBuffer>::adopt (text.empty () ? gst_buffer_new ()
                                              : gst_buffer_new_memdup (text.data (), text.size ()));
}

/// False: the pipeline takes no more.
bool
push (GstElement *source, const std::string &text) {
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name (source, "push-buffer", buffer_of (text).get (), &flow);
  return flow == GST_FLOW_OK;
}

void
end (GstElement *source) {
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name (source, "end-of-stream", &flow);
}

/// Reads lines until the end of the input or of the pipeline.
void
send_lines (Ref<GstElement> source) {
  std::string line;
  while (line.size () <= kMaxLine && std::getline (std::cin, line))
    if (!line.empty () && !push (source.get (), line)) return;
  end (source.get ());
}

class Sender {
public:
  explicit Sender (const Options &options) : options_ (options) {}

  int
  run () {
    sink_ = make_sink (options_);
    if (!sink_) return complain ("the GStreamer element livekitdatasink is not installed", kUsage);
    std::string content = options_.content;
    const bool as_file = options_.source == Source::File && options_.form == Form::Stream;
    if (options_.source == Source::File && !as_file) {
      gchar *bytes = nullptr;
      gsize size = 0;
      GError *raw = nullptr;
      if (!g_file_get_contents (options_.content.c_str (), &bytes, &size, &raw))
        return complain (ErrorPtr (raw)->message, kNotSent);
      content.assign (bytes, size);
      g_free (bytes);
    }
    argument_ = content;
    pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
    gst_bin_add (GST_BIN (pipeline_.get ()), sink_.get ());
    if (options_.form != Form::Rpc) add_source (as_file);
    const int code = play (content);
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
    return code;
  }

private:
  void
  add_source (bool as_file) {
    source_ = gst_element_factory_make (as_file ? "filesrc" : "appsrc", nullptr);
    if (as_file)
      g_object_set (source_, "location", options_.content.c_str (), nullptr);
    else
      g_object_set (source_, "block", TRUE, "max-bytes", kMaxWaiting, nullptr);
    gst_bin_add (GST_BIN (pipeline_.get ()), source_);
    gst_element_link (source_, sink_.get ());
  }

  int
  play (const std::string &content) {
    loop_ = Ref<GMainLoop>::adopt (g_main_loop_new (nullptr, FALSE));
    auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
    gst_bus_add_watch (
        bus.get (),
        [] (GstBus *, GstMessage *message, gpointer self) -> gboolean {
          static_cast<Sender *> (self)->on_message (message);
          return G_SOURCE_CONTINUE;
        },
        this);
    const guint interrupt = g_unix_signal_add (
        SIGINT,
        [] (gpointer self) -> gboolean {
          static_cast<Sender *> (self)->finish (kNotSent);
          return G_SOURCE_CONTINUE;
        },
        this);
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    if (source_ && options_.source == Source::Lines) {
      // It may wait for a line for ever, and the program ends without it.
      std::thread (send_lines, Ref<GstElement>::retain (source_)).detach ();
    } else if (options_.form != Form::Rpc
               && !(options_.source == Source::File && options_.form == Form::Stream)) {
      push (source_, content);
      end (source_);
    }
    g_main_loop_run (loop_.get ());
    g_source_remove (interrupt);
    gst_bus_remove_watch (bus.get ());
    return code_;
  }

  void
  finish (int code) {
    if (code_ < 0) code_ = code;
    g_main_loop_quit (loop_.get ());
  }

  void
  on_message (GstMessage *message) {
    switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_EOS:
      // A room that closed ends the pipeline as well, and a warning may have said why nothing was sent.
      return finish (dropped () ? kNotSent : kDone);
    case GST_MESSAGE_ERROR:
      return finish (complain (text_of (message), code_of (message)));
    case GST_MESSAGE_WARNING:
      complain (text_of (message), 0);
      return;
    case GST_MESSAGE_ELEMENT:
      return on_element (gst_message_get_structure (message));
    default:
      return;
    }
  }

  void
  on_element (const GstStructure *s) {
    if (gst_structure_has_name (s, "livekit-room-joined") && options_.form == Form::Rpc) return call ();
    if (gst_structure_has_name (s, "livekit-rpc-response")) return answered (s);
    if (gst_structure_has_name (s, "livekit-stream-progress") && !options_.quiet) progress (s);
  }

  void
  call () {
    gchar *id = nullptr;
    g_signal_emit_by_name (sink_.get (), "perform-rpc", options_.destinations.front ().c_str (),
                           options_.method.c_str (), argument_.c_str (), options_.timeout_ms, nullptr, &id);
    const CString held (id);
    if (!id) finish (complain ("the call could not be made", kNotSent));
  }

  void
  answered (const GstStructure *s) {
    gboolean ok = FALSE;
    guint code = 0;
    gst_structure_get (s, "ok", G_TYPE_BOOLEAN, &ok, nullptr);
    if (ok) {
      std::printf ("%s\n", gst_structure_get_string (s, "payload"));
      return finish (kDone);
    }
    gst_structure_get_uint (s, "code", &code);
    const gchar *data = gst_structure_get_string (s, "data");
    finish (complain (std::to_string (code) + " " + gst_structure_get_string (s, "message")
                          + (data && *data ? std::string (": ") + data : ""),
                      kCallFailed));
  }

  static void
  progress (const GstStructure *s) {
    guint64 bytes = 0, total = 0;
    gst_structure_get_uint64 (s, "bytes", &bytes);
    const bool known = gst_structure_get_uint64 (s, "total", &total) && total > 0;
    const bool last = g_strcmp0 (gst_structure_get_string (s, "state"), "active") != 0;
    if (known)
      std::fprintf (stderr, "\r%3u %%%s", unsigned (bytes * 100 / total), last ? "\n" : "");
    else
      std::fprintf (stderr, "\r%" G_GUINT64_FORMAT " bytes%s", bytes, last ? "\n" : "");
  }

  bool
  dropped () const {
    GstStructure *raw = nullptr;
    g_object_get (sink_.get (), "stats", &raw, nullptr);
    const StructurePtr stats (raw);
    guint64 count = 0;
    return stats && gst_structure_get_uint64 (stats.get (), "dropped", &count) && count > 0;
  }

  static std::string
  text_of (GstMessage *message) {
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, nullptr);
    else
      gst_message_parse_warning (message, &error, nullptr);
    return ErrorPtr (error)->message;
  }

  /// What the element's own code says about whose fault it is.
  static int
  code_of (GstMessage *message) {
    const GstStructure *details = nullptr;
    gst_message_parse_error_details (message, &details);
    const gchar *code = details ? gst_structure_get_string (details, "code") : nullptr;
    if (!code) return kNotSent; // of another element: the file cannot be read
    for (const char *sending : { "limit-exceeded", "not-allowed" })
      if (g_str_equal (code, sending)) return kNotSent;
    return g_str_equal (code, "settings") || g_str_equal (code, "invalid-url") ? kUsage : kNoRoom;
  }

  const Options &options_;
  std::string argument_;
  Ref<GstElement> pipeline_, sink_;
  GstElement *source_ = nullptr; // the pipeline's
  Ref<GMainLoop> loop_;
  int code_ = -1;
};

} // namespace

int
run (const Options &options) {
  return Sender (options).run ();
}

} // namespace lk::send
