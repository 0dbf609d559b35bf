#include "session/token_source.hpp"

#include "auth/token.hpp"
#include "base/log.hpp"
#include "session/token_endpoint.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

constexpr size_t kMaxFile = 1 << 20, kMaxRefused = 16;

const char *
name_of (int origin) {
  static constexpr const char *kNames[]
      = { "token, newly set", "token-file, changed", "pushed by the server", "token",
          "token-file",       "token-url",           "request-token",        "api-key and api-secret" };
  return kNames[origin];
}

/// The first word of a small regular file; "" otherwise. A pipe must not hold us up.
std::string
read_word (const std::string &path) {
  int fd = ::open (path.c_str (), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return "";
  std::string text;
  struct stat info;
  if (::fstat (fd, &info) == 0 && S_ISREG (info.st_mode) && info.st_size >= 0
      && size_t (info.st_size) <= kMaxFile) {
    text.resize (size_t (info.st_size));
    auto count = ::read (fd, text.data (), text.size ());
    text.resize (count > 0 ? size_t (count) : 0);
  }
  ::close (fd);
  constexpr const char kBlank[] = " \t\r\n";
  auto from = text.find_first_not_of (kBlank);
  if (from == text.npos) return "";
  return text.substr (from, text.find_first_of (kBlank, from) - from);
}

std::string
minutes (std::chrono::seconds time) {
  return time.count () < 120 ? std::to_string (time.count ()) + " s"
                             : std::to_string (time.count () / 60) + " min";
}

} // namespace

TokenSource::TokenSource (const Context &context, Ask ask, Warn warn)
    : context_ (context), ask_ (std::move (ask)), warn_ (std::move (warn)) {}

TokenSource::~TokenSource () = default;

void
TokenSource::begin (Settings settings) {
  cancel ();
  settings_ = std::move (settings);
  room_.clear ();
  identity_.clear ();
  server_url_.clear ();
  held_ = {};
  file_text_.clear ();
  refused_tokens_.clear ();
  spent_.clear ();
  refusal_.reset ();
  minted_ = false;
  renew_ = false;
  if (settings_.token && !settings_.token->empty ()) hold (Given, *settings_.token);
}

void
TokenSource::cancel () {
  done_ = nullptr;
  turn_.reset ();
  exchange_.reset ();
  ask_limit_.reset ();
}

std::chrono::seconds
TokenSource::now () const {
  return std::chrono::duration_cast<std::chrono::seconds> (context_.env.clock->wall ());
}

void
TokenSource::hold (Origin origin, Secret token) {
  auto claims = auth::inspect (token.reveal ());
  held_[origin] = Held{ std::move (token), claims ? claims->expires : std::chrono::seconds (0) };
}

bool
TokenSource::refused (const Secret &token) const {
  return std::find (refused_tokens_.begin (), refused_tokens_.end (), token) != refused_tokens_.end ();
}

bool
TokenSource::usable (const Held &held) const {
  return !refused (held.token) && (held.expires.count () == 0 || now () + kTokenMargin < held.expires);
}

const TokenSource::Held *
TokenSource::last_resort () const {
  const Held *latest = nullptr;
  for (const auto &held : held_)
    if (held && !refused (held->token) && (!latest || held->expires > latest->expires)) latest = &*held;
  return latest;
}

/// The settings with what the session has become.
Settings
TokenSource::asking () const {
  auto settings = settings_;
  if (!room_.empty ()) settings.room = room_;
  if (!identity_.empty ()) settings.identity = identity_;
  return settings;
}

Result<Identity>
TokenSource::identify (const Secret &token) const {
  auto settings = settings_;
  settings.token = token;
  if (!settings.url && !server_url_.empty ()) settings.url = server_url_;
  // A session that was moved, or whose room only its first token named, stays where it is.
  if (!room_.empty ()) settings.room = room_;
  return resolve (
      settings, [] { return std::string (); }, now ());
}

// ---- the next one

void
TokenSource::get (Done done) {
  search (std::move (done));
  if (!take_held ()) ask_endpoint (false);
}

void
TokenSource::search (Done done) {
  g_assert (context_.queue->is_current ());
  cancel ();
  failure_.reset ();
  done_ = std::move (done);
  read_file ();
}

/// The best that is there; false when there is none.
bool
TokenSource::take_held () {
  for (int origin = Written; origin < Minted; ++origin) {
    const auto &held = held_[origin];
    if (!held || !usable (*held)) continue;
    fresh_ = false;
    auto identity = identify (held->token);
    if (!identity && origin == Given && room_.empty ()) {
      finish (identity);
      return true;
    }
    if (use (Origin (origin), std::move (identity))) return true;
  }
  return false;
}

