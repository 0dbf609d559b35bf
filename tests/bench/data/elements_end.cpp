#include "ends.hpp"

#include "base/ref.hpp"

#include <gst/gst.h>

using namespace lk;

namespace bench {
namespace {

GstPadProbeReturn
on_buffer (GstPad *, GstPadProbeInfo *info, gpointer tally) {
  GstMapInfo map;
  if (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ)) {
    static_cast<Tally *> (tally)->heard (map.data, map.size);
    gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  }
  return GST_PAD_PROBE_OK;
}

void
put_number (GstBuffer *buffer, uint32_t number) {
  GstMapInfo map;
  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE)) return;
  bench::put_number (map.data, number);
  gst_buffer_unmap (buffer, &map);
}

struct Numbering {
  Pace pace;
  uint32_t next = 0;
};

/// The next number, in its time, into the buffer that fakesrc made.
void
on_handoff (GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
  auto &numbering = *static_cast<Numbering *> (data);
  numbering.pace.wait (numbering.next);
  put_number (buffer, numbering.next++);
}

std::string
element (const char *kind, const Options &options, const char *topic) {
  std::string text = std::string (kind) + " room=" + g_getenv ("LK_ROOM")
                     + " identity=" + g_getenv ("LK_IDENTITY") + " topic=" + topic;
  bool sink = g_str_has_suffix (kind, "sink");
  return sink ? text + " reliability=" + (options.lossy ? "lossy" : "reliable")
              : text + " name=src max-buffers=1000000";
}

class Pipeline {
public:
  explicit Pipeline (const std::string &description) {
    GError *error = nullptr;
    pipeline_ = Ref<GstElement>::sink (gst_parse_launch (description.c_str (), &error));
    if (error) g_error ("%s", error->message);
    bus_ = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
  }
  ~Pipeline () { gst_element_set_state (pipeline_.get (), GST_STATE_NULL); }

  Ref<GstElement>
  named (const char *name) {
    return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), name));
  }
  void
  listen (Tally &tally) {
    auto src = named ("src");
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (src.get (), "src"));
    gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &tally, nullptr);
  }
  bool
  join () {
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    return await ([] (GstMessage *message) {
      const auto *s = gst_message_get_structure (message);
      return s && gst_structure_has_name (s, "livekit-room-joined");
    });
  }
  bool
  await_eos () {
    return await ([] (GstMessage *message) { return GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS; });
  }

private:
  template <typename Wanted>
  bool
  await (Wanted wanted) {
    while (true) {
      auto message = Ref<GstMessage>::adopt (gst_bus_timed_pop_filtered (
          bus_.get (), GstClockTime (kPatience * GST_SECOND),
          GstMessageType (GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
      if (!message || GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR) return false;
      if (wanted (message.get ())) return true;
    }
  }

  Ref<GstElement> pipeline_;
  Ref<GstBus> bus_;
};

} // namespace

int
elements_receive (const Options &options) {
  Tally tally (options);
  Pipeline pipeline (element ("livekitdatasrc", options, "bench") + " ! fakesink sync=false async=false");
  pipeline.listen (tally);
  if (!pipeline.join ()) return 1;
  say_ready ();
  tally.await_end ();
  tally.print ();
  return 0;
}

int
elements_send (const Options &options) {
  Pipeline pipeline ("fakesrc name=source signal-handoffs=true filltype=nothing sizetype=fixed sizemax="
                     + std::to_string (options.size) + " num-buffers=" + std::to_string (options.count)
                     + " ! " + element ("livekitdatasink", options, "bench"));
  auto source = pipeline.named ("source");
  Numbering numbering{ Pace (options) };
  g_signal_connect (source.get (), "handoff", G_CALLBACK (on_handoff), &numbering);
  gst_element_set_locked_state (source.get (), TRUE);
  if (!pipeline.join ()) return 1;
  gst_element_set_locked_state (source.get (), FALSE);
  gst_element_sync_state_with_parent (source.get ());
  if (!pipeline.await_eos ()) return 1;
  numbering.pace.print ();
  return 0;
}

int
elements_ping (const Options &options) {
  Tally tally (options);
  Pipeline pipeline ("appsrc name=source is-live=true ! " + element ("livekitdatasink", options, "ping") + " "
                     + element ("livekitdatasrc", options, "echo") + " ! fakesink sync=false async=false");
  pipeline.listen (tally);
  if (!pipeline.join ()) return 1;
  auto source = pipeline.named ("source");
  return measure_round_trips (options, tally, [&] (uint32_t number) {
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, gsize (options.size), nullptr));
    put_number (buffer.get (), number);
    GstFlowReturn flow;
    g_signal_emit_by_name (source.get (), "push-buffer", buffer.get (), &flow);
  });
}

} // namespace bench
