// What tests of elements have in common: a fake session, and a pipeline that finds it.
#pragma once

#include "elements.hpp"
#include "fakes/fake_session.hpp"
#include "fakes/wait.hpp"
#include "participant/session_context.hpp"

#include <gtest/gtest.h>

namespace lk::test {

using namespace std::chrono_literals;

class PipelineCase : public testing::Test {
protected:
  void
  SetUp () override {
    session_ = std::make_shared<FakeSession> ("");
  }
  void
  TearDown () override {
    if (pipeline_) gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }

  /// A pipeline of this line; what it has under that name is given the fake session.
  Ref<GstElement>
  build (const std::string &line, const char *name) {
    GError *raw = nullptr;
    auto made = Ref<GstElement>::sink (gst_parse_launch (line.c_str (), &raw));
    const ErrorPtr error (raw);
    EXPECT_EQ (raw, nullptr) << (raw ? raw->message : "");
    pipeline_ = made;
    if (made && !GST_IS_PIPELINE (made.get ())) { // a single element is not wrapped
      pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
      gst_bin_add (GST_BIN (pipeline_.get ()), made.get ());
    }
    auto element = pipeline_ ? named (name) : nullptr;
    EXPECT_TRUE (element) << "there is no " << name << " in " << line;
    if (element) gst::find_or_announce_pool (element.get ())->put ("", session_);
    return element;
  }
  Ref<GstElement>
  named (const char *name) {
    return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), name));
  }

  /// The next message of these types from the bus, ERROR always included.
  Ref<GstMessage>
  message (GstMessageType types, std::chrono::milliseconds limit = 5s) {
    auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
    return Ref<GstMessage>::adopt (gst_bus_timed_pop_filtered (
        bus.get (), GstClockTime (limit.count ()) * GST_MSECOND, GstMessageType (types | GST_MESSAGE_ERROR)));
  }
  static bool
  is (const Ref<GstMessage> &message, GstMessageType type) {
    return message && GST_MESSAGE_TYPE (message.get ()) == type;
  }
  /// The sentence of an error or a warning, else what kind of message it is.
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

  std::shared_ptr<FakeSession> session_;
  Ref<GstElement> pipeline_;
};

} // namespace lk::test
