#include "ends.hpp"

#include "session/session.hpp"

using namespace lk;
using namespace lk::session;

namespace bench {
namespace {

class Member : public User, public DataListener, public std::enable_shared_from_this<Member> {
public:
  explicit Member (Tally &tally) : tally_ (tally) {}
  std::string
  user_name () const override {
    return "data-bench";
  }
  void
  on_event (const SessionEvent &event) override {
    auto *change = std::get_if<StateChanged> (&event);
    if (!change || change->to != State::Connected) return;
    std::lock_guard lock (lock_);
    connected_ = true;
    changed_.notify_one ();
  }
  void
  on_data (const DataEvent &event) override {
    const auto &payload = std::get<PacketReceived> (event).message.payload;
    tally_.heard (reinterpret_cast<const guint8 *> (payload.data ()), payload.size ());
  }
  bool
  join (bool sends, const char *topic) {
    Settings settings;
    settings.room = g_getenv ("LK_ROOM");
    settings.identity = g_getenv ("LK_IDENTITY");
    Needs needs;
    needs.data = sends;
    if (!session_->attach (shared_from_this (), settings, needs)) return false;
    if (topic) {
      DataFilter filter;
      filter.packets = true;
      filter.topics = topic;
      session_->data ()->add_listener (shared_from_this (), filter);
    }
    session_->start (shared_from_this ());
    std::unique_lock lock (lock_);
    return changed_.wait_for (lock, std::chrono::duration<double> (kPatience), [&] { return connected_; });
  }
  void
  leave () {
    while (session_->data ()->stats ().buffered > 0)
      std::this_thread::sleep_for (std::chrono::milliseconds (5));
    session_->data ()->remove_listener (this);
    session_->detach (shared_from_this ());
  }
  void
  send (const Options &options, const char *topic, uint32_t number) {
    OutgoingPacket packet;
    packet.reliability = options.lossy ? Reliability::Lossy : Reliability::Reliable;
    packet.topic = topic;
    packet.payload.assign (size_t (options.size), 'x');
    put_number (reinterpret_cast<guint8 *> (packet.payload.data ()), number);
    if (auto sent = port_->send (std::move (packet), {}); !sent)
      g_printerr ("%s\n", sent.error ().message.c_str ());
  }

private:
  Tally &tally_;
  const std::shared_ptr<Session> session_ = Session::create ("");
  const std::shared_ptr<DataPort> port_ = session_->data ();
  std::mutex lock_;
  std::condition_variable changed_;
  bool connected_ = false;
};

} // namespace

int
library_receive (const Options &options) {
  Tally tally (options);
  auto member = std::make_shared<Member> (tally);
  if (!member->join (false, "bench")) return 1;
  say_ready ();
  tally.await_end ();
  tally.print ();
  member->leave ();
  return 0;
}

int
library_send (const Options &options) {
  Tally tally (options);
  auto member = std::make_shared<Member> (tally);
  if (!member->join (true, nullptr)) return 1;
  Pace pace (options);
  for (uint32_t i = 0; i < uint32_t (options.count); ++i) {
    pace.wait (i);
    member->send (options, "bench", i);
  }
  pace.print ();
  member->leave ();
  return 0;
}

int
library_ping (const Options &options) {
  Tally tally (options);
  auto member = std::make_shared<Member> (tally);
  if (!member->join (true, "echo")) return 1;
  auto result = measure_round_trips (options, tally,
                                     [&] (uint32_t number) { member->send (options, "ping", number); });
  member->leave ();
  return result;
}

} // namespace bench
