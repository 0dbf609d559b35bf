// The participant on its thread: state table, connect and leave, and who of roster, publications and
// subscriptions hears what.
//
//   start ─▶ resolve settings ─▶ Link ─▶ joined ─▶ primary connected ─▶ Connected
//                                  └ ICE or DTLS failed, or no media after 5 s: once more from scratch
//   stop  ─▶ sources and consumers unbound ─▶ Link::close
//   lost  ─▶ Reconnecting: roster, publications and subscriptions stand
//              ├ the link may be resumed ─▶ Link::resume ─▶ resumed ─▶ Connected: nobody has noticed
//              │                              └ refused, or ICE did not come back: as below, at once
//              └ a new Link ─▶ joined ─▶ Connected
//                    └ failed: once more, as Backoff says, until the time is up or the error is final
#pragma once

#include "session/data_room.hpp"
#include "session/liveness.hpp"
#include "session/metadata_updates.hpp"
#include "session/outage.hpp"
#include "session/publications.hpp"
#include "session/server_urls.hpp"
#include "session/snapshot.hpp"
#include "session/subscriptions.hpp"
#include "session/token_source.hpp"

namespace lk::session {

class Engine : public std::enable_shared_from_this<Engine>, private Link::Listener {
public:
  using Emit = std::function<void (const SessionEvent &)>;
  using Done = std::function<void (Result<>)>;

  Engine (const Context &context, std::shared_ptr<Snapshot> snapshot, Emit emit, TokenSource::Ask ask = {});
  ~Engine () override;

  State
  state () const {
    return state_;
  }
  bool
  stopped () const {
    return state_ == State::Disconnected || state_ == State::Failed;
  }
  /// Connects; nothing when it is under way or done. `automatic`: ask the server to subscribe us to
  /// everything. `data`: something will send data.
  void start (Settings settings, bool automatic, bool data = false);
  /// Data channels are needed; at once, or with the next link.
  void want_data ();
  /// What the session runs with: url, room and identity as far as they are known; valid unless stopped.
  Settings effective () const;
  /// Leaves. `done` comes in bounded time.
  void stop (std::function<void ()> done);
  /// Drops everything at once, without a word to anybody.
  void shut_down ();

  /// What is already there, as the events that a late-comer missed; empty unless connected.
  std::vector<SessionEvent> replay () const;
  const std::shared_ptr<Publications> &
  publications () const {
    return publications_;
  }
  const std::shared_ptr<Subscriptions> &
  subscriptions () const {
    return subscriptions_;
  }
  const std::shared_ptr<DataRoom> &
  data () const {
    return data_;
  }
  /// For the next connect.
  void set_token (const Secret &token);
  void refresh_token ();
  void update_metadata (UpdateMetadata update, Done done);
  void simulate (const SimulateScenario &scenario);
  void refresh_stats ();

private:
  void on_link_joined (const JoinResponse &join) override;
  void on_link_connected () override;
  void on_link_event (const SignalEvent &event) override;
  void on_link_lost (const Error &error) override;
  void on_link_elsewhere (const std::vector<RegionInfo> &regions) override;
  SyncState on_link_resuming () override;
  void on_link_resumed (uint32_t last_sequence) override;
  void on_offered (const std::string &sdp) override;
  void on_negotiated () override;
  void on_publisher_up () override;
  void on_sections (const std::vector<rtc::ReceiveSection> &sections) override;
  void on_incoming (const rtc::Incoming &incoming) override;
  void on_sender_report (const rtc::SenderReport &report) override;
  void on_publisher_made (rtc::Publisher &publisher) override;
  void on_message (rtc::ChannelKind kind, Ref<GBytes> message) override;

  void on_leave (const Leave &leave);
  void on_request_response (const RequestResponse &response);
  void on_speakers (const SpeakersChanged &speakers);
  void on_quality (const ConnectionQualityUpdate &update);
  void on_room_moved (const RoomMoved &moved);

  bool apply (Event event, std::optional<Error> cause = {}, std::optional<Recovery> recovery = {});
  void emit (const SessionEvent &event);
  void attempt ();
  void open_link ();
  void retry ();
  static Error closed_error ();
  bool begin_outage (const Error &error);
  void token_refused (const Error &error);
  void pause ();
  void suspend ();
  bool recovered (bool resumed);
  void on_participants (const ParticipantUpdate &update);
  void connect_failed (const Error &error);
  void end (Event event, const Error &error, bool leave);
  void take_down (bool leave, std::function<void ()> done);
  void close_link (bool leave, Millis linger, std::function<void ()> done);
  void links_closed ();
  void apply_changes (const RosterChanges &changes);
  void send_own_metadata ();

  const Context context_;
  const std::shared_ptr<Snapshot> snapshot_;
  const Emit emit_;
  State state_ = State::Disconnected;
  Settings settings_;
  bool automatic_ = false, data_wanted_ = false;
  std::optional<Identity> identity_;
  TokenSource tokens_;
  ServerUrls urls_;
  std::vector<RegionInfo> elsewhere_; ///< named by the refusal that is about to be told
  int attempts_ = 0;
  Nanos started_{ 0 };
  TimerPtr connect_timer_, media_timer_;
  std::unique_ptr<Outage> outage_; // from a lost connection to the next one that stands
  std::shared_ptr<Link> link_;
  std::unique_ptr<Liveness> liveness_; // of that link
  bool link_joined_ = false; // that link, with its signalling alive; join_ is of the last one that was
  /// What the answer to a resume says.
  struct Listing {
    std::set<std::string> identities; // of everybody in the room
    std::vector<TrackInfo> own;       // before it
  };
  std::optional<Listing> listing_;
  std::vector<std::shared_ptr<Link>> closing_;
  std::vector<std::function<void ()>> left_; // to be called when all of them are closed
  std::optional<JoinResponse> join_;
  Roster roster_;
  std::shared_ptr<Publications> publications_;
  std::shared_ptr<Subscriptions> subscriptions_;
  std::shared_ptr<DataRoom> data_;
  MetadataUpdates metadata_updates_;
};

} // namespace lk::session
