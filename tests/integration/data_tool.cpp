// A participant that sends and receives data through the session, told what to do by its arguments: each is
// one JSON object {"do": …}, carried out in turn. What it hears and what comes of the commands is printed as
// one JSON object per line; content in base64. lk/data_tool.py drives it. URL and key come from the
// environment. Runs until told to quit, or Ctrl-C.
#include "base/json.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

using namespace lk;
using namespace lk::session;

namespace {

using Steady = std::chrono::steady_clock;

/// One line of output.
class Line {
public:
  explicit Line (const char *event) { text ("event", event); }
  ~Line () {
    static std::mutex lock;
    std::lock_guard guard (lock);
    std::printf ("%s}\n", out_.c_str ());
    std::fflush (stdout);
  }
  Line &
  text (const char *name, const std::string &value) {
    auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_VALUE));
    CString valid (g_utf8_make_valid (value.data (), gssize (value.size ())));
    json_node_set_string (node.get (), valid.get ());
    return raw (name, to_json (node.get ()));
  }
  Line &
  bytes (const char *name, const std::string &value) {
    CString coded (g_base64_encode (reinterpret_cast<const guchar *> (value.data ()), value.size ()));
    return text (name, coded.get ());
  }
  Line &
  number (const char *name, double value) {
    char digits[64];
    std::snprintf (digits, sizeof digits, "%.17g", value);
    return raw (name, digits);
  }
  Line &
  flag (const char *name, bool value) {
    return raw (name, value ? "true" : "false");
  }
  Line &
  outcome (const Result<> &result) {
    if (result) return *this;
    return text ("error", to_string (result.error ().code)).text ("message", result.error ().message);
  }
  Line &
  attributes (const Attributes &values) {
    for (const auto &[key, value] : values)
      text (("attribute:" + key).c_str (), value);
    return *this;
  }

private:
  Line &
  raw (const char *name, const std::string &value) {
    out_ += std::string (out_.empty () ? "{\"" : ", \"") + name + "\": " + value;
    return *this;
  }
  std::string out_;
};

/// Content that tells its number; lk/data_tool.py makes the same.
std::string
content (size_t number, size_t size) {
  std::string bytes (size, '\0');
  for (size_t i = 0; i < size; ++i)
    bytes[i] = char ((number * 31 + i * 7 + (i >> 8)) & 0xff);
  for (size_t i = 0; i < 4 && i < size; ++i)
    bytes[i] = char (number >> (8 * (3 - i)));
  return bytes;
}

class Tool : public User, public DataListener, public std::enable_shared_from_this<Tool> {
public:
  std::string
  user_name () const override {
    return "lk-data";
  }
  void
  on_event (const SessionEvent &event) override {
    if (auto *change = std::get_if<StateChanged> (&event)) {
      Line line ("state");
      line.text ("state", to_string (change->to));
      if (change->cause) line.text ("error", to_string (change->cause->code));
    }
  }
  void on_data (const DataEvent &event) override;

  int run (int argc, char **argv);
  std::atomic<bool> quit{ false };

private:
  void carry_out (JsonObject *command);
  void send_packets (JsonObject *command);
  void send_stream (JsonObject *command);
  void send_frames (JsonObject *command);
  void call (JsonObject *command);
  void serve (JsonObject *command);
  void listen (JsonObject *command);

  std::shared_ptr<Session> session_;
  std::shared_ptr<DataPort> port_;
  std::stop_source stop_;
  std::atomic<bool> go_{ false }; // a packet of topic "go" was heard
  std::string echo_;              // topic whose packets are sent back, as "echo"
  std::vector<std::shared_ptr<LocalDataTrack>> tracks_;
};

// ---- what is heard

