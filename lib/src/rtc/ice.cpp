#include "rtc/ice.hpp"

#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <glib.h>

namespace lk::rtc {

namespace {

constexpr size_t kMaxCandidate = 1024;
constexpr size_t kMaxTurnServers = 16; // each costs an allocation round trip per interface
constexpr size_t kMaxServerUrl = 2048;

bool
is_address (std::string_view text) {
  std::array<unsigned char, sizeof (in6_addr)> bytes;
  std::string address (text);
  return inet_pton (AF_INET, address.c_str (), bytes.data ()) == 1
         || inet_pton (AF_INET6, address.c_str (), bytes.data ()) == 1;
}

bool
is_one_of (std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find (list.begin (), list.end (), text) != list.end ();
}

std::string
lower_case (std::string_view text) {
  std::string lower (text);
  for (char &c : lower)
    c = g_ascii_tolower (c);
  return lower;
}

/// RFC 8839 §5.1, addresses only: a name would make either side ask DNS on behalf of the other.
struct Candidate {
  std::string text; ///< "candidate:…", blanks single
  bool tcp = false;
  std::string tcptype;
};

std::optional<Candidate>
parse_candidate (std::string_view line) {
  if (line.ends_with ("\r\n")) line.remove_suffix (2);
  if (line.starts_with ("a=")) line.remove_prefix (2);
  if (line.size () > kMaxCandidate || !line.starts_with ("candidate:")) return std::nullopt;
  if (std::any_of (line.begin (), line.end (), [] (unsigned char c) { return c < 0x20 || c > 0x7e; }))
    return std::nullopt;
  auto words = split_words (line.substr (10));
  if (words.size () < 8 || words.size () % 2 != 0) return std::nullopt; // what follows "typ x" comes in pairs
  auto foundation = words[0];
  if (foundation.size () > 32 || !std::all_of (foundation.begin (), foundation.end (), [] (char c) {
        return g_ascii_isalnum (c) || c == '+' || c == '/';
      }))
    return std::nullopt;
  auto transport = lower_case (words[2]);
  auto port = parse_number (words[5], 65535);
  if (auto component = parse_number (words[1], 256); !component || *component == 0) return std::nullopt;
  if (!is_one_of (transport, { "udp", "tcp" }) || !parse_number (words[3], UINT32_MAX)) return std::nullopt;
  if (!is_address (words[4]) || !port || *port == 0) return std::nullopt;
  if (words[6] != "typ" || !is_one_of (words[7], { "host", "srflx", "prflx", "relay" })) return std::nullopt;

  Candidate candidate{ "candidate:" + std::string (foundation), transport == "tcp", {} };
  for (size_t i = 1; i < words.size (); ++i)
    candidate.text.append (" ").append (words[i]);
  for (size_t i = 8; i < words.size (); i += 2) {
    if (words[i] == "tcptype") candidate.tcptype = words[i + 1];
    if (words[i] == "raddr" && !is_address (words[i + 1])) return std::nullopt;
    if (words[i] == "rport" && !parse_number (words[i + 1], 65535)) return std::nullopt;
  }
  if (candidate.tcp && !is_one_of (candidate.tcptype, { "active", "passive", "so" })) return std::nullopt;
  return candidate;
}

struct HostPort {
  std::string host; ///< IPv6 in brackets
  uint16_t port = 0;
};

std::optional<HostPort>
parse_host_port (std::string_view text, uint16_t default_port) {
  HostPort out{ {}, default_port };
  std::string_view rest;
  if (text.starts_with ('[')) {
    auto end = text.find (']');
    if (end == text.npos || !is_address (text.substr (1, end - 1))) return std::nullopt;
    out.host = text.substr (0, end + 1);
    rest = text.substr (end + 1);
  } else {
    auto end = std::min (text.find (':'), text.size ());
    out.host = text.substr (0, end);
    rest = text.substr (end);
    bool valid = !out.host.empty () && out.host.size () <= 253
                 && std::all_of (out.host.begin (), out.host.end (), [] (char c) {
                      return g_ascii_isalnum (c) || c == '.' || c == '-' || c == '_';
                    });
    if (!valid) return std::nullopt;
  }
  if (rest.empty ()) return out;
  auto port = rest.front () == ':' ? parse_number (rest.substr (1), 65535) : std::nullopt;
  if (!port || *port == 0) return std::nullopt;
  out.port = uint16_t (*port);
  return out;
}

std::string
to_string (const HostPort &server) {
  return server.host + ":" + std::to_string (server.port);
}

std::string
percent_encoded (std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    constexpr const char *digits = "0123456789ABCDEF";
    if (g_ascii_isalnum (c) || c == '-' || c == '.' || c == '_' || c == '~')
      out += char (c);
    else
      out.append ({ '%', digits[c >> 4], digits[c & 15] });
  }
  return out;
}

std::optional<std::string>
convert_stun (std::string_view rest) {
  if (rest.starts_with ("//")) rest.remove_prefix (2);
  auto server = parse_host_port (rest, 3478);
  if (!server) return std::nullopt;
  return "stun://" + to_string (*server);
}

struct TurnServer {
  HostPort where;
  std::string user_info, transport; ///< both as webrtcbin wants them
};

std::optional<TurnServer>
parse_turn (std::string_view rest, const IceServerUrl &given, bool tls) {
  if (rest.starts_with ("//")) rest.remove_prefix (2);
  TurnServer turn;
  turn.transport = tls ? "tcp" : "udp";
  if (auto query = rest.find ('?'); query != rest.npos) {
    auto parameter = rest.substr (query + 1);
    if (!parameter.starts_with ("transport=")) return std::nullopt;
    turn.transport = lower_case (parameter.substr (10));
    rest = rest.substr (0, query);
  }
  if (turn.transport != "tcp" && (tls || turn.transport != "udp")) return std::nullopt;
  std::string user = percent_encoded (given.username), password = percent_encoded (given.credential);
  if (auto at = rest.rfind ('@'); at != rest.npos) {
    // Already in webrtcbin's form, thus already encoded.
    auto info = rest.substr (0, at);
    auto colon = info.find (':');
    bool valid = colon != info.npos && std::all_of (info.begin (), info.end (), [] (unsigned char c) {
                   return g_ascii_isalnum (c)
                          || std::string_view ("-._~%:!$&'()*+,;=").find (char (c)) != std::string_view::npos;
                 });
    if (!valid) return std::nullopt;
    user = info.substr (0, colon);
    password = info.substr (colon + 1);
    rest = rest.substr (at + 1);
  }
  auto server = parse_host_port (rest, tls ? 5349 : 3478);
  if (!server || user.empty () || password.empty ()) return std::nullopt;
  turn.where = std::move (*server);
  turn.user_info = user + ":" + password;
  return turn;
}

std::optional<std::string>
convert_turn (std::string_view rest, const IceServerUrl &given) {
  auto turn = parse_turn (rest, given, false);
  if (!turn) return std::nullopt;
  return "turn://" + turn->user_info + "@" + to_string (turn->where) + "?transport=" + turn->transport;
}

std::optional<std::string>
convert_turns (std::string_view rest, const IceServerUrl &given, const TlsForward &tls) {
  auto turn = parse_turn (rest, given, true);
  if (!turn || !tls) return std::nullopt;
  auto host = turn->where.host;
  if (host.starts_with ('[')) host = host.substr (1, host.size () - 2);
  auto port = tls (host, turn->where.port);
  if (!port) return std::nullopt;
  return "turn://" + turn->user_info + "@127.0.0.1:" + std::to_string (*port) + "?transport=tcp";
}

} // namespace

