// livekitsrc with a mix pad on a fake session.
#pragma once

#include "livekitsrc_util.hpp"

namespace lk::test {

class Mix : public Src {
protected:
  Ref<GstPad>
  request () {
    return Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "audio_mix"));
  }
  /// A sink with the mix in it, playing.
  void
  listen (const std::string &properties = "") {
    make (properties);
    mix_ = request ();
    ASSERT_TRUE (mix_);
    drain_.link (mix_);
    play ();
  }
  static void
  expect_continuous (const std::vector<Drain::Got> &got) {
    ASSERT_FALSE (got.empty ());
    EXPECT_LT (got[0].pts, 100 * GST_MSECOND);
    for (size_t i = 1; i < got.size (); i++)
      EXPECT_NEAR (double (got[i].pts), double (got[i - 1].pts + got[i - 1].duration), 1e6) << "buffer " << i;
  }

  void
  request_pictures () {
    make ();
    mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
    ASSERT_TRUE (mix_);
  }
  /// A property of livekitsrc's children: "video_mix::them::xpos".
  gint
  number (const char *property) {
    gint value = -1;
    gst_child_proxy_get (GST_CHILD_PROXY (src_), property, &value, nullptr);
    return value;
  }
  template <typename T>
  void
  set (const char *property, T value) {
    gst_child_proxy_set (GST_CHILD_PROXY (src_), property, value, nullptr);
  }
  /// The input of the mixer itself: tracks in the order of arrival. Behind a base for the timeline.
  Ref<GstPad>
  input (int index) {
    auto mixer = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (src_), "mixer"));
    auto name = "sink_" + std::to_string (index + 1);
    return Ref<GstPad>::adopt (gst_element_get_static_pad (mixer.get (), name.c_str ()));
  }
  template <typename T>
  T
  of_input (int index, const char *property) {
    T value{};
    if (auto pad = input (index)) g_object_get (pad.get (), property, &value, nullptr);
    return value;
  }
  static bool
  eventually (const std::function<bool ()> &what) {
    return wait_until (what, 10s);
  }

  Drain drain_{ "audio/x-raw,format=S16LE,rate=48000,channels=2" };
  Ref<GstPad> mix_;
};

} // namespace lk::test