void
TokenSource::refresh (bool now) {
  renew_ = true;
  // A connect that is looking for one is not held up.
  if (now && !done_) renew ();
}

void
TokenSource::renew () {
  auto before = file_text_;
  search ([this] (const Result<Identity> &identity) { renewed (identity); });
  fresh_ = false;
  if (file_text_ != before && use (ChangedFile, identify (held_[ChangedFile]->token))) return;
  ask_endpoint (false);
}

void
TokenSource::renewed (const Result<Identity> &identity) {
  renew_ = false;
  if (identity && (fresh_ || used_ == ChangedFile)) return hold (Written, identity->token);
  auto why = !identity  ? identity.error ()
             : failure_ ? *failure_
                        : Error{ Errc::InvalidToken, Retry::Never, "token-file holds the same as before" };
  if (warn_)
    warn_ ({ why.code, Retry::Never, "no new token could be had, the present one stays: " + why.message });
}

void
TokenSource::read_file () {
  if (!settings_.token_file) return;
  auto text = read_word (*settings_.token_file);
  if (text.empty ()) {
    // What it held stays: somebody may be writing it this moment.
    if (file_text_.empty ())
      failure_
          = Error{ Errc::Settings, Retry::Never,
                   "token-file \"" + *settings_.token_file
                       + "\" holds no token: check that it is there, can be read and is no larger than 1 "
                         "MiB" };
    return;
  }
  if (text == file_text_) return;
  hold (room_.empty () ? File : ChangedFile, Secret (text));
  file_text_ = std::move (text);
}

/// Ends the search when that one is good for anything.
bool
TokenSource::use (Origin origin, Result<Identity> identity) {
  if (!identity) {
    GST_INFO ("%s: the token of %s cannot be used", context_.name.c_str (), name_of (origin));
    failed (identity.error ());
    return false;
  }
  used_ = origin;
  if (origin == Minted) hold (Minted, identity->token);
  used_token_ = *held_[origin];
  held_[Minted].reset (); // made anew each time
  if (room_.empty ()) minted_ = origin == Minted;
  identity->minted = minted_;
  room_ = identity->room;
  if (identity_.empty () || origin != Minted) identity_ = identity->identity;
  GST_INFO ("%s: token: %s, %s", context_.name.c_str (), name_of (origin),
            used_token_.token.redacted ().c_str ());
  finish (std::move (identity));
  return true;
}

void
TokenSource::ask_endpoint (bool get) {
  if (!settings_.token_url || settings_.token_url->empty () || spent_.count (Endpoint)) return ask_handler ();
  net::Access access;
  access.proxy = settings_.proxy.value_or ("");
  access.ca_file = settings_.ca_file.value_or ("");
  if (settings_.tls_validation_flags) access.tls_validation_flags = *settings_.tls_validation_flags;
  if (!network_) network_ = context_.env.parts->make_network (access);
  exchange_ = network_->fetch (endpoint_request (*settings_.token_url, asking (), get),
                               [this, get] (Result<net::Response> response) {
                                 auto exchange = std::move (exchange_); // it is on the stack
                                 if (!get && response && response->status == 405) return ask_endpoint (true);
                                 auto answer = endpoint_answer (response);
                                 if (!answer) {
                                   failed (answer.error ());
                                   return ask_handler ();
                                 }
                                 server_url_ = answer->server_url;
                                 obtained (Endpoint, answer->token);
                               });
}

void
TokenSource::ask_handler () {
  if (!ask_ || spent_.count (Handler)) return mint ();
  turn_ = std::make_shared<char> ();
  auto answer = [this, queue = context_.queue, turn = std::weak_ptr (turn_)] (std::string token) {
    // Held by the answer alone, the turn never ends on a foreign thread: it is locked on ours.
    queue->post ([this, turn, token = Secret (std::move (token))] {
      if (!turn.lock ()) return;
      turn_.reset ();
      ask_limit_.reset ();
      if (!token.empty ()) return obtained (Handler, token);
      failed ({ Errc::InvalidToken, Retry::Never, "request-token was answered without a token" });
      mint ();
    });
  };
  if (!ask_ (std::move (answer))) {
    turn_.reset ();
    return mint ();
  }
  ask_limit_ = context_.timers->once (kAskLimit, [this] {
    turn_.reset ();
    auto limit = std::move (ask_limit_);
    failed ({ Errc::Timeout, Retry::Restart, "request-token was not answered within 10 s" });
    mint ();
  });
}