void
Tool::on_data (const DataEvent &event) {
  if (auto *packet = std::get_if<PacketReceived> (&event)) {
    auto topic = packet->message.topic.value_or ("");
    if (topic == "go") {
      go_ = true;
      return;
    }
    if (!echo_.empty () && topic == echo_) {
      OutgoingPacket back;
      back.reliability = packet->reliability;
      back.payload = packet->message.payload;
      back.topic = "echo";
      back.destinations = { packet->from.identity };
      if (auto sent = port_->send (std::move (back), {}); !sent) Line ("echo").outcome (sent);
      return;
    }
    Line line ("packet");
    line.text ("from", packet->from.identity).text ("sid", packet->from.sid).text ("topic", topic);
    line.flag ("reliable", packet->reliability == Reliability::Reliable)
        .bytes ("data", packet->message.payload);
  } else if (auto *chat = std::get_if<ChatReceived> (&event)) {
    Line ("chat")
        .text ("from", chat->from.identity)
        .text ("id", chat->message.id)
        .text ("text", chat->message.text);
  } else if (auto *said = std::get_if<TranscriptionReceived> (&event)) {
    for (const auto &segment : said->transcription.segments)
      Line ("transcription")
          .text ("from", said->from.identity)
          .text ("id", segment.id)
          .text ("text", segment.text)
          .flag ("final", segment.final);
  } else if (auto *opened = std::get_if<StreamOpened> (&event)) {
    const auto &header = opened->stream->header;
    Line line ("stream-opened");
    line.text ("from", opened->stream->from.identity).text ("id", header.id).text ("topic", header.topic);
    line.flag ("is_text", opened->stream->is_text ())
        .text ("mime", header.mime_type)
        .attributes (header.attributes);
  } else if (auto *data = std::get_if<StreamData> (&event)) {
    Line ("stream-data")
        .text ("id", data->stream->header.id)
        .number ("offset", double (data->offset))
        .bytes ("data", data->bytes);
  } else if (auto *ended = std::get_if<StreamEnded> (&event)) {
    Line line ("stream-ended");
    line.text ("from", ended->stream->from.identity).text ("id", ended->stream->header.id);
    line.text ("topic", ended->stream->header.topic).bytes ("data", ended->bytes);
    line.attributes (ended->stream->header.attributes);
    if (ended->error)
      line.text ("error", to_string (ended->error->code)).text ("message", ended->error->message);
  } else if (auto *frame = std::get_if<TrackFrameReceived> (&event)) {
    Line line ("frame");
    line.text ("from", frame->from.identity).text ("track", frame->track.name).bytes ("data", frame->payload);
    line.number ("timestamp", frame->timestamp_90k);
    if (frame->user_timestamp) line.number ("user_timestamp", double (*frame->user_timestamp));
  } else if (auto *appeared = std::get_if<DataTrackAppeared> (&event)) {
    Line ("track-appeared").text ("from", appeared->from.identity).text ("track", appeared->track.name);
  } else if (auto *gone = std::get_if<DataTrackGone> (&event)) {
    Line ("track-gone").text ("from", gone->from.identity).text ("track", gone->track.name);
  }
}

// ---- commands

std::string
text_of (JsonObject *command, const char *name) {
  return json_string (command, name).value_or ("");
}
size_t
number_of (JsonObject *command, const char *name, size_t otherwise = 0) {
  return size_t (json_int (command, name).value_or (int64_t (otherwise)));
}
std::vector<std::string>
list_of (JsonObject *command, const char *name) {
  std::vector<std::string> list;
  auto *array = json_array (command, name);
  for (guint i = 0; array && i < json_array_get_length (array); ++i)
    list.emplace_back (json_array_get_string_element (array, i));
  return list;
}
/// "text", or "size" bytes of content number "number".
std::string
payload_of (JsonObject *command) {
  if (auto text = json_string (command, "text")) return *text;
  return content (number_of (command, "number"), number_of (command, "size"));
}

template <typename Pred>
bool
wait_for (Pred pred, std::chrono::milliseconds limit, const std::atomic<bool> &quit) {
  auto end = Steady::now () + limit;
  while (!pred ()) {
    if (quit || Steady::now () > end) return false;
    std::this_thread::sleep_for (std::chrono::milliseconds (5));
  }
  return true;
}

void
Tool::send_packets (JsonObject *command) {
  OutgoingPacket packet;
  packet.reliability
      = json_bool (command, "reliable").value_or (true) ? Reliability::Reliable : Reliability::Lossy;
  packet.topic = json_string (command, "topic");
  packet.destinations = list_of (command, "to");
  if (auto latency = json_int (command, "max_latency")) packet.max_latency = Millis (*latency);
  size_t count = number_of (command, "count", 1), size = number_of (command, "size");
  std::chrono::microseconds pause (number_of (command, "pause_us"));
  auto start = Steady::now ();
  Result<> result;
  for (size_t i = 0; i < count && result && !quit; ++i) {
    auto next = packet;
    next.payload = json_has (command, "text") ? text_of (command, "text") : content (i, size);
    result = port_->send (std::move (next), stop_.get_token ());
    if (pause.count ()) std::this_thread::sleep_until (start + pause * (i + 1));
  }
  std::chrono::duration<double> took = Steady::now () - start;
  Line ("sent").number ("seconds", took.count ()).outcome (result);
}

