// Which encoder is taken: one of hardware where it is and works, a software one otherwise.
#include "job/encoders.hpp"

#include <gst/gst.h>
#include <gtest/gtest.h>

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

} // namespace
