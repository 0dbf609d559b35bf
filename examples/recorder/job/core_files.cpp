// What a job records: which track goes into which file of which name.
#include "core.hpp"

namespace lk::record {

namespace {

// A disk that says nothing for so long is broken.
constexpr Millis kPatience{ 5000 };

bool
is_live (const PlannedOutput &planned) {
  return planned.format && (planned.format->medium == Medium::Rtmp || planned.format->medium == Medium::Srt);
}

} // namespace

Job::Core::SeriesPtr
Job::Core::make_series (size_t output, const Format &format, NameFields subject) {
  subject.room = room_->name ();
  Series::Hooks hooks;
  const RoomClock clock = room_->clock ();
  hooks.now = [clock] { return clock.now (); };
  hooks.wall_ms = [clock] (GstClockTime running) { return clock.wall_ms (running); };
  hooks.name
      = [this] (const PlannedOutput &planned, NameFields fields) { return name_file (planned, fields); };
  hooks.on_file = [this] (const FileResult &file) { on_file (file); };
  auto series = std::make_shared<Series> (outputs_[output], format, std::move (subject), std::move (hooks));
  series_.push_back (series);
  return series;
}

Result<>
Job::Core::open_composites () {
  std::vector<std::pair<SeriesPtr, std::vector<Series::Track>>> all;
  for (size_t i = 0; i < outputs_.size (); i++) {
    const auto &planned = outputs_[i];
    if (planned.output.scope != Scope::Composite) continue;
    std::vector<Series::Track> tracks;
    for (bool video : { true, false }) {
      if (!(video ? planned.output.video : planned.output.audio)) continue;
      auto &mix = mixes_[video];
      if (!mix) {
        auto made = Tap::make (room_->pipeline (), nullptr);
        if (!made) return made.error ();
        mix = *made;
      }
      const auto &encoding = planned.output.encoding;
      auto feed = mix->encoded (*find_codec (video ? encoding.video_codec : encoding.audio_codec), encoding);
      if (!feed) return feed.error ();
      tracks.push_back ({ video ? "video" : "audio", *feed, encoding, false, nullptr });
    }
    all.emplace_back (make_series (i, *planned.format, {}), std::move (tracks));
  }
  for (auto &[series, tracks] : all) {
    for (auto &track : tracks)
      series->add (std::move (track));
  }
  began_ = room_->now ();
  for (const auto &[video, mix] : mixes_)
    if (auto linked = room_->link_mix (*mix, video, request_.layout); !linked) return linked;
  for (auto &[series, tracks] : all)
    series->open (began_);
  return {};
}

void
Job::Core::track_came (const RoomTrackPtr &track) {
  if (state_ >= State::Ending) return;
  if (!joined_) return early_.push_back (track);
  activate ();
  for (size_t i = 0; i < outputs_.size (); i++)
    if (outputs_[i].output.scope != Scope::Composite
        && (track->codec->video ? outputs_[i].output.video : outputs_[i].output.audio))
      record (track, i);
  if (!track->tap) return;
  if (track->tap->feeds ().empty ()) track->tap->close (); // refused by all
  track->tap->release ();
}

void
Job::Core::record (const RoomTrackPtr &track, size_t index) {
  const auto &planned = outputs_[index];
  const auto &status = track->status;
  const Format *format = planned.format ? planned.format : natural_format (*track->codec);
  if (!format) return;
  NameFields subject;
  subject.participant = status.participant;
  subject.name = status.name.empty () ? status.participant : status.name;
  if (planned.output.scope == Scope::Track) {
    subject.track = status.track;
    subject.sid = status.sid;
    subject.source = status.source;
    subject.kind = status.kind;
    subject.codec = status.codec;
  }
  const auto way = way_of (planned.output, *format, *track->codec);
  Result<FeedPtr> feed = Error{};
  Encoding encoding = planned.output.encoding;
  if (!way)
    feed = way.error ();
  else if (!track->tap)
    feed = Error{ Errc::MediaFailed, Retry::Never, "its pad could not be linked" };
  else if (way->copied)
    feed = track->tap->copied ();
  else
    feed = track->tap->encoded (*way->codec, encoding);
  if (!feed) {
    // A file that is refused is a result, too.
    FileResult refused;
    refused.format = format->name;
    refused.scope = planned.output.scope;
    refused.participant = status.participant;
    refused.track = status.track;
    refused.state = FileState::Failed;
    refused.start_ms = refused.end_ms = room_->clock ().wall_ms (room_->now ());
    refused.error = "track " + status.track + " of " + status.participant + ": " + feed.error ().message;
    on_file (refused);
    return;
  }
  // What a publisher says of its size may be anything.
  const auto plausible = [] (unsigned pixels) { return pixels >= 16 && pixels <= 4096; };
  if (way->copied && plausible (track->width) && plausible (track->height)) {
    encoding.width = track->width & ~1u;
    encoding.height = track->height & ~1u;
  }
  Series::Track part{ status.kind + "/" + status.source + "/"
                          + (way->copied ? status.codec : way->codec->name),
                      *feed, encoding, way->copied, [weak = std::weak_ptr<RoomTrack> (track)] {
                        auto t = weak.lock ();
                        return t && t->muted ();
                      } };
  if (planned.output.scope == Scope::Track) {
    auto series = make_series (index, *format, std::move (subject));
    by_track_[std::to_string (index) + "/" + status.sid] = series;
    series->add (std::move (part));
    return; // opened by its first frame
  }
  auto &person = people_[{ index, status.participant }];
  if (!person.series) {
    person.series = make_series (index, *format, std::move (subject));
    person.since_us = g_get_monotonic_time ();
    person.published = track->published;
  }
  person.tracks++;
  person.series->add (std::move (part));
  if (!person.series->is_open () && person.tracks >= person.published) person.series->open (room_->now ());
}

void
Job::Core::track_gone (const RoomTrackPtr &track) {
  std::erase (early_, track);
  if (state_ >= State::Ending) return;
  for (size_t i = 0; i < outputs_.size (); i++) {
    const auto &output = outputs_[i].output;
    if (auto node = by_track_.extract (std::to_string (i) + "/" + track->status.sid))
      node.mapped ()->stop (room_->now ());
    auto person = people_.find ({ i, track->status.participant });
    if (person == people_.end ()) continue;
    const Format &format = *outputs_[i].format;
    if (auto way = way_of (output, format, *track->codec))
      person->second.series->remove (track->status.kind + "/" + track->status.source + "/"
                                     + (way->copied ? track->status.codec : way->codec->name));
  }
}

Result<std::string>
Job::Core::name_file (const PlannedOutput &planned, NameFields fields) {
  if (is_live (planned)) return planned.output.location;
  const std::string wanted = expand (planned.output.location, fields);
  const bool overwrite = planned.output.overwrite;
  // The disk may not answer, and then what is given away here must not be read there any more.
  auto name = std::make_shared<std::string> ();
  const bool answered = within (kPatience, [name, wanted, overwrite, taken = names_] {
    *name = free_name (wanted, [&] (const std::string &candidate) {
      return taken.contains (candidate)
             || (!overwrite && g_file_test (candidate.c_str (), G_FILE_TEST_EXISTS));
    });
  });
  if (!answered)
    return Error{ Errc::Timeout, Retry::Never, wanted + " cannot be written: the disk does not answer" };
  names_.insert (*name);
  return *name;
}

} // namespace lk::record
