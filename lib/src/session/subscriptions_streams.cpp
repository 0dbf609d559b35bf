// Which received stream is whose track.
#include "base/log.hpp"
#include "session/subscriptions.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// Bounds against a hostile server.
constexpr size_t kMaxHeld = 256, kMaxSections = 5000;

int
clock_rate_of (const rtc::Incoming &incoming, const media::Codec &codec) {
  int rate = 0;
  if (incoming.caps && gst_caps_get_size (incoming.caps.get ()) > 0)
    gst_structure_get_int (gst_caps_get_structure (incoming.caps.get (), 0), "clock-rate", &rate);
  if (rate > 0) return rate;
  return codec.kind == rtc::MediaKind::Audio ? 48000 : 90000;
}

} // namespace

void
Subscriptions::on_sections (const std::vector<rtc::ReceiveSection> &sections) {
  g_assert (context_.queue->is_current ());
  sections_ = sections;
  if (sections_.size () > kMaxSections) sections_.resize (kMaxSections);
  refresh ();
}

/// Sids as their owners list the tracks, so that equals keep their order.
std::vector<std::string>
Subscriptions::in_roster_order (const Sections &sections) const {
  std::vector<std::pair<size_t, std::string>> ordered;
  for (const auto &[sid, section] : sections) {
    auto found = roster_.find_track (sid);
    ordered.emplace_back (found ? size_t (found.track - found.participant->tracks.data ()) : 0, sid);
  }
  std::sort (ordered.begin (), ordered.end ());
  std::vector<std::string> sids;
  for (auto &[position, sid] : ordered)
    sids.push_back (std::move (sid));
  return sids;
}

/// Brings the tracks in line with the latest offer and the roster.
void
Subscriptions::refresh () {
  Sections current;
  for (const auto &section : sections_)
    if (section.active && !section.track_sid.empty ()) current.emplace (section.track_sid, &section);

  std::vector<std::string> gone;
  for (const auto &[sid, entry] : entries_)
    if (!current.count (sid)) gone.push_back (sid);
  for (const auto &sid : gone)
    leave (sid, entries_.at (sid));

  for (const auto &sid : in_roster_order (current)) {
    const auto *section = current.at (sid);
    auto found = roster_.find_track (sid);
    if (!found) continue; // its update is still to come, or it has just ended
    auto &entry = entries_[sid];
    if (!entry.track) adopt (entry, found);
    if (!entry.track)
      entry.track = RemoteTrackImpl::create (*context_.env.parts, found.participant, *found.track,
                                             { context_.queue, weak_from_this (), context_.env.clock });
    entry.leaving.reset ();
    if (entry.mid != section->mid || entry.ssrc != section->ssrc) {
      detach (entry); // moved to another section: its stream starts anew
      entry.mid = section->mid;
      entry.ssrc = section->ssrc;
    }
  }

  for (auto &incoming : std::exchange (held_, {}))
    on_incoming (incoming);

  if (!announcing_) return;
  std::vector<RemoteTrackPtr> fresh;
  for (auto &[sid, entry] : entries_)
    if (!std::exchange (entry.announced, true)) fresh.push_back (entry.track);
  for (const auto &track : fresh) {
    GST_INFO ("%s: subscribed to %s of %s", context_.name.c_str (), track->info ().sid.c_str (),
              track->participant ().identity.c_str ());
    emit_ (RemoteTrackSubscribed{ track });
  }
}

const rtc::ReceiveSection *
Subscriptions::section_of (const rtc::Incoming &incoming) const {
  for (const auto &section : sections_)
    if (section.active && section.ssrc && section.ssrc == incoming.ssrc) return &section;
  for (const auto &section : sections_)
    if (section.active && !section.ssrc && section.mid == incoming.mid) return &section;
  return nullptr;
}

void
Subscriptions::on_incoming (const rtc::Incoming &incoming) {
  if (!link_ || !link_->subscriber ()) return;
  const auto *section = section_of (incoming);
  if (section) {
    if (auto it = entries_.find (section->track_sid); it != entries_.end ())
      return attach (it->second, incoming);
  }
  if (!section && std::any_of (sections_.begin (), sections_.end (), [&] (const auto &other) {
        return other.mid == incoming.mid;
      }))
    return link_->subscriber ()->ignore (incoming); // of a track that has already left its section
  // Held (its pad stays blocked) until the roster explains it.
  if (held_.size () >= kMaxHeld) {
    link_->subscriber ()->ignore (held_.front ());
    held_.erase (held_.begin ());
  }
  GST_DEBUG ("%s: holding ssrc %u of mid %s: %s", context_.name.c_str (), incoming.ssrc,
             incoming.mid.c_str (), section ? "its track is not in the roster yet" : "no section for it");
  held_.push_back (incoming);
}

