// What a refused join and a Leave mean, in terms of what the user can do. Pure.
#include "base/ref.hpp"
#include "signal/signal_client.hpp"

#include <algorithm>

namespace lk::signal {
namespace {

constexpr size_t kMaxText = 200;
constexpr size_t kMaxWord = 64; // a longer one could be a token, which the server repeats in some answers

bool
contains (const std::string &text, const char *part) {
  return text.find (part) != std::string::npos;
}

/// The first line of a body, fit for a message; "" for pages and for the "success" of a validation that found
/// nothing.
std::string
quotable (const std::string &body) {
  std::string text = body.substr (0, body.find_first_of ("\r\n"));
  if (text == "success" || (!text.empty () && text.front () == '<')) return "";
  std::string clean, word;
  auto end_word = [&] {
    clean += word.size () > kMaxWord ? "(…)" : word;
    word.clear ();
  };
  for (unsigned char c : text) {
    bool part_of_word
        = g_ascii_isalnum (c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '/' || c == '=';
    if (part_of_word) {
      word += static_cast<char> (c);
      continue;
    }
    end_word ();
    clean += c < ' ' || c == 0x7f ? ' ' : static_cast<char> (c);
    if (clean.size () > kMaxText) break;
  }
  end_word ();
  clean.resize (std::min (clean.size (), kMaxText));
  CString valid (g_utf8_make_valid (clean.data (), static_cast<gssize> (clean.size ())));
  return valid.get ();
}

} // namespace

Error
explain_refusal (int status, const std::string &body) {
  std::string text = quotable (body);
  std::string http = "HTTP " + std::to_string (status);
  std::string said = text.empty () ? http : http + ", \"" + text + "\"";
  switch (status) {
  case 400:
    if (text.empty ()) break;
    return { Errc::InvalidToken, Retry::Never,
             "the server cannot use this token (" + said + "); check its room and identity" };
  case 401:
  case 403:
    return { Errc::Unauthorized, Retry::Never,
             "the server refused the token (" + said
                 + "); check the API key and secret, that it grants joining this room, and that it has not "
                   "expired (compare the clocks)" };
  case 404:
    if (!contains (body, "room does not exist")) break;
    return { Errc::NotFound, Retry::Never,
             "the room does not exist and the server does not make rooms by itself (" + said
                 + "); create it first" };
  case 429:
  case 502:
  case 503:
  case 504:
    return { Errc::ServerBusy, Retry::Restart,
             "the server takes no new participants now (" + said + "); try again later" };
  case 500:
    // The upgrade's own body is lost in the WebSocket handshake. When the validation finds no fault, the
    // media side has refused: that is what a full room looks like.
    if (text.empty () || contains (body, "connection closed by media"))
      return { Errc::RoomFull, Retry::Never, "room full or refused by the server (" + said + ")" };
    return { Errc::ServerBusy, Retry::Restart,
             "the server could not start the session (" + said + "); see its log" };
  default:
    if (status >= 300 && status < 400)
      return { Errc::NotLiveKit, Retry::Never,
               "the server redirects elsewhere (" + http + "), which is not followed; give the final URL" };
    if (status > 500)
      return { Errc::ServerBusy, Retry::Restart, "the server failed (" + said + "); try again later" };
  }
  return { Errc::NotLiveKit, Retry::Never,
           "what answers at this URL is not a LiveKit server (" + said + "); check host, port and path" };
}

Error
error_of (const Leave &leave) {
  Error error;
  switch (leave.action) {
  case LeaveAction::Disconnect:
    error.retry = Retry::Never;
    break;
  case LeaveAction::Resume:
    error.retry = Retry::Resume;
    break;
  case LeaveAction::Reconnect:
    error.retry = Retry::Restart;
    break;
  }
  auto is = [&] (Errc code, const char *message) {
    error.code = code;
    error.message = message;
  };
  switch (leave.reason) {
  case DisconnectReason::ClientInitiated:
    is (Errc::Closed, "the participant left");
    error.retry = Retry::Never;
    break;
  case DisconnectReason::DuplicateIdentity:
    // Whatever the server proposes: coming back would throw out the other one, which would come back in turn.
    is (Errc::DuplicateIdentity,
        "another participant joined with the same identity; give each its own identity");
    error.retry = Retry::Never;
    break;
  case DisconnectReason::ServerShutdown:
    // It says so with a Disconnect; but it is the server that ends, not the room, and most are started again.
    is (Errc::ServerShutdown, "the server is shutting down");
    error.retry = Retry::Restart;
    break;
  case DisconnectReason::ParticipantRemoved:
    is (Errc::Removed, "an administrator removed the participant");
    break;
  case DisconnectReason::RoomDeleted:
    is (Errc::RoomClosed, "the room was deleted");
    break;
  case DisconnectReason::RoomClosed:
    is (Errc::RoomClosed, "the room was closed");
    break;
  case DisconnectReason::JoinFailure:
    is (Errc::TransportLost,
        "the server saw no media connection in time; check that UDP or TCP media ports are reachable");
    break;
  case DisconnectReason::ConnectionTimeout:
    is (Errc::TransportLost, "the server lost the media connection");
    break;
  case DisconnectReason::MediaFailure:
    is (Errc::TransportLost, "the server reports a media failure");
    break;
  case DisconnectReason::StateMismatch:
    is (Errc::SignalLost, "the server's idea of the session differs from ours");
    break;
  case DisconnectReason::Migration:
    is (Errc::SignalLost, "the server moves the session to another node");
    break;
  case DisconnectReason::SignalClose:
    is (Errc::SignalLost, "the server closed the signalling connection");
    break;
  case DisconnectReason::UserUnavailable:
  case DisconnectReason::UserRejected:
  case DisconnectReason::SipTrunkFailure:
  case DisconnectReason::AgentError:
    is (Errc::Removed, "the server ended the participant");
    break;
  case DisconnectReason::Unknown:
    is (Errc::SignalLost, "the server ended the session without a reason");
    break;
  }
  return error;
}

} // namespace lk::signal
