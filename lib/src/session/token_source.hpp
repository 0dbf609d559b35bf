// Where the token of each connect comes from. Session thread only.
//
// Tried in this order, the first one that has not run out is taken:
//   1. a token set, or a token-file changed, since the last join: somebody wants that one used
//   2. the newest that the server pushed: it carries what was changed in the room since
//   3. the token that was given, and what token-file holds
//   4. what token-url and then request-token answered before; when that has run out, they are asked again
//   5. one made from key and secret
// A token that the server refuses is not tried again, and a source whose fresh token is refused not asked
// again before the next join. When there is nothing better the last one that ran out is tried all the same:
// our clock may be wrong, and the server has the last word.
#pragma once

#include "session/parts.hpp"
#include "session/settings.hpp"

#include <array>
#include <set>

namespace lk::session {

/// Before a token runs out it is left alone for this long, so that it still holds when the server reads it.
inline constexpr std::chrono::seconds kTokenMargin{ 10 };
/// How long an application may take to answer request-token.
inline constexpr Millis kAskLimit{ 10000 };

class TokenSource {
public:
  using Done = std::function<void (Result<Identity>)>;
  /// Asks the application; false when nobody would answer. `answer` may be called on any thread, once; "" is
  /// "none".
  using Ask = std::function<bool (std::function<void (std::string)> answer)>;

  /// Told of a token that was set or pushed and is kept out.
  using Warn = std::function<void (const Error &)>;

  TokenSource (const Context &context, Ask ask, Warn warn = {});
  ~TokenSource ();

  /// A new session; `settings` with the environment applied.
  void begin (Settings settings);
  /// For the next connect. `done` comes once, perhaps before this returns, unless cancel() or get() comes
  /// first. A temporary failure has Retry::Restart.
  void get (Done done);
  void cancel ();

  /// Asks the sources for a new one, which the next connect takes before all others. Not `now`: as soon as
  /// the server has taken one.
  void refresh (bool now);

  void on_given (const Secret &token);
  void on_pushed (const std::string &token);
  void on_moved (const std::string &token, const std::string &room);
  /// The server took the one that get() gave last.
  void on_accepted ();
  /// The server refused it, as `error` says. The next get() gives another one, or the reason why there is
  /// none.
  void on_refused (const Error &error);

private:
  // In order of preference.
  enum Origin { Written, ChangedFile, Pushed, Given, File, Endpoint, Handler, Minted, kOrigins };
  struct Held {
    Secret token;
    std::chrono::seconds expires{ 0 }; // 0: it says none
  };

  std::chrono::seconds now () const;
  void hold (Origin origin, Secret token);
  bool foreign (const Secret &token) const;
  void search (Done done);
  bool take_held ();
  void renew ();
  void renewed (const Result<Identity> &identity);
  bool refused (const Secret &token) const;
  bool usable (const Held &held) const;
  const Held *last_resort () const;
  Result<Identity> identify (const Secret &token) const;
  Settings asking () const;
  Error nothing_left () const;
  void read_file ();
  bool use (Origin origin, Result<Identity> identity);
  void ask_endpoint (bool get);
  void ask_handler ();
  void mint ();
  void give_up ();
  void obtained (Origin origin, const Secret &token);
  void failed (const Error &error);
  void finish (Result<Identity> result);

  const Context context_;
  const Ask ask_;
  const Warn warn_;
  Settings settings_;
  std::string room_, identity_, server_url_; // of the session since its first token
  std::array<std::optional<Held>, kOrigins> held_;
  std::string file_text_; // as it was read last
  std::vector<Secret> refused_tokens_;
  std::set<Origin> spent_;       // its fresh token was refused
  std::optional<Error> refusal_; // the first one since the last join
  Origin used_ = Minted;
  Held used_token_;
  bool fresh_ = false; // used_token_ was made for this connect
  bool renew_ = false; // refresh() is still due
  bool minted_ = false;

  Done done_;
  std::optional<Error> failure_; // of a source, in this get()
  std::unique_ptr<net::Network> network_;
  net::ExchangePtr exchange_;
  std::shared_ptr<char> turn_; // answers of an earlier one are late
  TimerPtr ask_limit_;
};

} // namespace lk::session
