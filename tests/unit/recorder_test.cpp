// The pure parts of livekit-recorder: command line, formats, plan, file names, timelines.
#include "job/names.hpp"
#include "job/plan.hpp"
#include "job/results.hpp"
#include "job/timeline.hpp"
#include "options.hpp"

#include "base/json.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace lk;
using namespace lk::record;

namespace {

Result<recorder::Options>
parse (std::vector<const char *> words) {
  g_unsetenv ("LIVEKIT_TOKEN");
  words.insert (words.begin (), "livekit-recorder");
  words.push_back (nullptr);
  return recorder::parse (const_cast<char **> (words.data ()));
}

const Format &
format (const char *name) {
  return **find_format (name, "");
}

const Codec &
codec (const char *name) {
  return *find_codec (name);
}

// ---- options

TEST (RecorderOptions, ANameTellsWhatAFileIsOf) {
  auto options = parse ({ "--room", "r", "-o", "a.mp4", "-o", "{participant}.mkv", "-o",
                          "{room}-{track}.{ext}", "-o", "srt://host:9000" });
  ASSERT_TRUE (options) << options.error ().message;
  const auto &outputs = options->request.outputs;
  ASSERT_EQ (outputs.size (), 4u);
  EXPECT_EQ (outputs[0].scope, Scope::Composite);
  EXPECT_EQ (outputs[1].scope, Scope::Participant);
  EXPECT_EQ (outputs[2].scope, Scope::Track);
  EXPECT_EQ (outputs[3].scope, Scope::Composite);
}

TEST (RecorderOptions, FilesOfTracksHaveANameWithoutBeingGivenOne) {
  auto options = parse ({ "--per-track", "--passthrough" });
  ASSERT_TRUE (options) << options.error ().message;
  ASSERT_EQ (options->request.outputs.size (), 1u);
  EXPECT_EQ (options->request.outputs[0].scope, Scope::Track);
  EXPECT_EQ (options->request.outputs[0].treatment, Treatment::Copy);
}

TEST (RecorderOptions, WhatIsSaidBesidesAPresetWins) {
  auto options = parse ({ "-o", "a.mp4", "--fps", "25", "--preset", "high", "--audio-bitrate", "96k" });
  ASSERT_TRUE (options) << options.error ().message;
  const auto &encoding = options->request.outputs[0].encoding;
  EXPECT_EQ (encoding.width, 1920u);
  EXPECT_EQ (encoding.fps, 25u);
  EXPECT_EQ (encoding.video_bps, 4000000u);
  EXPECT_EQ (encoding.audio_bps, 96000u);
}

TEST (RecorderOptions, SaysWhatIsWrong) {
  struct {
    std::vector<const char *> words;
    const char *says;
  } const cases[] = {
    { {}, "give a file name" },
    { { "-o", "a.xyz" }, "does not tell a format" },
    { { "-o", "a" }, "does not tell a format" },
    { { "-o", "{who}.mp4" }, "cannot have {who}" },
    { { "-o", "{participant.mp4" }, "without a }" },
    { { "-o", "a.mp4", "-o", "a.mp4" }, "two outputs" },
    { { "-o", "a.mp4", "--passthrough" }, "always encoded" },
    { { "-o", "a.webm", "--video-codec", "h264" }, "webm takes no H264" },
    { { "-o", "a.mp4", "--video-codec", "opus" }, "no video codec" },
    { { "-o", "a.wav", "--video-only" }, "neither sound nor pictures" },
    { { "-o", "rtmp://h/{participant}", "--segment-time", "3" }, "no segments" },
    { { "-o", "a.mp4", "--size", "1281x721" }, "even numbers" },
    { { "-o", "a.mp4", "--size", "big" }, "1280x720" },
    { { "-o", "a.mp4", "--fps", "0" }, "no number" },
    { { "-o", "a.mp4", "--preset", "best" }, "low medium high" },
    { { "-o", "a.mp4", "--max-duration", "-1" }, "no time" },
    { { "-o", "a.mp4", "--segment-time", "0.1" }, "at least a second" },
    { { "-o", "a.mp4", "--passthrough", "--encode" }, "only one" },
    { { "-o", "a.mp4", "b.mp4" }, "belongs to no option" },
    { { "-o", "a.mp4", "--format", "avi" }, "no format 'avi'" },
    { { "-o", "a.mp4", "--format", "rtmp" }, "does not go to" },
  };
  for (const auto &row : cases) {
    auto options = parse (row.words);
    ASSERT_FALSE (options) << row.says;
    EXPECT_NE (options.error ().message.find (row.says), std::string::npos) << options.error ().message;
    EXPECT_EQ (options.error ().code, Errc::Settings);
  }
}

TEST (RecorderOptions, HidesUnlessATokenDecides) {
  EXPECT_TRUE (parse ({ "-o", "a.mp4" })->request.hidden);
  EXPECT_FALSE (parse ({ "-o", "a.mp4", "--visible" })->request.hidden);
  EXPECT_FALSE (parse ({ "-o", "a.mp4", "--token", "t" })->request.hidden);
}

TEST (RecorderOptions, NumbersHaveUnits) {
  EXPECT_EQ (recorder::parse_amount ("128k"), 128000u);
  EXPECT_EQ (recorder::parse_amount ("2.5M"), 2500000u);
  EXPECT_EQ (recorder::parse_amount ("4G"), 4000000000u);
  for (const char *none : { "", "k", "-3", "3x", "1e30", "nan", "inf", "0x10" })
    EXPECT_FALSE (recorder::parse_amount (none)) << none;
  EXPECT_EQ (recorder::parse_duration ("90"), Millis (90000));
  EXPECT_EQ (recorder::parse_duration ("1.5s"), Millis (1500));
  EXPECT_EQ (recorder::parse_duration ("2h"), Millis (7200000));
  for (const char *none : { "", "h", "3d", "-1", "1 m" })
    EXPECT_FALSE (recorder::parse_duration (none)) << none;
}

// ---- formats and plan

TEST (RecorderFormats, EachIsFoundByEachOfItsEndings) {
  for (const Format &one : formats ()) {
    std::string_view endings = one.endings;
    while (!endings.empty ()) {
      const std::string ending (endings.substr (0, endings.find (' ')));
      endings.remove_prefix (std::min (endings.size (), ending.size () + 1));
      auto found = find_format ("", ending.find ("://") == ending.npos ? "some.dir/file." + ending
                                                                       : ending + "host");
      ASSERT_TRUE (found) << ending;
      EXPECT_EQ (*found, &one) << ending;
    }
  }
}

TEST (RecorderFormats, NameOnlyCodecsThatExist) {
  for (const Format &one : formats ()) {
    size_t known = 0;
    for (const Codec &c : codecs ()) {
      if (one.takes (c)) known++;
      EXPECT_TRUE (one.takes (c) || !one.copies (c)) << one.name << " " << c.name;
    }
    size_t named = 0;
    for (std::string_view list : { one.video, one.audio })
      named += list.empty () ? 0 : 1 + size_t (std::count (list.begin (), list.end (), ' '));
    EXPECT_EQ (known, named) << one.name;
  }
}

TEST (RecorderPlan, CopiesWhatTheContainerTakesAndEncodesTheRest) {
  struct {
    const char *container, *comes;
    Treatment treatment;
    const char *goes; ///< null: refused
    bool copied;
  } const cases[] = {
    { "webm", "vp8", Treatment::Auto, "vp8", true },     { "mkv", "h264", Treatment::Auto, "h264", true },
    { "mp4", "vp8", Treatment::Auto, "h264", false },    { "mp4", "vp8", Treatment::Copy, nullptr, false },
    { "mp4", "vp9", Treatment::Copy, "vp9", true },      { "mp4", "av1", Treatment::Copy, "av1", true },
    { "mp4", "h264", Treatment::Encode, "h264", false }, { "webm", "h264", Treatment::Auto, "vp8", false },
    { "webm", "h264", Treatment::Copy, nullptr, false }, { "ogg", "opus", Treatment::Copy, "opus", true },
    { "wav", "opus", Treatment::Auto, "pcm", false },    { "wav", "opus", Treatment::Copy, nullptr, false },
    { "ts", "vp8", Treatment::Auto, "h264", false },     { "hls", "opus", Treatment::Auto, "aac", false },
    { "ogg", "vp8", Treatment::Auto, nullptr, false },
  };
  for (const auto &row : cases) {
    Output output;
    output.treatment = row.treatment;
    auto way = way_of (output, format (row.container), codec (row.comes));
    const auto what = std::string (row.comes) + " into " + row.container;
    ASSERT_EQ (bool (way), row.goes != nullptr) << what;
    if (!way) continue;
    EXPECT_STREQ (way->codec->name, row.goes) << what;
    EXPECT_EQ (way->copied, row.copied) << what;
  }
}

TEST (RecorderPlan, RefusingSaysWhatToDo) {
  Output output;
  output.treatment = Treatment::Copy;
  auto way = way_of (output, format ("mp4"), codec ("vp8"));
  ASSERT_FALSE (way);
  EXPECT_NE (way.error ().message.find ("VP8 cannot be put into mp4"), std::string::npos);
  EXPECT_NE (way.error ().message.find ("leave out --passthrough"), std::string::npos);
}

TEST (RecorderPlan, ACodecThatIsGivenForAllIsNotForThoseWithoutPictures) {
  auto options = parse ({ "-o", "a.mp4", "-o", "a.m4a", "--video-codec", "h265" });
  ASSERT_TRUE (options) << options.error ().message;
  auto planned = plan (options->request);
  ASSERT_TRUE (planned) << planned.error ().message;
  EXPECT_EQ ((*planned)[0].output.encoding.video_codec, "h265");
}

TEST (RecorderPlan, EachCodecHasAContainerOfItsOwn) {
  EXPECT_STREQ (natural_format (codec ("opus"))->name, "ogg");
  EXPECT_STREQ (natural_format (codec ("vp8"))->name, "webm");
  EXPECT_STREQ (natural_format (codec ("h264"))->name, "mp4");
}

// ---- names

TEST (RecorderNames, WhatOthersChoseStaysInsideTheFolder) {
  NameFields fields;
  for (const char *evil : { "../../etc/passwd", "/abs", ".hidden", "a\nb", "C:\\x", "" }) {
    fields.participant = evil;
    const auto name = expand ("out/{participant}.mkv", fields);
    EXPECT_EQ (name.find ('/', 4), std::string::npos) << name;
    EXPECT_EQ (name.find ("out/."), std::string::npos) << name;
    EXPECT_EQ (name.find ('\n'), std::string::npos) << name;
    EXPECT_GT (name.size (), strlen ("out/.mkv")) << name;
  }
  fields.participant = std::string (5000, 'x');
  EXPECT_LT (expand ("{participant}", fields).size (), 100u);
  std::string umlauts;
  for (int i = 0; i < 100; i++)
    umlauts += "ü";
  EXPECT_TRUE (g_utf8_validate (harmless ("x" + umlauts).c_str (), -1, nullptr));
  // A name that looks like a field is not one.
  fields.participant = "{room}";
  EXPECT_EQ (expand ("{participant}", fields), "{room}");
}

TEST (RecorderNames, LaterPartsGetANumber) {
  NameFields fields;
  fields.room = "r";
  fields.part = 2;
  EXPECT_EQ (expand ("{room}.mp4", fields), "r-2.mp4");
  EXPECT_EQ (expand ("{room}-{part}.mp4", fields), "r-002.mp4");
  EXPECT_EQ (expand ("a.b/{room}", fields), "a.b/r-2");
}

TEST (RecorderNames, ANameIsGivenOnce) {
  std::set<std::string> taken{ "a.mp4", "a-2.mp4" };
  EXPECT_EQ (free_name ("a.mp4", [&] (const std::string &name) { return taken.contains (name); }), "a-3.mp4");
}

// ---- timeline

constexpr GstClockTime kMs = GST_MSECOND;

TEST (RecorderTimeline, SoundHasNoHoles) {
  Timeline sound (false, 1000 * kMs, 20 * kMs);
  auto missing = sound.before (1200 * kMs);
  EXPECT_EQ (missing.from, 1000 * kMs);
  EXPECT_EQ (missing.count, 10u);
  sound.fill (missing);
  auto place = sound.place (1200 * kMs, 20 * kMs);
  EXPECT_TRUE (place.keep);
  EXPECT_EQ (place.pts, 1200 * kMs);
  // Muted: time goes on without frames.
  missing = sound.up_to (2000 * kMs, true);
  EXPECT_EQ (missing.count, 39u);
  sound.fill (missing);
  EXPECT_EQ (sound.covered (), 2000 * kMs);
  place = sound.place (1500 * kMs, 20 * kMs);
  EXPECT_TRUE (!place.keep && place.late);
}

TEST (RecorderTimeline, JitterOfTimesIsSmoothedAndSlowDriftFollowed) {
  Timeline sound (false, 0, 20 * kMs);
  GstClockTime last = 0;
  for (int i = 0; i < 50000; i++) { // 1000 s of a sender that is 200 ppm slow, with ±3 ms of jitter
    const auto exact = GstClockTime (double (i) * 20 * 1.0002 * double (kMs));
    const auto pts = exact + 3 * kMs + (i % 2 ? 3 * kMs : -3 * kMs);
    ASSERT_EQ (sound.before (pts).count, 0u) << "no silence is put in, frame " << i;
    auto place = sound.place (pts, 20 * kMs);
    ASSERT_TRUE (place.keep) << i;
    if (i > 1000) { // it has found the middle
      ASSERT_NEAR (double (place.pts - last), 20e6, 0.5e6) << i;
      ASSERT_NEAR (double (place.pts), double (exact), 8e6) << i;
    }
    last = place.pts;
  }
}

TEST (RecorderTimeline, NothingIsWrittenOutsideOfItsTime) {
  Timeline sound (false, 1000 * kMs, 20 * kMs), pictures (true, 1000 * kMs, 0);
  EXPECT_FALSE (sound.place (900 * kMs, 20 * kMs).keep);
  EXPECT_FALSE (pictures.place (999 * kMs, 0).keep);
  sound.end_at (2000 * kMs);
  pictures.end_at (2000 * kMs);
  EXPECT_FALSE (sound.place (2000 * kMs, 20 * kMs).keep);
  EXPECT_FALSE (pictures.place (2000 * kMs, 0).keep);
  auto missing = sound.up_to (5000 * kMs, true);
  EXPECT_EQ (missing.from + missing.count * missing.step, 2000 * kMs);
}

TEST (RecorderTimeline, APictureStandsInSoonForAMutedCameraAndLateForAQuietOne) {
  Timeline pictures (true, 0, 0);
  EXPECT_EQ (pictures.up_to (300 * kMs, true).count, 0u);
  EXPECT_EQ (pictures.up_to (900 * kMs, false).count, 0u);
  auto first = pictures.up_to (600 * kMs, true);
  EXPECT_EQ (first.count, 1u);
  EXPECT_EQ (first.from, 0u);
  EXPECT_TRUE (pictures.place (400 * kMs, 0).keep);
  // A shared screen that does not move.
  EXPECT_EQ (pictures.up_to (4900 * kMs, false).count, 0u);
  auto later = pictures.up_to (8000 * kMs, false);
  EXPECT_GE (later.count, 6u);
  EXPECT_GT (later.from, 400 * kMs);
  pictures.fill (later);
  // A frame of the time that was just filled is shown after what stood in; times only rise.
  auto place = pictures.place (pictures.covered () - 100 * kMs, 0);
  EXPECT_TRUE (place.keep);
  EXPECT_GT (place.pts, later.from);
  EXPECT_TRUE (pictures.place (1000 * kMs, 0).late);
}

TEST (RecorderTimeline, TheFirstPictureIsThereFromTheBeginning) {
  Timeline pictures (true, 1000 * kMs, 0);
  auto place = pictures.place (1300 * kMs, 0);
  EXPECT_TRUE (place.keep);
  EXPECT_EQ (place.pts, 1000 * kMs);
  EXPECT_EQ (pictures.place (1333 * kMs, 0).pts, 1333 * kMs);
}

// ---- results

TEST (RecorderResults, AreJsonWhateverOthersAreCalled) {
  TrackStatus track;
  track.participant = "a\"b\xff\n";
  Status status;
  status.state = State::LimitReached;
  status.tracks.push_back (track);
  FileResult file;
  file.location = "x.mp4";
  file.duration_ms = 1234;
  status.files.push_back (file);
  const auto text = to_json (status, "summary");
  EXPECT_EQ (text.find ('\n'), std::string::npos);
  auto node = parse_json (text, 65536);
  auto *object = json_object_of (node);
  ASSERT_TRUE (object) << text;
  EXPECT_EQ (json_string (object, "state"), "limit-reached");
  EXPECT_EQ (json_string (object, "event"), "summary");
  auto *files = json_array (object, "files");
  ASSERT_TRUE (files);
  EXPECT_EQ (json_int (json_array_get_object_element (files, 0), "duration_ms"), 1234);
}

} // namespace
