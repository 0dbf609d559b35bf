// What the server and the peer connection say of tracks that are being published.
#include "base/log.hpp"
#include "session/publications.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// To publish one track.
constexpr int kRequests = 2;
// Tracks asked for together are answered together: one offer for all of them, unless an answer is late.
constexpr Millis kOfferDelay{ 20 };
// For a permission that comes after the end of the tracks that it forbids.
constexpr Millis kPermissionLimit{ 1000 };

/// As the server names streams when add_track leaves it open.
std::string
stream_of (const TrackInfo &info, const PublishSpec &spec) {
  if (!info.stream.empty ()) return info.stream;
  if (!spec.stream.empty ()) return spec.stream;
  switch (spec.source) {
  case TrackSource::Camera:
  case TrackSource::Microphone:
    return "camera";
  case TrackSource::ScreenShare:
  case TrackSource::ScreenShareAudio:
    return "screen";
  default:
    return "unknown";
  }
}

Error
refusal (const RequestResponse &response, const PublishSpec &spec) {
  auto detail = response.message.empty () ? "" : " (" + response.message + ")";
  switch (response.reason) {
  case RequestReason::NotAllowed:
    return { Errc::NotAllowed, Retry::Never,
             std::string (
                 "the server refuses the track: the token lacks canPublish, or canPublishSources lacks ")
                 + to_string (spec.source) + detail };
  case RequestReason::LimitExceeded:
    return { Errc::LimitExceeded, Retry::Never,
             "the server refuses the track: a limit is exceeded" + detail };
  case RequestReason::UnsupportedType:
    return { Errc::UnsupportedCodec, Retry::Never,
             "the server does not support this kind of track" + detail };
  default:
    return { Errc::Protocol, Retry::Never,
             std::string ("the server refuses the track: ") + to_string (response.reason) + detail };
  }
}

} // namespace

void
Publications::negotiate_soon () {
  bool all_answered = std::none_of (entries_.begin (), entries_.end (),
                                    [] (const auto &row) { return row.second.step == Step::Requested; });
  auto go = [this] {
    negotiate_timer_.reset ();
    bool any = false;
    for (auto &[cid, entry] : entries_)
      if (entry.sender && !std::exchange (entry.asked, true)) any = true;
    if (auto *publisher = link_ && any ? link_->publisher () : nullptr) publisher->negotiate ();
  };
  if (all_answered)
    go ();
  else if (!negotiate_timer_)
    negotiate_timer_ = context_.timers->once (kOfferDelay, go);
}

void
Publications::on_offered (const std::string &sdp) {
  for (auto &[cid, entry] : entries_)
    if (entry.sender && !entry.offered) entry.offered = sdp.find (cid) != sdp.npos;
}

void
Publications::on_negotiated () {
  for (auto &[cid, entry] : entries_)
    if (entry.offered) entry.negotiated = true;
  maybe_published ();
}

void
Publications::on_publisher_up () {
  maybe_published ();
}

void
Publications::maybe_published () {
  if (!link_ || !link_->publisher_up ()) return;
  std::vector<TrackPtr> published;
  for (auto &[cid, entry] : entries_) {
    if (entry.step != Step::Accepted || !entry.negotiated) continue;
    entry.step = Step::Published;
    entry.lived = true;
    entry.track->set_progress (entry.track->sid (), true);
    published.push_back (entry.track);
  }
  for (const auto &track : published) {
    GST_INFO ("%s: published %s as %s", context_.name.c_str (), track->spec ().codec.c_str (),
              track->sid ().c_str ());
    emit_ (LocalTrackPublished{ track });
  }
}

void
Publications::on_published (const TrackPublished &published) {
  auto it = entries_.find (published.cid);
  if (it == entries_.end ()) {
    GST_DEBUG ("track_published for an unknown cid");
    return negotiate_soon ();
  }
  auto &entry = it->second;
  if (entry.step != Step::Requested && entry.step != Step::Queued) return;
  if (published.track.sid.empty ())
    return fail (published.cid,
                 { Errc::Protocol, Retry::Never, "the server acknowledged the track without a sid" });
  accept (entry, published.track);
}

