#include "options.hpp"

#include "base/ref.hpp"

#include <cstring>

namespace lk::send {

namespace {

constexpr char kSummary[]
    = "Sends data to a LiveKit room, and ends when it has left.\n\n"
      "  livekit-send --room demo --topic hello --text \"Hello, room\"\n"
      "  livekit-send --room demo --topic files --destination alice --stream --file map.png\n"
      "  livekit-send --room demo --chat --stdin\n"
      "  livekit-send --room demo --destination robot --rpc move --text '{\"x\":1}'";

constexpr char kDescription[]
    = "What to send is --text, --file or --stdin; in which form, --stream, --chat or --rpc. Without one of "
      "these it is\n"
      "a packet: up to 15,360 bytes, or 1,300 with --lossy. Without --destination everybody in the room gets "
      "it.\n\n"
      "Environment:\n"
      "  LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET  stand in for the options; better "
      "for\n"
      "                      secrets, because other users of the machine can read command lines\n\n"
      "Exit codes:\n"
      "  0  sent; a call was answered, and the answer is on standard output\n"
      "  1  the room could not be joined, or the connection ended\n"
      "  2  wrong usage\n"
      "  3  it could not be sent: too large, no UTF-8, no permission, no such file\n"
      "  4  the call failed; its code and message are on standard error";

Error
usage (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

struct Flag {
  const char *name;
  const char *help;
  Result<> (*set) (Options &);
};

Result<>
set_form (Options &options, Form form) {
  if (options.form != Form::Packet && options.form != form)
    return usage ("give only one of --stream, --chat and --rpc");
  options.form = form;
  return {};
}

Result<>
set_source (Options &options, Source source, const std::string &content) {
  if (options.source != Source::None) return usage ("give only one of --text, --file and --stdin");
  options.source = source;
  options.content = content;
  return {};
}

template <auto Member>
Result<>
set_flag (Options &options) {
  options.*Member = true;
  return {};
}

template <auto Member>
Result<>
set_text (Options &options, const std::string &value) {
  options.*Member = value;
  return {};
}

const Flag kFlags[] = {
  { "stdin", "Send each line of standard input",
    [] (Options &o) { return set_source (o, Source::Lines, ""); } },
  { "stream", "Send as a text stream, a file as a byte stream: any length",
    [] (Options &o) { return set_form (o, Form::Stream); } },
  { "chat", "Send as a chat message", [] (Options &o) { return set_form (o, Form::Chat); } },
  { "lossy", "Send once and do not wait for the network", set_flag<&Options::lossy> },
  { "quiet", "Do not show the progress of a file", set_flag<&Options::quiet> },
  { "version", "Print the version and exit", set_flag<&Options::show_version> },
};

struct Value {
  const char *name, *placeholder, *help;
  Result<> (*set) (Options &, const std::string &);
};

Result<>
set_timeout (Options &options, const std::string &seconds) {
  char *end = nullptr;
  const double value = g_ascii_strtod (seconds.c_str (), &end);
  if (end == seconds.c_str () || *end || !(value >= 0.1 && value <= 3600))
    return usage ("a time-out is 0.1 to 3600 seconds");
  options.timeout_ms = unsigned (value * 1000);
  return {};
}

Result<>
set_attribute (Options &options, const std::string &pair) {
  const auto equals = pair.find ('=');
  if (equals == pair.npos || equals == 0) return usage ("an attribute is written KEY=VALUE");
  options.attributes.emplace_back (pair.substr (0, equals), pair.substr (equals + 1));
  return {};
}

#define LK_CONNECTION(option, placeholder, help, property)                                                   \
  Value {                                                                                                    \
    option, placeholder, help, [] (Options &o, const std::string &v) -> Result<> {                           \
      o.connection.emplace_back (property, v);                                                               \
      return {};                                                                                             \
    }                                                                                                        \
  }

const Value kValues[] = {
  { "text", "TEXT", "Send this text",
    [] (Options &o, const std::string &v) { return set_source (o, Source::Text, v); } },
  { "file", "PATH", "Send this file",
    [] (Options &o, const std::string &v) { return set_source (o, Source::File, v); } },
  { "topic", "TOPIC", "The topic (default: none)", set_text<&Options::topic> },
  { "destination", "ID", "Only to this identity; may be repeated",
    [] (Options &o, const std::string &v) -> Result<> {
      if (v.empty () || v.find (',') != v.npos) return usage ("an identity is not empty and has no comma");
      o.destinations.push_back (v);
      return {};
    } },
  { "rpc", "METHOD", "Call this method of the one destination; what is sent is its argument",
    [] (Options &o, const std::string &v) -> Result<> {
      o.method = v;
      return set_form (o, Form::Rpc);
    } },
  { "timeout", "SECONDS", "How long a call may take (default 15)", set_timeout },
  { "name", "NAME", "Name of the byte stream (default: that of the file)", set_text<&Options::name> },
  { "mime-type", "TYPE", "MIME type of the stream", set_text<&Options::mime_type> },
  { "attribute", "KEY=VALUE", "Attribute of the stream; may be repeated", set_attribute },
  LK_CONNECTION ("url", "URL", "Address of the server (LIVEKIT_URL)", "url"),
  LK_CONNECTION ("token", "TOKEN", "Access token (LIVEKIT_TOKEN)", "token"),
  LK_CONNECTION ("api-key", "KEY", "API key (LIVEKIT_API_KEY)", "api-key"),
  LK_CONNECTION ("api-secret", "SECRET", "API secret (LIVEKIT_API_SECRET)", "api-secret"),
  LK_CONNECTION ("room", "NAME", "The room; with a token it is the token's", "room"),
  LK_CONNECTION ("identity", "ID", "Who sends (default: a unique one)", "identity"),
};

/// GOption's callback for every option: finds it by name.
gboolean
take (const char *option, const char *value, gpointer data, GError **error) noexcept {
  auto &options = *static_cast<Options *> (data);
  const char *name = option + std::strspn (option, "-");
  Result<> set = usage ("unknown option");
  for (const auto &flag : kFlags)
    if (std::strcmp (flag.name, name) == 0) set = flag.set (options);
  for (const auto &known : kValues)
    if (std::strcmp (known.name, name) == 0) set = known.set (options, value);
  if (set) return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: %s", name,
               set.error ().message.c_str ());
  return FALSE;
}

std::vector<GOptionEntry>
entries () {
  std::vector<GOptionEntry> all;
  // FILENAME keeps the bytes as they are; the conversion from the locale refuses UTF-8 under LC_ALL=C.
  for (const auto &value : kValues)
    all.push_back ({ value.name, 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), value.help, value.placeholder });
  for (const auto &flag : kFlags)
    all.push_back ({ flag.name, 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), flag.help, nullptr });
  all.push_back ({});
  return all;
}

