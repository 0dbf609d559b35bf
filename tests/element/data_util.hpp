// The data elements on a fake session: a pipeline with one of them, called "d".
#pragma once

#include "elements.hpp"
#include "fakes/fake_session.hpp"
#include "fakes/wait.hpp"
#include "session_context.hpp"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/livekit/livekit.h>
#include <gtest/gtest.h>

namespace lk::test {

using namespace std::chrono_literals;

class DataElement : public testing::Test {
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
    session_ = std::make_shared<FakeSession> ("");
    port_ = session_->port;
  }
  void
  TearDown () override {
    if (pipeline_) gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }

  /// The line has one element named "d".
  void
  launch (const std::string &line) {
    GError *error = nullptr;
    auto made = Ref<GstElement>::sink (gst_parse_launch (line.c_str (), &error));
    const ErrorPtr held (error);
    ASSERT_EQ (error, nullptr) << error->message;
    pipeline_ = made;
    if (!GST_IS_PIPELINE (made.get ())) { // a single element is not wrapped
      pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
      gst_bin_add (GST_BIN (pipeline_.get ()), made.get ());
    }
    element_ = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), "d"));
    ASSERT_TRUE (element_);
    gst::find_or_announce_pool (element_.get ())->put ("", session_);
  }
  Ref<GstElement>
  named (const char *name) {
    return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), name));
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

  /// The next message of these types, ERROR always included.
  Ref<GstMessage>
  message (GstMessageType types, std::chrono::milliseconds limit = 5s) {
    auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
    return Ref<GstMessage>::adopt (gst_bus_timed_pop_filtered (
        bus.get (), GstClockTime (limit.count ()) * GST_MSECOND, GstMessageType (types | GST_MESSAGE_ERROR)));
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
  static std::string
  text_of (const Ref<GstMessage> &message) {
    if (!message) return "(no message)";
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message.get (), &error, nullptr);
    else if (GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message.get (), &error, nullptr);
    else
      return GST_MESSAGE_TYPE_NAME (message.get ());
    return ErrorPtr (error)->message;
  }
  static bool
  is (const Ref<GstMessage> &message, GstMessageType type) {
    return message && GST_MESSAGE_TYPE (message.get ()) == type;
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

  std::shared_ptr<FakeSession> session_;
  std::shared_ptr<FakeDataPort> port_;
  Ref<GstElement> pipeline_, element_;
};

} // namespace lk::test
