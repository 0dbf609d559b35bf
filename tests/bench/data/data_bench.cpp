// One end of a measurement of data, through the library's session or through the elements; its findings are
// printed as one JSON line. All times are CLOCK_MONOTONIC in seconds, so that two processes compare.
//
//   data-bench receive --count N            ends after N messages, or 3 s after the last one
//   data-bench send --count N --size S [--rate R]
//   data-bench ping --count N --size S      one message at a time, each awaits its echo
//
// All take --elements and --lossy; room, identity, URL and key come from the environment, as for lk-data. A
// message begins with its number, so that losses, repetitions and disorder show.
#include "base/ref.hpp"
#include "session/session.hpp"

#include <gst/gst.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

using namespace lk;
using namespace lk::session;

namespace {

constexpr double kSilence = 3, kPatience = 60;
constexpr std::chrono::microseconds kBetweenPings{ 10000 };
// The channels open a moment after the join, and lossy messages do not wait for that.
constexpr std::chrono::seconds kSettle{ 1 };

struct Options {
  gint count = 1000, size = 1000, rate = 0;
  gboolean elements = FALSE, lossy = FALSE;
};

double
now () {
  return double (g_get_monotonic_time ()) / 1e6;
}

double
cpu_seconds () {
  rusage usage{};
  getrusage (RUSAGE_SELF, &usage);
  auto seconds = [] (const timeval &t) { return double (t.tv_sec) + double (t.tv_usec) / 1e6; };
  return seconds (usage.ru_utime) + seconds (usage.ru_stime);
}

void
put_number (guint8 *at, uint32_t number) {
  for (int i = 0; i < 4; ++i)
    at[i] = guint8 (number >> (8 * (3 - i)));
}

/// What came: a message whose number is not the next one is lost, late or double.
class Tally {
public:
  explicit Tally (const Options &options) : options_ (options) {}

  void
  heard (const guint8 *data, size_t size) {
    uint32_t number = 0;
    for (size_t i = 0; i < 4 && i < size; ++i)
      number = number << 8 | data[i];
    std::lock_guard lock (lock_);
    last_ = now ();
    if (count_++ == 0) {
      first_ = last_;
      cpu_ = cpu_seconds ();
    }
    bytes_ += size;
    if (number != next_) ++out_of_order_;
    next_ = number + 1;
    changed_.notify_one ();
  }
  /// Until a further message was heard; false when none came within a long time.
  bool
  await (uint64_t count) {
    std::unique_lock lock (lock_);
    return changed_.wait_for (lock, std::chrono::duration<double> (kPatience),
                              [&] { return count_ >= count; });
  }
  void
  await_end () {
    std::unique_lock lock (lock_);
    auto begun = now ();
    while (count_ < uint64_t (options_.count)) {
      changed_.wait_for (lock, std::chrono::milliseconds (100));
      if (count_ > 0 ? now () - last_ > kSilence : now () - begun > kPatience) break;
    }
    cpu_ = cpu_seconds () - cpu_;
  }
  void
  print () {
    std::printf (
        "{\"count\": %llu, \"bytes\": %llu, \"first\": %.6f, \"last\": %.6f, \"out_of_order\": %llu, "
        "\"cpu\": %.3f}\n",
        static_cast<unsigned long long> (count_), static_cast<unsigned long long> (bytes_), first_, last_,
        static_cast<unsigned long long> (out_of_order_), cpu_);
  }

private:
  const Options options_;
  std::mutex lock_;
  std::condition_variable changed_;
  uint64_t count_ = 0, bytes_ = 0, out_of_order_ = 0;
  uint32_t next_ = 0;
  double first_ = 0, last_ = 0, cpu_ = 0;
};

/// Lets messages go at a rate, a millisecond's worth at a time.
class Pace {
public:
  explicit Pace (const Options &options) : rate_ (options.rate) {}
  /// Before message `number`.
  void
  wait (uint32_t number) {
    if (number == 0) {
      std::this_thread::sleep_for (kSettle);
      start_ = std::chrono::steady_clock::now ();
      began_ = now ();
      cpu_ = cpu_seconds ();
    }
    if (rate_ > 0 && number % uint32_t (std::max (1, rate_ / 1000)) == 0)
      std::this_thread::sleep_until (start_ + std::chrono::microseconds (int64_t (number) * 1000000 / rate_));
  }
  void
  print () const {
    std::printf ("{\"seconds\": %.6f, \"cpu\": %.3f}\n", now () - began_, cpu_seconds () - cpu_);
  }

private:
  const int rate_;
  std::chrono::steady_clock::time_point start_;
  double began_ = 0, cpu_ = 0;
};

void
say_ready () {
  std::printf ("ready\n");
  std::fflush (stdout);
}

void
print_round_trips (std::vector<double> &seconds) {
  std::printf ("{\"round_trips\": [");
  for (size_t i = 0; i < seconds.size (); ++i)
    std::printf ("%s%.6f", i ? ", " : "", seconds[i]);
  std::printf ("]}\n");
}

/// `ping (number)` sends one.
template <typename Ping>
int
measure_round_trips (const Options &options, Tally &tally, Ping ping) {
  std::vector<double> seconds;
  std::this_thread::sleep_for (kSettle);
  for (int i = 0; i < options.count; ++i) {
    auto start = std::chrono::steady_clock::now ();
    ping (uint32_t (i));
    if (!tally.await (uint64_t (i) + 1)) return 1;
    seconds.push_back (std::chrono::duration<double> (std::chrono::steady_clock::now () - start).count ());
    std::this_thread::sleep_for (kBetweenPings);
  }
  print_round_trips (seconds);
  return 0;
}

// ---- the library

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

// ---- the elements

GstPadProbeReturn
on_buffer (GstPad *, GstPadProbeInfo *info, gpointer tally) {
  GstMapInfo map;
  if (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ)) {
    static_cast<Tally *> (tally)->heard (map.data, map.size);
    gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  }
  return GST_PAD_PROBE_OK;
}

