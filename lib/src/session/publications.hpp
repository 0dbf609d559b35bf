// What we publish, through the life of links: add_track → track_published → source into the publisher →
// negotiated and up → published. Session thread only.
#pragma once

#include "session/link.hpp"
#include "session/local_track.hpp"

#include <map>

namespace lk::session {

class Publications : public std::enable_shared_from_this<Publications> {
public:
  using Emit = std::function<void (const SessionEvent &)>;
  using TrackPtr = std::shared_ptr<LocalTrackImpl>;

  Publications (const Context &context, Emit emit);

  /// From now on the session tries to publish it. `owner` identifies who published, for remove_owned().
  void add (const TrackPtr &track, const void *owner);
  void remove (const TrackPtr &track);
  void remove_owned (const void *owner);
  /// Tells the server what changed since it was last told: mute, size.
  void sync (const TrackPtr &track);
  void ask_stats (const TrackPtr &track);

  /// Joined: everything that waits is requested. `enabled_codecs`: mime types, empty = all.
  void bind (Link &link, std::vector<std::string> enabled_codecs);
  /// The link is gone: sources are stopped, tracks wait for the next one.
  void unbind ();
  /// What we may publish. A track that was published once waits for the permission instead of failing.
  void set_permission (const std::optional<Permission> &permission);
  /// Nothing waits for an answer of the server, which a lost signalling connection would have taken with it.
  bool settled () const;
  /// What the server has acknowledged.
  void write (SyncState &state) const;
  /// The signalling connection is back: what came meanwhile is requested, and what the server did to our
  /// tracks, as it listed them before and lists them now, is done here.
  void resumed (const std::vector<TrackInfo> &before, const std::vector<TrackInfo> &now);

  void on_published (const TrackPublished &published);
  void on_response (const RequestResponse &response);
  void on_unpublished (const std::string &sid);
  void on_muted (const MuteTrack &mute);
  void on_subscribed (const std::string &sid);
  void on_wanted (const SubscribedQualityUpdate &update);
  void on_offered (const std::string &sdp);
  void on_negotiated ();
  void on_publisher_up ();

  bool
  empty () const {
    return entries_.empty ();
  }

private:
  enum class Step {
    Waiting,   ///< for a link
    Suspended, ///< for the permission
    Requested, ///< add_track sent
    Queued,    ///< the server publishes it after an earlier one with the same cid
    Accepted,  ///< has a sid, its source runs, negotiation under way
    Published
  };
  struct Entry {
    TrackPtr track;
    const void *owner = nullptr;
    Step step = Step::Waiting;
    TrackInfo info; // as acknowledged
    std::optional<rtc::SenderId> sender;
    int requests = 0;        // add_track sent, on this link
    bool lived = false;      // was published once
    bool asked = false;      // for an offer with it
    bool offered = false;    // contained in an offer
    bool negotiated = false; // contained in one that is answered
    bool told_muted = false;
    bool known_muted = false; // by the server, when it was last heard of
    std::pair<uint32_t, uint32_t> told_size{ 0, 0 };
    TimerPtr timer;
  };
  using Entries = std::map<std::string, Entry>; // by cid

  Entry *find_sid (const std::string &sid);
  static TrackKind kind_of (const PublishSpec &spec);
  bool allowed (const Entry &entry) const;
  void suspend (Entry &entry);
  void request (Entry &entry);
  void unanswered (const std::string &cid);
  void request_waiting ();
  void accept (Entry &entry, const TrackInfo &info);
  void tell (Entry &entry);
  void negotiate_soon ();
  void maybe_published ();
  /// Stops the source; the section becomes inactive with the next offer.
  void stop_source (Entry &entry);
  /// Back to the beginning, with what belongs to the track and not to its life on a link.
  void reset (Entry &entry);
  void fail (const std::string &cid, const Error &error);

  const Context context_;
  const Emit emit_;
  Entries entries_;
  Link *link_ = nullptr;
  std::vector<std::string> enabled_codecs_;
  Permission permission_;
  TimerPtr negotiate_timer_;
};

} // namespace lk::session
