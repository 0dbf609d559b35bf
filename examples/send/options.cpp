#include "options.hpp"

#include <glib.h>

namespace lk::send {

using cli::usage;

namespace {

constexpr char kSummary[]
    = "Sends data to a LiveKit room, and ends when it has left.\n\n"
      "  livekit-send --room demo --topic hello --text \"Hello, room\"\n"
      "  livekit-send --room demo --topic files --destination alice --stream --file map.png\n"
      "  livekit-send --room demo --chat --stdin\n"
      "  livekit-send --room demo --destination robot --rpc move --text '{\"x\":1}'";

constexpr char kNotes[]
    = "What to send is --text, --file or --stdin; in which form, --stream, --chat or --rpc. Without one of "
      "these it is\n"
      "a packet: up to 15,360 bytes, or 1,300 with --lossy. Without --destination everybody in the room gets "
      "it.\n\n";

constexpr char kExitCodes[] = "Exit codes:\n"
                              "  0  sent; a call was answered, and the answer is on standard output\n"
                              "  1  the room could not be joined, or the connection ended\n"
                              "  2  wrong usage\n"
                              "  3  it could not be sent: too large, no UTF-8, no permission, no such file\n"
                              "  4  the call failed; its code and message are on standard error";

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

using Option = cli::Option<Options>;

const Option kFlags[] = {
  { "stdin", "Send each line of standard input",
    [] (Options &o) { return set_source (o, Source::Lines, ""); } },
  { "stream", "Send as a text stream, a file as a byte stream: any length",
    [] (Options &o) { return set_form (o, Form::Stream); } },
  { "chat", "Send as a chat message", [] (Options &o) { return set_form (o, Form::Chat); } },
  { "lossy", "Send once and do not wait for the network", [] (Options &o) { o.lossy = true; } },
  { "quiet", "Do not show the progress of a file", [] (Options &o) { o.quiet = true; } },
  { "version", "Print the version and exit", [] (Options &o) { o.show_version = true; } },
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
  const auto halves = cli::key_and_value (pair);
  if (!halves) return halves.error ();
  options.attributes.push_back (*halves);
  return {};
}

const Option kValues[] = {
  { "text", "TEXT", "Send this text",
    [] (Options &o, const std::string &v) { return set_source (o, Source::Text, v); } },
  { "file", "PATH", "Send this file",
    [] (Options &o, const std::string &v) { return set_source (o, Source::File, v); } },
  { "topic", "TOPIC", "The topic (default: none)", [] (Options &o, const std::string &v) { o.topic = v; } },
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
  { "name", "NAME", "Name of the byte stream (default: that of the file)",
    [] (Options &o, const std::string &v) { o.name = v; } },
  { "mime-type", "TYPE", "MIME type of the stream",
    [] (Options &o, const std::string &v) { o.mime_type = v; } },
  { "attribute", "KEY=VALUE", "Attribute of the stream; may be repeated", set_attribute },
};

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
  cli::CommandLine line (kSummary, std::string (kNotes) + cli::kEnvironment + kExitCodes);
  line.add (kValues, options);
  line.add_connection (options.connection, "Who sends (default: a unique one)");
  line.add (kFlags, options);
  if (auto fine = line.parse (argv); !fine) return fine.error ();
  if (auto fine = check (options); !fine) return fine.error ();
  return options;
}

} // namespace lk::send