void
Publications::accept (Entry &entry, const TrackInfo &info) {
  auto track = entry.track;
  entry.timer.reset ();
  auto *publisher = link_ ? link_->publisher () : nullptr;
  if (!publisher) return;
  const auto &spec = track->spec ();
  bool audio = kind_of (spec) == TrackKind::Audio;
  auto source = track->frames ().make_source (audio);
  if (!source) return fail (track->cid (), source.error ());
  rtc::SenderSpec sender;
  sender.kind = audio ? rtc::MediaKind::Audio : rtc::MediaKind::Video;
  sender.cid = track->cid ();
  sender.stream = stream_of (info, spec);
  sender.codec = spec.codec;
  auto id = publisher->add_sender (sender, std::move (*source));
  if (!id) return fail (track->cid (), id.error ());
  entry.sender = *id;
  entry.step = Step::Accepted;
  entry.info = info;
  track->set_progress (info.sid, false);
  tell (entry);
  negotiate_soon ();
}

/// Once more: a server that is busy, or between two nodes, loses one.
void
Publications::unanswered (const std::string &cid) {
  auto it = entries_.find (cid);
  if (it == entries_.end () || !link_) return;
  if (it->second.requests >= kRequests)
    return fail (cid, { Errc::Timeout, Retry::Restart,
                        "the server did not acknowledge the track, asked twice, within 20 s" });
  GST_WARNING ("%s: no answer about track \"%s\" for 10 s, asking once more", context_.name.c_str (),
               it->second.track->spec ().name.c_str ());
  request (it->second);
}

void
Publications::on_response (const RequestResponse &response) {
  if (response.add_track_cid.empty ()) return;
  auto it = entries_.find (response.add_track_cid);
  if (it == entries_.end () || it->second.step != Step::Requested) return;
  if (response.reason == RequestReason::Ok) return;
  if (response.reason == RequestReason::Queued) {
    // Behind our own first request: what that brings is waited for.
    if (it->second.requests > 1) return;
    it->second.step = Step::Queued;
    it->second.timer.reset ();
    return negotiate_soon ();
  }
  if (response.reason == RequestReason::NotAllowed && it->second.lived) return suspend (it->second);
  fail (response.add_track_cid, refusal (response, it->second.track->spec ()));
}

void
Publications::on_unpublished (const std::string &sid) {
  auto *entry = find_sid (sid);
  if (!entry) return;
  auto cid = entry->track->cid ();
  Error ended{ Errc::NotAllowed, Retry::Never, "the server ended the track" };
  if (!entry->lived) return fail (cid, ended);
  suspend (*entry);
  auto it = entries_.find (cid); // a listener may have removed it
  if (it == entries_.end () || it->second.step != Step::Suspended || !allowed (it->second)) return;
  // The new permission may follow; without one it was not for want of it.
  it->second.timer = context_.timers->once (kPermissionLimit, [this, cid, ended] {
    auto waiting = entries_.find (cid);
    if (waiting == entries_.end ()) return;
    auto timer = std::move (waiting->second.timer);
    fail (cid, ended);
  });
}

void
Publications::on_muted (const MuteTrack &mute) {
  auto *entry = find_sid (mute.sid);
  if (!entry) return;
  entry->told_muted = entry->known_muted = mute.muted;
  auto track = entry->track;
  if (track->apply_muted (mute.muted)) emit_ (LocalTrackMuted{ track, mute.muted });
}

/// Which sizes are wanted is of no interest as long as there is one only.
void
Publications::on_wanted (const SubscribedQualityUpdate &update) {
  auto *entry = find_sid (update.track_sid);
  if (!entry || update.codecs.empty ()) return;
  bool wanted = std::ranges::any_of (update.codecs, [] (const auto &codec) {
    return std::ranges::any_of (codec.qualities, [] (const auto &quality) { return quality.second; });
  });
  if (wanted != entry->track->wanted ())
    GST_INFO ("%s: track %s is %s", context_.name.c_str (), update.track_sid.c_str (),
              wanted ? "wanted again" : "not sent, because nobody takes it");
  entry->track->set_wanted (wanted);
}

void
Publications::on_subscribed (const std::string &sid) {
  if (auto *entry = find_sid (sid)) emit_ (LocalTrackSubscribed{ entry->track });
}

} // namespace lk::session
