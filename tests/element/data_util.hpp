// The data elements on a fake session: a pipeline with one of them, called "d".
#pragma once

#include "pipeline_case.hpp"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/livekit/livekit.h>

namespace lk::test {

class DataElement : public PipelineCase {
protected:
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
    GST_ELEMENT_REGISTER (livekitdatasink, nullptr);
    GST_ELEMENT_REGISTER (livekitdatasrc, nullptr);
    GST_ELEMENT_REGISTER (livekitsink, nullptr);
  }
  void
  SetUp () override {
    PipelineCase::SetUp ();
    port_ = session_->port;
  }
  /// The line has one element named "d".
  void
  launch (const std::string &line) {
    element_ = build (line, "d");
    ASSERT_TRUE (element_);
  }
  GstStateChangeReturn
  play (GstState state = GST_STATE_PLAYING) {
    gst_element_set_state (pipeline_.get (), state);
    return gst_element_get_state (pipeline_.get (), nullptr, nullptr, 5 * GST_SECOND);
  }

  static Ref<GstBuffer>
  buffer (const std::string &bytes) {
    if (bytes.empty ()) return Ref<GstBuffer>::adopt (gst_buffer_new ());
    return Ref<GstBuffer>::adopt (gst_buffer_new_memdup (bytes.data (), bytes.size ()));
  }
  /// Into the appsrc "in".
  GstFlowReturn
  push (Ref<GstBuffer> buffer) {
    return gst_app_src_push_buffer (GST_APP_SRC (named ("in").get ()), buffer.release ());
  }
  GstFlowReturn
  push (const std::string &bytes) {
    return push (buffer (bytes));
  }
  void
  end_of_stream () {
    gst_app_src_end_of_stream (GST_APP_SRC (named ("in").get ()));
  }

  /// The next element message of that name.
  Ref<GstMessage>
  told (const char *name, std::chrono::milliseconds limit = 5s) {
    const auto until = std::chrono::steady_clock::now () + limit;
    while (std::chrono::steady_clock::now () < until) {
      auto next = message (GST_MESSAGE_ELEMENT, 100ms);
      if (next && gst_message_has_name (next.get (), name)) return next;
    }
    return nullptr;
  }
  static std::string
  field (const Ref<GstMessage> &message, const char *name) {
    const gchar *text
        = message ? gst_structure_get_string (gst_message_get_structure (message.get ()), name) : nullptr;
    return text ? text : "";
  }
  static guint64
  number (const Ref<GstMessage> &message, const char *name) {
    guint64 value = G_MAXUINT64;
    if (message) gst_structure_get_uint64 (gst_message_get_structure (message.get ()), name, &value);
    return value;
  }
  /// A figure of the property `stats`.
  guint64
  stat (const char *name) {
    GstStructure *raw = nullptr;
    g_object_get (element_.get (), "stats", &raw, nullptr);
    const StructurePtr stats (raw);
    guint64 value = G_MAXUINT64;
    if (stats) gst_structure_get_uint64 (stats.get (), name, &value);
    return value;
  }

  std::shared_ptr<FakeDataPort> port_;
  Ref<GstElement> element_;
};

} // namespace lk::test
