#include "base/log.hpp"
#include "net/soup_impl.hpp"

namespace lk::net {
namespace {

constexpr gsize kChunk = 16 * 1024;

/// Lives until libsoup's last callback; the Exchange in the caller's hands only refers to it.
struct Fetch : std::enable_shared_from_this<Fetch> {
  std::function<void (Result<Response>)> done;
  Ref<SoupSession> session;
  Ref<SoupMessage> message;
  Ref<GCancellable> cancellable = Ref<GCancellable>::adopt (g_cancellable_new ());
  Ref<GInputStream> stream;
  TimerPtr limit;
  std::string where;
  size_t max_body = 0;
  Response response;

  using Keep = std::shared_ptr<Fetch>;

  void
  start () {
    soup_session_send_async (session.get (), message.get (), G_PRIORITY_DEFAULT, cancellable.get (),
                             on_headers, new Keep (shared_from_this ()));
  }

  /// Ends the exchange with its one callback, after which the caller may have destroyed everything it held.
  void
  finish (Result<Response> result) {
    auto call = std::exchange (done, nullptr);
    drop ();
    if (call) call (std::move (result));
  }

  void
  drop () {
    done = nullptr;
    limit.reset ();
    g_cancellable_cancel (cancellable.get ());
  }

  void
  read_on () {
    g_input_stream_read_bytes_async (stream.get (), kChunk, G_PRIORITY_DEFAULT, cancellable.get (), on_chunk,
                                     new Keep (shared_from_this ()));
  }

  static void
  on_headers (GObject *source, GAsyncResult *result, gpointer data) noexcept {
    std::unique_ptr<Keep> keep (static_cast<Keep *> (data));
    Fetch &self = **keep;
    GError *raw = nullptr;
    self.stream = Ref<GInputStream>::adopt (soup_session_send_finish (SOUP_SESSION (source), result, &raw));
    ErrorPtr error (raw);
    if (!self.done) return;
    if (error) return self.finish (explain (error.get (), self.where));
    self.response.status = soup_message_get_status (self.message.get ());
    const char *type = soup_message_headers_get_content_type (
        soup_message_get_response_headers (self.message.get ()), nullptr);
    self.response.content_type = type ? type : "";
    self.read_on ();
  }

  static void
  on_chunk (GObject *source, GAsyncResult *result, gpointer data) noexcept {
    std::unique_ptr<Keep> keep (static_cast<Keep *> (data));
    Fetch &self = **keep;
    GError *raw = nullptr;
    auto bytes
        = Ref<GBytes>::adopt (g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &raw));
    ErrorPtr error (raw);
    if (!self.done) return;
    if (error) return self.finish (explain (error.get (), self.where));
    gsize size = 0;
    auto *chunk = static_cast<const char *> (g_bytes_get_data (bytes.get (), &size));
    if (size == 0) return self.finish (std::move (self.response));
    if (size > self.max_body - self.response.body.size ())
      return self.finish (Error{ Errc::LimitExceeded, Retry::Never,
                                 "the answer of " + self.where + " is larger than "
                                     + std::to_string (self.max_body) + " bytes" });
    self.response.body.append (chunk, size);
    self.read_on ();
  }
};

class SoupExchange : public Exchange {
public:
  explicit SoupExchange (std::shared_ptr<Fetch> fetch) : fetch_ (std::move (fetch)) {}
  ~SoupExchange () override { fetch_->drop (); }

private:
  std::shared_ptr<Fetch> fetch_;
};

} // namespace

ExchangePtr
start_exchange (const Result<Ref<SoupSession>> &session, const Request &request, uint32_t tls_flags,
                std::function<void (Result<Response>)> done) {
  auto fetch = std::make_shared<Fetch> ();
  fetch->done = std::move (done);
  fetch->max_body = request.max_body_bytes;
  auto exchange = std::make_unique<SoupExchange> (fetch);
  auto fail = [&] (Error error) {
    // Not from inside this call: the caller does not hold the exchange yet.
    fetch->limit = call_after (Millis (0), [self = fetch.get (), error = std::move (error)] {
      auto keep = self->shared_from_this ();
      self->finish (error);
    });
    return std::move (exchange);
  };
  if (!session) return fail (session.error ());
  fetch->session = *session;
  fetch->message = make_message (request.method.c_str (), request.url, request.bearer, tls_flags);
  if (!fetch->message) return fail ({ Errc::InvalidUrl, Retry::Never, "the request URL is not valid" });
  fetch->where = where_of (fetch->message.get ());
  GST_CAT_DEBUG (log::net (), "%s %s", request.method.c_str (), fetch->where.c_str ());
  if (!request.body.empty () || !request.content_type.empty ()) {
    auto body = Ref<GBytes>::adopt (g_bytes_new (request.body.data (), request.body.size ()));
    soup_message_set_request_body_from_bytes (
        fetch->message.get (), request.content_type.empty () ? nullptr : request.content_type.c_str (),
        body.get ());
  }
  // The whole exchange, body included, has this long: a server that drips bytes gets no more.
  fetch->limit = call_after (request.timeout, [self = fetch.get (), limit = request.timeout] {
    auto keep = self->shared_from_this ();
    self->finish (timed_out (self->where, limit));
  });
  fetch->start ();
  return exchange;
}

} // namespace lk::net