void
Tool::send_stream (JsonObject *command) {
  OutgoingStream spec;
  spec.text = json_bool (command, "is_text").value_or (false);
  spec.topic = text_of (command, "topic");
  spec.name = text_of (command, "name");
  spec.destinations = list_of (command, "to");
  if (auto value = json_string (command, "attribute")) spec.attributes["attribute"] = *value;
  auto bytes = payload_of (command);
  auto piece = number_of (command, "piece");
  uint64_t told = 0;
  Result<> result;
  if (piece == 0) {
    auto sent = port_->send_stream (spec, bytes, stop_.get_token (), [&] (uint64_t taken) { told = taken; });
    if (!sent) result = sent.error ();
  } else {
    auto writer = port_->open_stream (spec, stop_.get_token ());
    if (!writer) result = writer.error ();
    for (size_t at = 0; result && at < bytes.size (); at += piece)
      result = (*writer)->write (std::string_view (bytes).substr (at, piece), stop_.get_token ());
    if (result && !json_bool (command, "abort").value_or (false))
      result = (*writer)->close ({ { "closing", "yes" } }, stop_.get_token ());
  }
  Line ("stream-sent").number ("progress", double (told)).outcome (result);
}

void
Tool::send_frames (JsonObject *command) {
  auto track = port_->publish_track ({ text_of (command, "name") }, {});
  tracks_.push_back (track);
  wait_for ([&] { return !track->sid ().empty () || track->ended (); }, Millis (15000), quit);
  Result<> result;
  if (auto error = track->ended ()) result = *error;
  Line ("track-published").text ("sid", track->sid ()).outcome (result);
  // Who hears subscribes when it sees the track: frames go on for a while.
  size_t count = number_of (command, "count", 1), size = number_of (command, "size"), dropped = 0;
  std::chrono::microseconds pause (number_of (command, "pause_us", 20000));
  auto start = Steady::now ();
  for (size_t i = 0; i < count && result && !quit; ++i) {
    if (!track->push (content (i, size), uint32_t (i * 900), i * 1000)) ++dropped;
    std::this_thread::sleep_until (start + pause * (i + 1));
  }
  Line ("frames-sent").number ("dropped", double (dropped));
}

void
Tool::call (JsonObject *command) {
  RpcCall call;
  call.destination = text_of (command, "to");
  call.method = text_of (command, "method");
  call.payload = payload_of (command);
  call.timeout = Millis (number_of (command, "timeout", 15000));
  port_->perform_rpc (call, [] (RpcResult result) {
    Line line ("rpc");
    if (auto *error = std::get_if<RpcError> (&result))
      line.number ("code", error->code).text ("message", error->message).text ("data", error->data);
    else
      line.text ("payload", std::get<std::string> (result));
  });
}

void
Tool::serve (JsonObject *command) {
  auto code = number_of (command, "code");
  auto silent = json_bool (command, "silent").value_or (false);
  // Answers what it was asked, behind its own greeting.
  auto served
      = port_->serve_rpc (text_of (command, "method"), [=] (std::shared_ptr<RpcInvocation> invocation) {
          static std::vector<std::shared_ptr<RpcInvocation>> unanswered;
          Line ("called").text ("caller", invocation->caller ()).text ("payload", invocation->payload ());
          if (silent)
            unanswered.push_back (invocation);
          else if (code)
            invocation->answer (RpcError{ uint32_t (code), "refused", "because" });
          else
            invocation->answer ("you said: " + invocation->payload ());
        });
  if (!served) Line ("served").outcome (served);
}

void
Tool::listen (JsonObject *command) {
  DataFilter filter;
  auto kinds = list_of (command, "kinds");
  auto has
      = [&] (const char *kind) { return std::find (kinds.begin (), kinds.end (), kind) != kinds.end (); };
  filter.topics = text_of (command, "topics");
  filter.participants = text_of (command, "participants");
  filter.packets = has ("packets");
  filter.text_streams = has ("text");
  filter.byte_streams = has ("bytes");
  filter.chat = has ("chat");
  filter.transcription = has ("transcription");
  filter.tracks = has ("tracks");
  filter.whole_streams = !json_bool (command, "pieces").value_or (false);
  if (auto size = json_int (command, "max_stream_bytes")) filter.max_stream_bytes = size_t (*size);
  port_->add_listener (shared_from_this (), filter);
}

