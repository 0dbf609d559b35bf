#include "core.hpp"

namespace lk::record {

namespace {

// Files have a minute to be finished.
constexpr Millis kLongestEnd{ 90000 };

} // namespace

Result<std::unique_ptr<Job>>
Job::make (Request request, Listener listener) {
  auto outputs = plan (request);
  if (!outputs) return outputs.error ();
  for (const auto &planned : *outputs) {
    const auto &output = planned.output;
    if (!planned.format) continue;
    const bool live = planned.format->medium == Medium::Rtmp || planned.format->medium == Medium::Srt;
    if (!live && !output.overwrite && output.location.find ('{') == std::string::npos
        && g_file_test (output.location.c_str (), G_FILE_TEST_EXISTS))
      return Error{ Errc::Settings, Retry::Never,
                    output.location + " exists: give another name, one with {time}, or --overwrite" };
    if (output.scope != Scope::Composite) continue;
    // What a composite needs is known now, so it is missed now.
    for (const auto &[wanted, name] : { std::pair (output.audio, output.encoding.audio_codec),
                                        std::pair (output.video, output.encoding.video_codec) }) {
      const Codec *codec = wanted ? find_codec (name) : nullptr;
      if (!codec) continue;
      if (auto encoder = encoder_of (*codec, output.encoding.hardware); !encoder) return encoder.error ();
    }
  }
  return std::unique_ptr<Job> (
      new Job (std::make_unique<Core> (std::move (request), std::move (*outputs), std::move (listener))));
}

Job::Job (std::unique_ptr<Core> core) : core_ (std::move (core)) {}

Job::~Job () {
  stop ();
  (void)wait (kLongestEnd);
}

void
Job::start () {
  core_->queue ()->post ([core = core_.get ()] { core->start (); });
}

void
Job::stop (std::string reason) {
  core_->queue ()->post (
      [core = core_.get (), reason = std::move (reason)] { core->end (State::Complete, reason); });
}

Status
Job::status () const {
  return core_->status ();
}

bool
Job::wait (Millis timeout) const {
  return core_->wait (timeout);
}

} // namespace lk::record
