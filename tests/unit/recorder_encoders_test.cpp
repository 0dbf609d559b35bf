// Which encoder is taken: one of hardware where it is and works, a software one otherwise.
#include "job/encoders.hpp"

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace lk;
using namespace lk::record;

namespace {

/// An encoder as its plugin registers it. Without hardware it does not leave NULL.
template <bool Works> struct Fake {
  GstElement parent;

  static void
  class_init (gpointer klass, gpointer) {
    gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "fake", "Codec/Encoder/Video", "fake",
                                           "tests");
    GST_ELEMENT_CLASS (klass)->change_state = [] (GstElement *, GstStateChange) {
      return Works ? GST_STATE_CHANGE_SUCCESS : GST_STATE_CHANGE_FAILURE;
    };
  }
  static GType
  type (const char *name) {
    return g_type_register_static_simple (GST_TYPE_ELEMENT, name, sizeof (GstElementClass), class_init,
                                          sizeof (Fake), nullptr, GTypeFlags (0));
  }
};

class RecorderEncoders : public testing::Test {
protected:
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
    broken_ = Fake<false>::type ("FakeBrokenEncoder");
    working_ = Fake<true>::type ("FakeWorkingEncoder");
  }
  /// Like a machine that has it.
  void
  install (const char *factory, GType type) {
    gst_element_register (nullptr, factory, GST_RANK_NONE, type);
    installed_.push_back (factory);
  }
  void
  TearDown () override {
    for (const char *name : installed_)
      if (auto feature
          = Ref<GstPluginFeature>::adopt (gst_registry_lookup_feature (gst_registry_get (), name)))
        gst_registry_remove_feature (gst_registry_get (), feature.get ());
  }
  static std::string
  chosen (const char *codec, bool hardware) {
    auto encoder = encoder_of (*find_codec (codec), hardware);
    return encoder ? *encoder : encoder.error ().message;
  }

  static inline GType broken_, working_;

private:
  std::vector<const char *> installed_;
};

TEST_F (RecorderEncoders, AreOfSoftwareWhereNoHardwareIs) {
  EXPECT_EQ (chosen ("h264", true), "x264enc");
  EXPECT_EQ (chosen ("h264", false), "x264enc");
}

TEST_F (RecorderEncoders, AreOfHardwareWhereItWorks) {
  install ("nvh264enc", working_);
  EXPECT_EQ (chosen ("h264", true), "nvh264enc");
  EXPECT_EQ (chosen ("vp8", true), "vp8enc");
}

TEST_F (RecorderEncoders, AreOfSoftwareWhenThatIsWanted) {
  install ("nvh264enc", working_);
  EXPECT_EQ (chosen ("h264", false), "x264enc");
}

TEST_F (RecorderEncoders, AreTheNextOnesWhereAPluginHasNoHardware) {
  install ("vah264enc", broken_);
  EXPECT_EQ (chosen ("h264", true), "x264enc");
  install ("qsvh264enc", working_);
  EXPECT_EQ (chosen ("h264", true), "qsvh264enc");
}

TEST_F (RecorderEncoders, WhatIsHeardInAacIsHeardWhenItWas) {
  auto made = make_encoder (*find_codec ("aac"), Encoding{});
  ASSERT_TRUE (made) << made.error ().message;
  GstHarness *encoder = gst_harness_new_with_element (made->get (), "sink", "src");
  gst_harness_set_src_caps_str (encoder, "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2");
  for (guint block = 0; block < 50; ++block) {
    GstBuffer *buffer = gst_buffer_new_allocate (nullptr, 960 * 4, nullptr);
    GstMapInfo map;
    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    for (guint i = 0; i < 960 * 2; ++i)
      reinterpret_cast<gint16 *> (map.data)[i]
          = block < 25 ? 0 : gint16 (16000 * std::sin (2 * G_PI * 1000 * (i / 2) / 48000));
    gst_buffer_unmap (buffer, &map);
    GST_BUFFER_PTS (buffer) = block * 20 * GST_MSECOND;
    GST_BUFFER_DURATION (buffer) = 20 * GST_MSECOND;
    gst_harness_push (encoder, buffer);
  }
  gst_harness_push_event (encoder, gst_event_new_eos ());
  GstHarness *decoder = gst_harness_new ("avdec_aac");
  ASSERT_TRUE (decoder);
  gst_harness_set_src_caps (decoder, gst_pad_get_current_caps (encoder->sinkpad));
  auto event = Ref<GstEvent>::adopt (gst_pad_get_sticky_event (encoder->sinkpad, GST_EVENT_SEGMENT, 0));
  const GstSegment *segment = nullptr;
  gst_event_parse_segment (event.get (), &segment);
  while (GstBuffer *buffer = gst_harness_try_pull (encoder)) {
    GST_BUFFER_PTS (buffer) = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
    if (GST_BUFFER_PTS_IS_VALID (buffer))
      gst_harness_push (decoder, buffer);
    else
      gst_buffer_unref (buffer); // of before the beginning
  }
  double heard = 0;
  while (GstBuffer *buffer = gst_harness_try_pull (decoder)) {
    GstMapInfo map;
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    for (guint i = 0; i < 1024 && heard == 0; ++i) // planar floats
      if (std::abs (reinterpret_cast<const float *> (map.data)[i]) > 0.1F)
        heard = double (GST_BUFFER_PTS (buffer)) / GST_SECOND + i / 48000.0;
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  EXPECT_NEAR (heard, 0.5, 0.003);
  gst_harness_teardown (decoder);
  gst_harness_teardown (encoder);
}

} // namespace