std::optional<std::string>
clean_local_candidate (std::string_view line) {
  auto candidate = parse_candidate (line);
  if (!candidate || (candidate->tcp && candidate->tcptype == "passive")) return std::nullopt;
  return std::move (candidate->text);
}

std::optional<std::string>
clean_remote_candidate (std::string_view line) {
  auto candidate = parse_candidate (line);
  if (!candidate) return std::nullopt;
  return std::move (candidate->text);
}

IceServers
convert_ice_servers (const std::vector<IceServerUrl> &servers, const TlsForward &tls) {
  IceServers out;
  for (const auto &server : servers) {
    auto colon = server.url.find (':');
    auto scheme = lower_case (std::string_view (server.url).substr (0, std::min (colon, server.url.size ())));
    auto rest
        = std::string_view (server.url).substr (colon == server.url.npos ? server.url.size () : colon + 1);
    bool fits = server.url.size () <= kMaxServerUrl
                && std::none_of (rest.begin (), rest.end (), [] (char c) { return c <= ' '; });
    bool room = out.turn.size () < kMaxTurnServers;
    std::optional<std::string> stun, turn;
    if (fits && scheme == "stun")
      stun = convert_stun (rest);
    else if (fits && room && scheme == "turn")
      turn = convert_turn (rest, server);
    else if (fits && room && scheme == "turns")
      turn = convert_turns (rest, server, tls);

    if (turn)
      out.turn.push_back (std::move (*turn));
    else if (!stun)
      ++out.unusable;
    else if (out.stun.empty ())
      out.stun = std::move (*stun);
  }
  return out;
}

} // namespace lk::rtc