void
TokenSource::obtained (Origin origin, const Secret &token) {
  bool known = refused (token); // the same one again
  hold (origin, token);
  fresh_ = true;
  if (!known && use (origin, identify (token))) return;
  if (origin == Endpoint)
    ask_handler ();
  else
    mint ();
}

void
TokenSource::mint () {
  auto set = [] (const auto &setting) { return setting && !setting->empty (); };
  if (!set (settings_.api_key) || !set (settings_.api_secret) || spent_.count (Minted)) return give_up ();
  auto settings = asking ();
  settings.token.reset ();
  if (!settings.url && !server_url_.empty ()) settings.url = server_url_;
  fresh_ = true;
  auto identity = resolve (
      settings, [this] { return "gst-" + context_.env.random->token ().substr (0, 12); }, now ());
  if (!use (Minted, std::move (identity))) give_up ();
}

void
TokenSource::give_up () {
  if (failure_ && failure_->retry != Retry::Never) return finish (*failure_);
  fresh_ = false;
  if (const auto *held = refusal_ ? nullptr : last_resort ()) {
    auto origin = Origin (
        std::find_if (held_.begin (), held_.end (), [&] (const auto &h) { return h && &*h == held; })
        - held_.begin ());
    if (use (origin, identify (held->token))) return;
  }
  finish (failure_ ? *failure_ : nothing_left ());
}

Error
TokenSource::nothing_left () const {
  if (refusal_) return *refusal_;
  auto settings = settings_;
  settings.token.reset ();
  auto nothing = resolve (
      settings, [] { return std::string (); }, now ());
  return nothing ? Error{ Errc::Internal, Retry::Never, "no token" } : nothing.error ();
}

void
TokenSource::failed (const Error &error) {
  GST_WARNING ("%s: %s", context_.name.c_str (), error.message.c_str ());
  // The first one is told, unless another may be over the next time.
  bool may_pass = error.retry != Retry::Never;
  if (!failure_ || (may_pass && failure_->retry == Retry::Never)) failure_ = error;
}

void
TokenSource::finish (Result<Identity> result) {
  if (auto done = std::exchange (done_, nullptr)) done (std::move (result));
}

// ---- what becomes of it

/// For another room or identity than the session's; said so.
bool
TokenSource::foreign (const Secret &token) const {
  if (room_.empty () || token.empty ()) return false;
  auto claims = auth::inspect (token.reveal ());
  std::string problem;
  if (!claims)
    problem = claims.error ().message;
  else if (claims->video.room != room_)
    problem = "it is for room \"" + claims->video.room + "\", this session is in \"" + room_ + "\"";
  else if (claims->identity != identity_)
    problem = "it is for identity \"" + claims->identity + "\", this session is \"" + identity_ + "\"";
  else
    return false;
  Error error{ Errc::InvalidToken, Retry::Never,
               "the new token is not used, the present one stays: " + problem
                   + "; make one for the same room and identity, or stop and start again to go elsewhere" };
  GST_WARNING ("%s: %s", context_.name.c_str (), error.message.c_str ());
  if (warn_) warn_ (error);
  return true;
}

void
TokenSource::on_given (const Secret &token) {
  if (foreign (token)) return;
  settings_.token = token;
  if (token.empty ())
    held_[Written].reset ();
  else
    hold (Written, token);
}

void
TokenSource::on_pushed (const std::string &token) {
  if (!token.empty () && !foreign (Secret (token))) hold (Pushed, Secret (token));
}

void
TokenSource::on_moved (const std::string &token, const std::string &room) {
  if (!room.empty ()) room_ = room;
  on_pushed (token);
}

void
TokenSource::on_accepted () {
  refused_tokens_.clear ();
  spent_.clear ();
  refusal_.reset ();
  if (used_ == Written || used_ == ChangedFile) {
    // Newer than what was pushed; what will be pushed is made from it.
    held_[Pushed].reset ();
    held_[used_ == Written ? Given : File] = std::exchange (held_[used_], std::nullopt);
  }
  if (renew_) renew ();
}

void
TokenSource::on_refused (const Error &error) {
  if (refused_tokens_.size () >= kMaxRefused) refused_tokens_.erase (refused_tokens_.begin ());
  refused_tokens_.push_back (used_token_.token);
  if (fresh_) spent_.insert (used_);
  if (refusal_) return;
  refusal_ = error;
  auto age = now () - used_token_.expires;
  if (used_token_.expires.count () > 0 && age.count () >= 0)
    refusal_->message = "the token expired " + minutes (age)
                        + " ago and there is nothing to refresh it with: set token (also while running), "
                          "token-file or token-url, answer request-token, or give api-key and api-secret";
}

} // namespace lk::session