void
Tool::carry_out (JsonObject *command) {
  auto what = text_of (command, "do");
  if (what == "listen") {
    listen (command);
  } else if (what == "send") {
    send_packets (command);
  } else if (what == "stream") {
    send_stream (command);
  } else if (what == "chat") {
    ChatMessage message;
    message.text = text_of (command, "text");
    auto sent = port_->send_chat (message, list_of (command, "to"), stop_.get_token ());
    Line line ("chat-sent");
    if (sent)
      line.text ("id", *sent);
    else
      line.outcome (sent.error ());
  } else if (what == "transcribe") {
    Transcription said;
    said.segments.push_back ({ text_of (command, "id"), text_of (command, "text"), "en", 0, 1000, true });
    Line ("transcribed").outcome (port_->send_transcription (said, stop_.get_token ()));
  } else if (what == "track") {
    send_frames (command);
  } else if (what == "unpublish") {
    tracks_.clear ();
  } else if (what == "call") {
    call (command);
  } else if (what == "serve") {
    serve (command);
  } else if (what == "repeat-window") {
    port_->widen_repeat_window (Millis (number_of (command, "ms")));
  } else if (what == "lose") {
    session_->simulate ({ SimulateScenario::Kind::NodeFailure, 0 });
  } else if (what == "echo") {
    echo_ = text_of (command, "topic");
  } else if (what == "wait") {
    auto identity = text_of (command, "identity");
    bool there = wait_for (
        [&] {
          if (session_->state () != State::Connected) return false;
          for (const auto &participant : session_->participants ())
            if (participant.identity == identity && participant.state == ParticipantState::Active)
              return true;
          return false;
        },
        Millis (20000), quit);
    Line ("waited").flag ("there", there);
  } else if (what == "wait-go") {
    Line ("went").flag ("there", wait_for ([&] { return go_.load (); }, Millis (20000), quit));
  } else if (what == "flush") {
    Line ("flushed").flag ("empty",
                           wait_for ([&] { return port_->stats ().buffered == 0; }, Millis (20000), quit));
  } else if (what == "stats") {
    auto stats = port_->stats ();
    Line ("stats")
        .number ("reliable_sent", double (stats.reliable_sent))
        .number ("reliable_dropped", double (stats.reliable_dropped))
        .number ("lossy_sent", double (stats.lossy_sent))
        .number ("lossy_dropped", double (stats.lossy_dropped))
        .number ("received", double (stats.received))
        .number ("repeated", double (stats.repeated))
        .number ("unconfirmed", double (stats.unconfirmed))
        .number ("duplicates", double (stats.duplicates))
        .number ("malformed", double (stats.malformed))
        .number ("received_dropped", double (stats.received_dropped));
  } else if (what == "quit") {
    quit = true;
  } else {
    Line ("unknown").text ("do", what);
  }
}

int
Tool::run (int argc, char **argv) {
  session_ = Session::create ("");
  port_ = session_->data ();
  auto self = shared_from_this ();
  Settings settings;
  for (auto [variable, setting] :
       { std::pair ("LK_ROOM", &settings.room), { "LK_IDENTITY", &settings.identity } })
    if (const char *value = g_getenv (variable)) *setting = value;
  if (const char *token = g_getenv ("LIVEKIT_TOKEN")) settings.token = Secret (token);
  Needs needs;
  needs.data = g_getenv ("LK_RECEIVE_ONLY") == nullptr;
  if (auto attached = session_->attach (self, settings, needs); !attached) {
    Line ("attached").outcome (attached);
    return 1;
  }
  session_->start (self);
  for (int i = 1; i < argc && !quit; ++i) {
    auto command = parse_json (argv[i], 1024 * 1024);
    carry_out (json_object_of (command));
  }
  while (!quit)
    std::this_thread::sleep_for (std::chrono::milliseconds (20));
  tracks_.clear ();
  port_->remove_listener (this);
  session_->detach (self);
  session_.reset ();
  return 0;
}

} // namespace

int
main (int argc, char **argv) {
  gst_init (nullptr, nullptr);
  auto tool = std::make_shared<Tool> ();
  static Tool *running = tool.get ();
  auto on_signal = [] (int) { running->quit = true; };
  signal (SIGINT, on_signal);
  signal (SIGTERM, on_signal);
  return tool->run (argc, argv);
}
