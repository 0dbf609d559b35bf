// What we receive: the union of what elements want → UpdateSubscription; offer sections + roster + RTP
// streams → RemoteTracks. A track is announced as soon as the latest offer has a section for it and the
// roster knows it, not with its first packet: a muted one has none. After a full reconnect a track is known
// again by its owner's identity, its kind, source and name: sids, mids and SSRCs are new. Session thread
// only.
#pragma once

#include "session/alignment.hpp"
#include "session/link.hpp"
#include "session/remote_track.hpp"

#include <map>
#include <set>

namespace lk::session {

class Subscriptions : public std::enable_shared_from_this<Subscriptions> {
public:
  using Emit = std::function<void (const SessionEvent &)>;
  static constexpr Millis kDefaultLatency{ 200 };
  /// How long an announced track may stay away after a full reconnect, unless set otherwise.
  static constexpr Millis kReappearLimit{ 15'000 };
  /// How much later than the offer the roster may say that a track was unpublished.
  static constexpr Millis kReasonLimit{ 500 };

  Subscriptions (const Context &context, const Roster &roster, Emit emit);

  // What elements want.
  void set_wanted (std::vector<TrackFilter> filters, Millis latency, Millis reappear = kReappearLimit);
  void set_subscribed (const std::string &sid, bool subscribed);
  void demand_changed (const std::string &sid);
  void request_keyframe (const std::string &sid);
  void set_dropping (const std::string &sid, bool dropping);
  void ask_stats (const std::string &sid);

  /// Joined; `automatic`: the server subscribes us to everything by itself.
  void bind (Link &link, bool automatic);
  /// Connected: tracks are announced from now on; those from before a reconnect have a while to come back.
  void announce ();
  /// What the server knows of our wishes.
  void write (SyncState &state) const;
  /// The link is gone and another will follow: streams end, announced tracks stay.
  void suspend ();
  /// The link is gone: tracks that were announced are reported as unsubscribed.
  void unbind ();

  // From the roster, after it changed.
  void on_track_published (const std::string &sid);
  void on_track_unpublished (const std::string &sid);
  void on_track_updated (const ParticipantPtr &participant, const TrackInfo &track);
  void on_participant_changed (const ParticipantPtr &participant);

  // From the transport.
  void on_sections (const std::vector<rtc::ReceiveSection> &sections);
  void on_incoming (const rtc::Incoming &incoming);
  /// Whose media path it tells, and which: PTS minus the participant's clock.
  struct MediaPath {
    std::string participant_sid;
    Nanos path{ 0 };
  };
  std::optional<MediaPath> on_sender_report (const rtc::SenderReport &report);

  // From the server.
  void on_stream_states (const StreamStateUpdate &update);
  void on_permission (const SubscriptionPermissionUpdate &update);
  void on_response (const SubscriptionResponse &response);

  std::vector<RemoteTrackPtr> announced () const;
  /// Some stream runs to us that nobody has muted, paused or switched off.
  bool receiving () const;
  /// The wanted jitter buffer.
  Millis
  jitter_latency () const {
    return latency_;
  }
  /// Jitter buffer + largest lip-sync delay.
  Millis latency () const;

private:
  struct Entry {
    std::shared_ptr<RemoteTrackImpl> track;
    std::string mid;
    uint32_t ssrc = 0;     // of the section
    uint32_t attached = 0; // SSRC of the stream that runs into the track's receiver, 0 = none
    bool announced = false;
    TimerPtr leaving; // it left the offer; until the roster says why, or not
    Demand told;      // what the server knows; its default to begin with
  };

  /// An announced track between two links.
  struct Absent {
    std::shared_ptr<RemoteTrackImpl> track;
    size_t position = 0;            ///< among its owner's tracks: tells equals apart
    std::optional<bool> subscribed; ///< by request, whatever the filters say
  };

  bool wanted (const std::string &sid) const;
  /// The absent track that has come back as this one; end() when it is a new one.
  std::vector<Absent>::const_iterator find_absent (const Roster::Track &found) const;
  void adopt (Entry &entry, const Roster::Track &found);
  using Sections = std::map<std::string, const rtc::ReceiveSection *>; // by track sid
  std::vector<std::string> in_roster_order (const Sections &sections) const;
  void drop_absent ();
  void update_subscriptions (const std::vector<std::string> &sids);
  void update_all_subscriptions ();
  void refresh ();
  void leave (const std::string &sid, Entry &entry);
  void drop (const std::string &sid);
  void attach (Entry &entry, const rtc::Incoming &incoming);
  void detach (Entry &entry);
  const rtc::ReceiveSection *section_of (const rtc::Incoming &incoming) const;
  void tell_demand (Entry &entry);
  void check_latency ();
  Entry *find_ssrc (uint32_t ssrc);

  const Context context_;
  const Roster &roster_;
  const Emit emit_;
  Link *link_ = nullptr;
  bool automatic_ = false, announcing_ = false;
  std::vector<TrackFilter> filters_;
  Millis latency_ = kDefaultLatency, told_latency_ = kDefaultLatency, reappear_ = kReappearLimit;
  std::map<std::string, bool> overrides_,
      subscribed_;                            // by track sid: asked for by hand; what the server was told
  std::vector<rtc::ReceiveSection> sections_; // of the latest offer
  std::map<std::string, Entry> entries_;      // by track sid
  std::vector<Absent> absent_;
  TimerPtr absent_limit_;
  std::vector<rtc::Incoming> held_; // streams whose section or track is not known yet
  Alignment alignment_;
};

} // namespace lk::session