Result<>
check (const Options &options) {
  if (options.show_version) return {};
  const bool call = options.form == Form::Rpc;
  if (options.source == Source::None && !call)
    return usage ("nothing to send: give --text, --file or --stdin");
  if (call && options.destinations.size () != 1) return usage ("--rpc needs exactly one --destination");
  if (call && options.source == Source::Lines) return usage ("--rpc takes --text or --file");
  if (options.form == Form::Chat && options.source == Source::File)
    return usage ("--chat takes --text or --stdin");
  if (options.lossy && options.form != Form::Packet) return usage ("--lossy is for packets");
  return {};
}

} // namespace

Result<Options>
parse (char **argv) {
  Options options;
  using ContextPtr = std::unique_ptr<GOptionContext, Deleter<g_option_context_free>>;
  const ContextPtr context (g_option_context_new (nullptr));
  g_option_context_set_summary (context.get (), kSummary);
  g_option_context_set_description (context.get (), kDescription);
  GOptionGroup *group = g_option_group_new ("main", "", "", &options, nullptr);
  g_option_group_add_entries (group, entries ().data ());
  g_option_context_set_main_group (context.get (), group);

  char **rest = g_strdupv (argv);
  GError *raw = nullptr;
  const bool parsed = g_option_context_parse_strv (context.get (), &rest, &raw);
  const ErrorPtr error (raw);
  const bool surplus = parsed && g_strv_length (rest) > 1;
  const std::string first = surplus ? rest[1] : "";
  g_strfreev (rest);
  if (!parsed) return usage (error->message);
  if (surplus) return usage ("'" + first + "' belongs to no option");
  if (auto fine = check (options); !fine) return fine.error ();
  return options;
}

} // namespace lk::send
