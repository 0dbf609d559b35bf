// What encoding and decoding cost by themselves: processor seconds per minute of media, for our defaults and
// for the settings they were chosen among. Nothing is paced; each row is the best of three runs, since only
// contention makes one longer.
//
//   codec-floor            all rows
//   codec-floor vp8        rows whose name contains "vp8"
#include "media/encode.hpp"
#include "media/encoders.hpp"

#include <gst/check/gstharness.h>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace lk;
using namespace lk::media;

namespace {

constexpr int kWidth = 1280, kHeight = 720, kFps = 30;
constexpr guint kPictures = 96, kBlocks = 500; // 3.2 s of pictures, 10 s of sound

struct Row {
  const char *name, *codec;
  const char *settings; ///< instead of our defaults, "property=value" pairs
  bool decode = false;
};
constexpr Row kRows[] = {
  { "opusenc: defaults", "opus", "" },
  { "opusenc: complexity 5", "opus", "complexity=5" },
  { "opusenc: complexity 0", "opus", "complexity=0" },
  { "opusenc: without FEC", "opus", "inband-fec=false" },
  { "opusdec: defaults, with continuity", "opus", "", true },
  { "vp8enc: defaults", "vp8", "" },
  { "vp8enc: cpu-used=-8", "vp8", "cpu-used=-8" },
  { "vp8enc: cpu-used=4", "vp8", "cpu-used=4" },
  { "vp8enc: cpu-used=16", "vp8", "cpu-used=16" },
  { "vp8enc: two threads", "vp8", "threads=2" },
  { "vp8enc: error-resilient", "vp8", "error-resilient=default" },
  { "vp8enc: static-threshold=100", "vp8", "static-threshold=100" },
  { "vp8dec: defaults", "vp8", "", true },
  { "vp9enc: defaults", "vp9", "" },
  { "vp9enc: cpu-used=9", "vp9", "cpu-used=9" },
  { "vp9dec: defaults", "vp9", "", true },
  { "x264enc: defaults", "h264", "" },
  { "x264enc: superfast", "h264", "speed-preset=superfast" },
  { "x264enc: two sliced threads", "h264", "threads=2 sliced-threads=true" },
  { "avdec_h264: defaults", "h264", "", true },
};

double
cpu_seconds () {
  rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  auto seconds = [] (const timeval &t) {
    return static_cast<double> (t.tv_sec) + static_cast<double> (t.tv_usec) * 1e-6;
  };
  return seconds (usage.ru_utime) + seconds (usage.ru_stime);
}

/// Colour bars with noise in one corner and a block that moves, as a camera picture has still and lively
/// parts.
Ref<GstBuffer>
picture (guint number) {
  constexpr gsize kLuma = gsize (kWidth) * kHeight;
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, kLuma * 3 / 2, nullptr));
  GstMapInfo map;
  gst_buffer_map (buffer.get (), &map, GST_MAP_WRITE);
  guint32 random = number * 2654435761u + 1;
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      guint8 &pixel = map.data[gsize (y) * kWidth + gsize (x)];
      pixel = static_cast<guint8> (40 + (x * 7 / kWidth) * 28 + y / 20);
      int block = static_cast<int> (number) * 9 % (kWidth - 200);
      if (x >= block && x < block + 200 && y > 200 && y < 400)
        pixel = static_cast<guint8> (x * 3 + y * 5 + static_cast<int> (number));
      if (x > kWidth - 160 && y > kHeight - 120)
        pixel = static_cast<guint8> ((random = random * 1664525 + 1013904223) >> 24);
    }
  std::memset (map.data + kLuma, 110, kLuma / 4);
  std::memset (map.data + kLuma * 5 / 4, 140, kLuma / 4);
  gst_buffer_unmap (buffer.get (), &map);
  GST_BUFFER_PTS (buffer.get ()) = gst_util_uint64_scale (number, GST_SECOND, kFps);
  GST_BUFFER_DURATION (buffer.get ()) = GST_SECOND / kFps;
  return buffer;
}

