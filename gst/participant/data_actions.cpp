#include "participant/data_actions.hpp"

#include "base/time.hpp"
#include "participant/announcement.hpp"
#include "participant/data_buffer.hpp"
#include "participant/errors.hpp"
#include "participant/participant.hpp"

#include <gst/livekit/enums.h>

#include <algorithm>

namespace lk::gst {

namespace {

constexpr size_t kMaxPendingCalls = 256;
constexpr uint32_t kApplicationError = 1500;

DataActions &
actions_of (GstElement *element) {
  return Participant::of (element)->actions ();
}

std::vector<std::string>
strings_of (const gchar *const *list) {
  std::vector<std::string> out;
  for (; list && *list; list++)
    out.emplace_back (*list);
  return out;
}

/// NULL instead of "".
gchar *
give (const std::string &text) {
  return text.empty () ? nullptr : g_strdup (text.c_str ());
}

gboolean
on_send_data (GstElement *element, GBytes *payload, const gchar *topic, GstLiveKitReliability reliability,
              const gchar *const *destinations) {
  return payload
         && actions_of (element).send_data (payload, topic, reliability == GST_LIVEKIT_RELIABILITY_LOSSY,
                                            strings_of (destinations));
}

gchar *
on_send_text (GstElement *element, const gchar *text, const gchar *topic, const gchar *const *destinations) {
  return give (actions_of (element).send_text (text, topic, strings_of (destinations)));
}

gchar *
on_send_chat (GstElement *element, const gchar *text, const gchar *const *destinations) {
  return give (actions_of (element).send_chat (text, strings_of (destinations)));
}

gchar *
on_perform_rpc (GstElement *element, const gchar *destination, const gchar *method, const gchar *payload,
                guint timeout_ms, GstPromise *promise) {
  if (!destination || !method) return nullptr;
  session::RpcCall call;
  call.destination = destination;
  call.method = method;
  call.payload = payload ? payload : "";
  if (timeout_ms > 0) call.timeout = Millis (timeout_ms);
  return give (actions_of (element).perform_rpc (std::move (call), promise));
}

gboolean
on_answer_rpc (GstElement *element, const gchar *id, const GstStructure *answer) {
  return id && answer && actions_of (element).answer_rpc (id, answer);
}

/// The first handler that answers is the one that counts.
gboolean
first_answer (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer) {
  if (!g_value_get_boxed (one)) return TRUE;
  g_value_copy (one, all);
  return FALSE;
}

/// From a structure with `payload`, or `code`, `message` and `data`.
session::RpcResult
result_of (const GstStructure *answer) {
  guint code = 0;
  const auto text = [answer] (const char *field) -> std::string {
    const gchar *value = gst_structure_get_string (answer, field);
    return value ? value : "";
  };
  gint signed_code = 0;
  if (!gst_structure_get_uint (answer, "code", &code) && gst_structure_get_int (answer, "code", &signed_code))
    code = signed_code > 0 ? guint (signed_code) : kApplicationError;
  if (code == 0) return text ("payload");
  return RpcError{ code, text ("message"), text ("data") };
}

void
set_result (GstStructure *into, const session::RpcResult &result) {
  const auto *error = std::get_if<RpcError> (&result);
  gst_structure_set (into, "ok", G_TYPE_BOOLEAN, error == nullptr, nullptr);
  if (error)
    gst_structure_set (into, "code", G_TYPE_UINT, error->code, "message", G_TYPE_STRING,
                       error->message.c_str (), "data", G_TYPE_STRING, error->data.c_str (), nullptr);
  else
    gst_structure_set (into, "payload", G_TYPE_STRING, std::get<std::string> (result).c_str (), nullptr);
}

void
add_action (GType type, const char *name, GCallback handler, GType returned,
            std::initializer_list<GType> args) {
  std::vector<GType> types (args);
  g_signal_newv (name, type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                 g_cclosure_new (handler, nullptr, nullptr), nullptr, nullptr, nullptr, returned,
                 guint (types.size ()), types.data ());
}

} // namespace

void
DataActions::install (GType type) {
  /**
   * Participant::send-data:
   * @payload: up to 1,300 bytes lossy, 15,360 bytes reliable
   * @topic: topic, or NULL
   * @reliability: reliable or lossy
   * @destinations: identities, or NULL for everybody else in the room
   *
   * Sends a packet. Never blocks: it is queued, and what then cannot be sent is told by a warning on the bus.
   *
   * Returns: FALSE below READY, or when too much waits already
   */
  add_action (type, "send-data", G_CALLBACK (on_send_data), G_TYPE_BOOLEAN,
              { G_TYPE_BYTES, G_TYPE_STRING, GST_TYPE_LIVEKIT_RELIABILITY, G_TYPE_STRV });
  /**
   * Participant::send-text:
   * @text: any length
   * @topic: topic, or NULL
   * @destinations: identities, or NULL for everybody else in the room
   *
   * Sends a text stream. Queued like send-data.
   *
   * Returns: the id of the stream, or NULL
   */
  add_action (type, "send-text", G_CALLBACK (on_send_text), G_TYPE_STRING,
              { G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRV });
  /**
   * Participant::send-chat:
   * @text: the message
   * @destinations: identities, or NULL for everybody else in the room
   *
   * Sends a chat message. Queued like send-data.
   *
   * Returns: the id of the message, or NULL
   */
  add_action (type, "send-chat", G_CALLBACK (on_send_chat), G_TYPE_STRING, { G_TYPE_STRING, G_TYPE_STRV });
  /**
   * Participant::perform-rpc:
   * @destination: identity of who is called
   * @method: name of the method
   * @payload: argument for it, or NULL
   * @timeout: how long the answer may take, in ms; 0: 15 s
   * @promise: replied to with a structure "livekit/rpc-response", or NULL
   *
   * Calls a method of another participant. The answer comes as the message livekit-rpc-response too; its
   * fields are those of the reply. Never blocks; the promise is replied to on the session thread, which must
   * not wait for it.
   *
   * Returns: the id that the answer has as well, or NULL below READY
   */
  add_action (type, "perform-rpc", G_CALLBACK (on_perform_rpc), G_TYPE_STRING,
              { G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_UINT, GST_TYPE_PROMISE });
  /**
   * Participant::answer-rpc:
   * @id: of the call, as rpc-invoked gave it
   * @answer: a structure with the string `payload`, or with `code` (from 1 on, not 1001 to 1999), `message`
   * and `data`
   *
   * Answers a call that rpc-invoked left open.
   *
   * Returns: FALSE when there is no such open call (any more)
   */
  add_action (type, "answer-rpc", G_CALLBACK (on_answer_rpc), G_TYPE_BOOLEAN,
              { G_TYPE_STRING, GST_TYPE_STRUCTURE });
  /**
   * Participant::rpc-invoked:
   * @call: "livekit/rpc-call": id, caller, method, payload, timeout-ms
   *
   * Somebody calls one of the `rpc-methods`. Session thread: what takes longer returns NULL and answers by
   * answer-rpc.
   *
   * Returns: a structure as for answer-rpc, or NULL
   */
  g_signal_new ("rpc-invoked", type, G_SIGNAL_RUN_LAST, 0, first_answer, nullptr, nullptr, GST_TYPE_STRUCTURE,
                1, GST_TYPE_STRUCTURE);
  /**
   * Participant::data-received:
   * @buffer: the message; its GstLiveKitDataMeta says who sent it and how
   *
   * Data came: on livekitdatasrc what it is set to, on other elements everything, provided that a handler was
   * connected before the element went to READY. Session thread.
   */
  g_signal_new ("data-received", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
                GST_TYPE_BUFFER);
}

DataActions::DataActions (Participant *owner, GstElement *element)
    : owner_ (owner), element_ (element), outbox_ ([weak = ElementRef (element)] (const Error &error) {
        if (auto alive = weak.lock ()) post_warning (alive.get (), error);
      }) {}

Result<>
DataActions::attach (const std::shared_ptr<session::Session> &session,
                     const std::vector<std::string> &methods, bool listens) {
  auto port = session->data ();
  const ElementRef weak (element_);
  std::vector<std::string> served;
  for (const auto &method : methods) {
    if (std::ranges::find (served, method) != served.end ()) continue;
    auto taken = port->serve_rpc (method, [this, weak] (std::shared_ptr<session::RpcInvocation> call) {
      if (auto alive = weak.lock ()) invoked (call);
    });
    if (!taken) {
      for (const auto &other : served)
        (void)port->serve_rpc (other, {});
      return taken;
    }
    served.push_back (method);
  }
  std::shared_ptr<DataListener> listener;
  const guint id = g_signal_lookup ("data-received", G_OBJECT_TYPE (element_));
  if (listens && g_signal_has_handler_pending (element_, id, 0, TRUE)) {
    listener = std::make_shared<DataListener> (element_,
                                               [this] (const session::DataEvent &event) { heard (event); });
    session::DataFilter all;
    all.packets = all.text_streams = all.byte_streams = all.chat = all.transcription = true;
    port->add_listener (listener, all);
  }
  std::lock_guard guard (lock_);
  port_ = std::move (port);
  methods_ = std::move (served);
  listener_ = std::move (listener);
  return {};
}

void
DataActions::detach () {
  std::shared_ptr<session::DataPort> port;
  std::vector<std::string> methods;
  std::shared_ptr<DataListener> listener;
  std::map<std::string, Pending> pending;
  {
    std::lock_guard guard (lock_);
    port.swap (port_);
    methods.swap (methods_);
    listener.swap (listener_);
    pending.swap (pending_);
  }
  outbox_.stop ();
  if (!port) return;
  for (const auto &method : methods)
    (void)port->serve_rpc (method, {});
  if (listener) DataListener::leave (listener, port);
}

std::shared_ptr<session::DataPort>
DataActions::port () const {
  std::lock_guard guard (lock_);
  return port_;
}

// ---- sending ------------------------------------------------------------------------------------

bool
DataActions::send_data (GBytes *payload, const char *topic, bool lossy,
                        std::vector<std::string> destinations) {
  auto port = this->port ();
  if (!port) return false;
  gsize size = 0;
  const auto *data = static_cast<const char *> (g_bytes_get_data (payload, &size));
  session::OutgoingPacket packet;
  packet.reliability = lossy ? Reliability::Lossy : Reliability::Reliable;
  packet.payload.assign (data ? data : "", size);
  if (topic) packet.topic = topic;
  packet.destinations = std::move (destinations);
  return outbox_.add (
      size, [port, packet = std::move (packet)] (std::stop_token stop) { return port->send (packet, stop); });
}

std::string
DataActions::send_text (const char *text, const char *topic, std::vector<std::string> destinations) {
  auto port = this->port ();
  if (!port || !text || !g_utf8_validate (text, -1, nullptr)) return "";
  session::OutgoingStream spec;
  spec.text = true;
  spec.id = system_random ().token ();
  spec.topic = topic ? topic : "";
  spec.destinations = std::move (destinations);
  std::string bytes (text);
  spec.total_length = bytes.size ();
  const auto id = spec.id;
  const bool taken = outbox_.add (bytes.size (),
                                  [port, spec = std::move (spec), bytes] (std::stop_token stop) -> Result<> {
                                    auto sent = port->send_stream (spec, bytes, stop, {});
                                    if (!sent) return sent.error ();
                                    return {};
                                  });
  return taken ? id : "";
}

std::string
DataActions::send_chat (const char *text, std::vector<std::string> destinations) {
  auto port = this->port ();
  if (!port || !text || !g_utf8_validate (text, -1, nullptr)) return "";
  ChatMessage message;
  message.id = system_random ().token ();
  message.text = text;
  message.timestamp_ms = system_clock ().wall ().count ();
  const auto id = message.id;
  const bool taken = outbox_.add (
      message.text.size (),
      [port, message, destinations = std::move (destinations)] (std::stop_token stop) -> Result<> {
        auto sent = port->send_chat (message, destinations, stop);
        if (!sent) return sent.error ();
        return {};
      });
  return taken ? id : "";
}

std::string
DataActions::perform_rpc (session::RpcCall call, GstPromise *promise) {
  auto port = this->port ();
  if (!port) return "";
  const auto id = system_random ().token ();
  auto reply = Ref<GstPromise>::retain (promise);
  auto done = [weak = ElementRef (element_), id, destination = call.destination, method = call.method,
               reply] (const session::RpcResult &result) {
    StructurePtr response (gst_structure_new ("livekit/rpc-response", "id", G_TYPE_STRING, id.c_str (),
                                              "destination", G_TYPE_STRING, destination.c_str (), "method",
                                              G_TYPE_STRING, method.c_str (), nullptr));
    set_result (response.get (), result);
    if (auto alive = weak.lock ()) {
      auto *owner = Participant::of (alive.get ());
      if (auto session = owner->session ()) {
        auto message = new_message ("livekit-rpc-response", *session);
        add_fields (message.get (), response.get ());
        owner->post_message (std::move (message));
      }
    }
    if (reply) gst_promise_reply (reply.get (), response.release ());
  };
  port->perform_rpc (std::move (call), std::move (done));
  return id;
}

// ---- being called, session thread ---------------------------------------------------------------

void
DataActions::invoked (const std::shared_ptr<session::RpcInvocation> &call) {
  const gint64 now = g_get_monotonic_time ();
  bool full = false;
  {
    std::lock_guard guard (lock_);
    std::erase_if (pending_, [now] (const auto &entry) { return entry.second.until_us < now; });
    full = pending_.size () >= kMaxPendingCalls;
    // Before the handler runs, which may answer from another thread.
    if (!full) pending_[call->id ()] = { call, now + call->timeout ().count () * 1000 };
  }
  if (full) return call->answer (RpcError{ kApplicationError, "too many calls wait for their answer", "" });

  StructurePtr described (gst_structure_new (
      "livekit/rpc-call", "id", G_TYPE_STRING, call->id ().c_str (), "caller", G_TYPE_STRING,
      call->caller ().c_str (), "method", G_TYPE_STRING, call->method ().c_str (), "payload", G_TYPE_STRING,
      call->payload ().c_str (), "timeout-ms", G_TYPE_UINT, guint (call->timeout ().count ()), nullptr));
  if (auto session = owner_->session ()) {
    auto message = new_message ("livekit-rpc-invoked", *session);
    add_fields (message.get (), described.get ());
    owner_->post_message (std::move (message));
  }
  GstStructure *raw = nullptr;
  g_signal_emit_by_name (element_, "rpc-invoked", described.get (), &raw);
  const StructurePtr answer (raw);
  if (answer) answer_rpc (call->id (), answer.get ());
}

bool
DataActions::answer_rpc (const std::string &id, const GstStructure *answer) {
  std::shared_ptr<session::RpcInvocation> call;
  {
    std::lock_guard guard (lock_);
    auto it = pending_.find (id);
    if (it == pending_.end ()) return false;
    call = it->second.call;
    pending_.erase (it);
  }
  call->answer (result_of (answer));
  return true;
}

void
DataActions::heard (const session::DataEvent &event) {
  for (const auto &buffer : buffers_of (event))
    g_signal_emit_by_name (element_, "data-received", buffer.get ());
}

} // namespace lk::gst
