#include "command_line.hpp"

#include "base/ref.hpp"

#include <clocale>
#include <cstdio>
#include <cstring>

namespace lk::cli {

const char kEnvironment[]
    = "Environment:\n"
      "  LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET  stand in for the options; better "
      "for\n"
      "                      secrets, because other users of the machine can read command lines\n\n";

namespace {

using Entries = std::vector<CommandLine::Entry>;

/// GOption's callback for every option: finds it by name or letter.
gboolean
take (const char *option, const char *argument, gpointer data, GError **error) noexcept {
  const bool letter = option[0] == '-' && option[1] != '-';
  const char *name = option + std::strspn (option, "-");
  Result<> set = usage ("unknown option");
  for (const auto &entry : *static_cast<const Entries *> (data))
    if (letter ? entry.letter == *name : std::strcmp (entry.name, name) == 0)
      set = entry.set (argument ? argument : "");
  if (set) return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", option,
               set.error ().message.c_str ());
  return FALSE;
}

GOptionEntry
as_goption (const CommandLine::Entry &entry) {
  // FILENAME keeps the bytes as they are; the conversion from the locale refuses UTF-8 under LC_ALL=C.
  const int flags = entry.placeholder ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG;
  return { entry.name, entry.letter,     flags, G_OPTION_ARG_CALLBACK, reinterpret_cast<gpointer> (take),
           entry.help, entry.placeholder };
}

} // namespace

void
start (const char *program) {
  std::setlocale (LC_ALL, "");
  g_set_prgname (program);
}

int
complain (const std::string &what, int code) {
  std::fprintf (stderr, "%s: %s\n", g_get_prgname (), what.c_str ());
  return code;
}

int
refuse (const Error &error) {
  complain (error.message, kUsage);
  std::fprintf (stderr, "Try %s --help\n", g_get_prgname ());
  return kUsage;
}

int
show_version () {
  std::printf ("%s " LK_VERSION "\n", g_get_prgname ());
  return kDone;
}

Error
usage (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

Result<std::pair<std::string, std::string>>
key_and_value (const std::string &text) {
  const auto equals = text.find ('=');
  if (equals == text.npos || equals == 0) return usage ("an attribute is written KEY=VALUE");
  return std::pair (text.substr (0, equals), text.substr (equals + 1));
}

CommandLine::CommandLine (std::string summary, std::string description)
    : summary_ (std::move (summary)), description_ (std::move (description)) {}

void
CommandLine::add_connection (Connection &into, const char *identity) {
  const auto property = [&] (const char *name, const char *placeholder, const char *help) {
    entries_.push_back ({ name, placeholder, help, 0, [&into, name] (const std::string &value) -> Result<> {
                           into.emplace_back (name, value);
                           return {};
                         } });
  };
  property ("url", "URL", "Address of the server (LIVEKIT_URL)");
  property ("token", "TOKEN", "Access token (LIVEKIT_TOKEN)");
  property ("api-key", "KEY", "API key (LIVEKIT_API_KEY)");
  property ("api-secret", "SECRET", "API secret (LIVEKIT_API_SECRET)");
  property ("room", "NAME", "The room; with a token it is the token's");
  property ("identity", "ID", identity);
}

Result<>
CommandLine::parse (char **argv, const char *stray) const {
  std::vector<GOptionEntry> options;
  for (const auto &entry : entries_)
    options.push_back (as_goption (entry));
  options.push_back ({});

  using ContextPtr = std::unique_ptr<GOptionContext, Deleter<g_option_context_free>>;
  const ContextPtr context (g_option_context_new (nullptr));
  g_option_context_set_summary (context.get (), summary_.c_str ());
  g_option_context_set_description (context.get (), description_.c_str ());
  GOptionGroup *group = g_option_group_new ("main", "", "", const_cast<Entries *> (&entries_), nullptr);
  g_option_group_add_entries (group, options.data ());
  g_option_context_set_main_group (context.get (), group);

  char **rest = g_strdupv (argv);
  GError *raw = nullptr;
  const bool parsed = g_option_context_parse_strv (context.get (), &rest, &raw);
  const ErrorPtr error (raw);
  const bool surplus = parsed && g_strv_length (rest) > 1;
  const std::string first = surplus ? rest[1] : "";
  g_strfreev (rest);
  if (!parsed) return usage (error->message);
  if (surplus) return usage ("'" + first + "' belongs to no option" + stray);
  return {};
}

} // namespace lk::cli