/// 20 ms of a voice-like mono sound: a vibrating tone with harmonics and some noise.
Ref<GstBuffer>
sound (guint number) {
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, 960 * 2, nullptr));
  GstMapInfo map;
  gst_buffer_map (buffer.get (), &map, GST_MAP_WRITE);
  auto *out = reinterpret_cast<gint16 *> (map.data);
  guint32 random = number + 1;
  for (guint i = 0; i < 960; ++i) {
    double t = (number * 960.0 + i) / 48000, phase = 2 * M_PI * (160 * t + 2 * std::sin (5 * t)), sample = 0;
    for (int k = 1; k < 12; ++k)
      sample += std::sin (k * phase) / k;
    random = random * 1664525 + 1013904223;
    out[i] = static_cast<gint16> (4000 * sample + (random >> 24));
  }
  gst_buffer_unmap (buffer.get (), &map);
  GST_BUFFER_PTS (buffer.get ()) = number * 20 * GST_MSECOND;
  GST_BUFFER_DURATION (buffer.get ()) = 20 * GST_MSECOND;
  return buffer;
}

struct Run {
  double cpu = 0;
  std::vector<Ref<GstBuffer>> output;
  Ref<GstCaps> caps;
};

Run
run (GstElement *bin, GstCaps *caps, const std::vector<Ref<GstBuffer>> &input) {
  Run result;
  GstHarness *h = gst_harness_new_with_element (bin, "sink", "src");
  gst_harness_set_src_caps (h, gst_caps_ref (caps));
  double before = cpu_seconds ();
  for (const auto &buffer : input) {
    gst_harness_push (h, gst_buffer_ref (buffer.get ()));
    while (auto out = Ref<GstBuffer>::adopt (gst_harness_try_pull (h)))
      result.output.push_back (std::move (out));
  }
  result.cpu = cpu_seconds () - before;
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (bin, "src"));
  result.caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad.get ()));
  gst_harness_teardown (h);
  return result;
}

void
measure (const Row &row) {
  const Codec &codec = *find_codec (row.codec);
  bool video = codec.kind == MediaKind::Video;
  std::vector<Ref<GstBuffer>> raw;
  for (guint i = 0; i < (video ? kPictures : kBlocks); ++i)
    raw.push_back (video ? picture (i) : sound (i));
  auto raw_caps = Ref<GstCaps>::adopt (
      gst_caps_from_string (video ? "video/x-raw,format=I420,width=1280,height=720,framerate=30/1"
                                  : "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1"));
  double minutes = (video ? kPictures / double (kFps) : kBlocks * 0.02) / 60;

  double best = 0, bits = 0;
  for (int i = 0; i < 3; ++i) {
    EncodeSpec spec;
    spec.codec = row.codec;
    spec.setup = [&row] (GstElement *encoder) {
      gchar **pairs = g_strsplit (row.settings, " ", -1);
      for (gchar **pair = pairs; *pair; ++pair)
        if (char *eq = std::strchr (*pair, '=')) {
          *eq = 0;
          gst_util_set_object_arg (G_OBJECT (encoder), *pair, eq + 1);
        }
      g_strfreev (pairs);
    };
    auto encoder = make_encode_bin (spec);
    if (!encoder) {
      std::printf ("%-40s %s\n", row.name, encoder.error ().message.c_str ());
      return;
    }
    Run result = run (encoder->get (), raw_caps.get (), raw);
    if (i == 0)
      for (const auto &frame : result.output)
        bits += 8.0 * static_cast<double> (gst_buffer_get_size (frame.get ()));
    if (row.decode) {
      auto decoder = make_decode_bin (codec);
      if (!decoder) {
        std::printf ("%-40s %s\n", row.name, decoder.error ().message.c_str ());
        return;
      }
      result = run (decoder->get (), result.caps.get (), result.output);
    }
    if (i == 0 || result.cpu < best) best = result.cpu;
  }
  std::printf ("%-40s %8.2f CPU-s/min %8.0f kbit/s\n", row.name, best / minutes, bits / minutes / 60 / 1000);
  std::fflush (stdout);
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  for (const Row &row : kRows)
    if (argc < 2 || std::strstr (row.name, argv[1])) measure (row);
}