void
Subscriptions::attach (Entry &entry, const rtc::Incoming &incoming) {
  auto *subscriber = link_->subscriber ();
  auto refuse = [&] (const Error &error) {
    subscriber->ignore (incoming);
    emit_ (SubscriptionFailed{ entry.track->sid (), error });
  };
  const auto *codec = media::find_codec (incoming.codec);
  if (!codec)
    return refuse ({ Errc::UnsupportedCodec, Retry::Never,
                     "no decoder for " + incoming.codec + " of a subscribed track" });
  detach (entry);
  int clock_rate = clock_rate_of (incoming, *codec);
  auto sink = entry.track->frames ().make_sink (*codec, clock_rate);
  if (!sink) return refuse (sink.error ());
  if (auto attached = subscriber->attach (incoming, std::move (*sink)); !attached) {
    entry.track->frames ().unbind ();
    return refuse (attached.error ());
  }
  entry.attached = incoming.ssrc;
  auto info = entry.track->info ();
  alignment_.add (entry.track->participant ().sid, info, clock_rate);
}

void
Subscriptions::detach (Entry &entry) {
  if (!entry.attached) return;
  if (link_ && link_->subscriber ()) link_->subscriber ()->detach (entry.attached);
  entry.track->frames ().unbind ();
  entry.attached = 0;
  alignment_.remove (entry.track->sid ());
  entry.track->set_ts_offset (Nanos (0));
  check_latency ();
}

/// Its stream has ended. The track ends when the roster has told why: others hear "unpublished" first.
void
Subscriptions::leave (const std::string &sid, Entry &entry) {
  auto asked = subscribed_.find (sid);
  bool ours = asked != subscribed_.end () && !asked->second;
  if (!entry.announced || ours || !roster_.find_track (sid)) return drop (sid);
  if (entry.leaving) return;
  detach (entry);
  entry.mid.clear ();
  entry.ssrc = 0;
  entry.leaving = context_.timers->once (kReasonLimit, [this, sid] { drop (std::string (sid)); });
}

void
Subscriptions::drop (const std::string &sid) {
  auto node = entries_.extract (sid);
  if (!node) return;
  auto &entry = node.mapped ();
  detach (entry);
  if (entry.announced) emit_ (RemoteTrackUnsubscribed{ entry.track });
}

Subscriptions::Entry *
Subscriptions::find_ssrc (uint32_t ssrc) {
  for (auto &[sid, entry] : entries_)
    if (entry.attached == ssrc) return &entry;
  return nullptr;
}

std::optional<Subscriptions::MediaPath>
Subscriptions::on_sender_report (const rtc::SenderReport &report) {
  auto *reported = report.ssrc ? find_ssrc (report.ssrc) : nullptr;
  if (!reported) return {};
  reported->track->frames ().set_sender_report (report.ntp_time, report.rtp_time);
  auto read = [this] (const std::string &sid) -> std::optional<media::RtpPoint> {
    auto it = entries_.find (sid);
    if (it == entries_.end ()) return {};
    return it->second.track->frames ().last_point ();
  };
  auto apply = [this] (const std::string &sid, Nanos offset) {
    auto it = entries_.find (sid);
    if (it == entries_.end ()) return;
    GST_DEBUG ("%s: delaying %s by %" G_GINT64_FORMAT " ms", context_.name.c_str (), sid.c_str (),
               static_cast<gint64> (std::chrono::duration_cast<Millis> (offset).count ()));
    it->second.track->set_ts_offset (offset);
  };
  alignment_.on_report (reported->track->sid (), report.ntp_time, report.rtp_time, read, apply);
  check_latency ();
  auto sid = reported->track->participant ().sid;
  auto path = alignment_.path (sid);
  return path ? std::optional (MediaPath{ sid, *path }) : std::nullopt;
}

Millis
Subscriptions::latency () const {
  return latency_ + std::chrono::ceil<Millis> (alignment_.largest_offset ());
}

void
Subscriptions::check_latency () {
  if (latency () == told_latency_) return;
  told_latency_ = latency ();
  emit_ (LatencyChanged{ told_latency_ });
}

} // namespace lk::session