void
put_number (GstBuffer *buffer, uint32_t number) {
  GstMapInfo map;
  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE)) return;
  put_number (map.data, number);
  gst_buffer_unmap (buffer, &map);
}

struct Numbering {
  Pace pace;
  uint32_t next = 0;
};

/// The next number, in its time, into the buffer that fakesrc made.
void
on_handoff (GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
  auto &numbering = *static_cast<Numbering *> (data);
  numbering.pace.wait (numbering.next);
  put_number (buffer, numbering.next++);
}

std::string
element (const char *kind, const Options &options, const char *topic) {
  std::string text = std::string (kind) + " room=" + g_getenv ("LK_ROOM")
                     + " identity=" + g_getenv ("LK_IDENTITY") + " topic=" + topic;
  bool sink = g_str_has_suffix (kind, "sink");
  return sink ? text + " reliability=" + (options.lossy ? "lossy" : "reliable")
              : text + " name=src max-buffers=1000000";
}

class Pipeline {
public:
  explicit Pipeline (const std::string &description) {
    GError *error = nullptr;
    pipeline_ = Ref<GstElement>::sink (gst_parse_launch (description.c_str (), &error));
    if (error) g_error ("%s", error->message);
    bus_ = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
  }
  ~Pipeline () { gst_element_set_state (pipeline_.get (), GST_STATE_NULL); }

  Ref<GstElement>
  named (const char *name) {
    return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), name));
  }
  void
  listen (Tally &tally) {
    auto src = named ("src");
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (src.get (), "src"));
    gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &tally, nullptr);
  }
  bool
  join () {
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    return await ([] (GstMessage *message) {
      const auto *s = gst_message_get_structure (message);
      return s && gst_structure_has_name (s, "livekit-room-joined");
    });
  }
  bool
  await_eos () {
    return await ([] (GstMessage *message) { return GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS; });
  }

private:
  template <typename Wanted>
  bool
  await (Wanted wanted) {
    while (true) {
      auto message = Ref<GstMessage>::adopt (gst_bus_timed_pop_filtered (
          bus_.get (), GstClockTime (kPatience * GST_SECOND),
          GstMessageType (GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
      if (!message || GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR) return false;
      if (wanted (message.get ())) return true;
    }
  }

  Ref<GstElement> pipeline_;
  Ref<GstBus> bus_;
};

int
elements_receive (const Options &options) {
  Tally tally (options);
  Pipeline pipeline (element ("livekitdatasrc", options, "bench") + " ! fakesink sync=false async=false");
  pipeline.listen (tally);
  if (!pipeline.join ()) return 1;
  say_ready ();
  tally.await_end ();
  tally.print ();
  return 0;
}

int
elements_send (const Options &options) {
  Pipeline pipeline ("fakesrc name=source signal-handoffs=true filltype=nothing sizetype=fixed sizemax="
                     + std::to_string (options.size) + " num-buffers=" + std::to_string (options.count)
                     + " ! " + element ("livekitdatasink", options, "bench"));
  auto source = pipeline.named ("source");
  Numbering numbering{ Pace (options) };
  g_signal_connect (source.get (), "handoff", G_CALLBACK (on_handoff), &numbering);
  gst_element_set_locked_state (source.get (), TRUE);
  if (!pipeline.join ()) return 1;
  gst_element_set_locked_state (source.get (), FALSE);
  gst_element_sync_state_with_parent (source.get ());
  if (!pipeline.await_eos ()) return 1;
  numbering.pace.print ();
  return 0;
}

int
elements_ping (const Options &options) {
  Tally tally (options);
  Pipeline pipeline ("appsrc name=source is-live=true ! " + element ("livekitdatasink", options, "ping") + " "
                     + element ("livekitdatasrc", options, "echo") + " ! fakesink sync=false async=false");
  pipeline.listen (tally);
  if (!pipeline.join ()) return 1;
  auto source = pipeline.named ("source");
  return measure_round_trips (options, tally, [&] (uint32_t number) {
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, gsize (options.size), nullptr));
    put_number (buffer.get (), number);
    GstFlowReturn flow;
    g_signal_emit_by_name (source.get (), "push-buffer", buffer.get (), &flow);
  });
}

} // namespace

int
main (int argc, char **argv) {
  Options options;
  const GOptionEntry entries[] = {
    { "count", 0, 0, G_OPTION_ARG_INT, &options.count, "Messages", "N" },
    { "size", 0, 0, G_OPTION_ARG_INT, &options.size, "Bytes of each", "S" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &options.rate, "Messages a second; 0: as fast as they go", "R" },
    { "elements", 0, 0, G_OPTION_ARG_NONE, &options.elements, "Through the elements", nullptr },
    { "lossy", 0, 0, G_OPTION_ARG_NONE, &options.lossy, "Lossy packets", nullptr },
    { nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr },
  };
  GOptionContext *context = g_option_context_new ("receive|send|ping");
  g_option_context_add_main_entries (context, entries, nullptr);
  g_option_context_add_group (context, gst_init_get_option_group ());
  GError *error = nullptr;
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 2 || options.size < 4) {
    g_printerr ("%s\n", error ? error->message : "receive, send or ping");
    return 2;
  }
  std::string what = argv[1];
  if (what == "receive") return options.elements ? elements_receive (options) : library_receive (options);
  if (what == "send") return options.elements ? elements_send (options) : library_send (options);
  if (what == "ping") return options.elements ? elements_ping (options) : library_ping (options);
  g_printerr ("receive, send or ping\n");
  return 2;
}
