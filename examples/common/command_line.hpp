// How the programs read their command lines: tables of options over GOption, and the options of a connection,
// which they have in common.
#pragma once

#include "base/result.hpp"

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lk::cli {

/// Exit codes that mean the same in every program that joins a room; higher ones are the program's own.
inline constexpr int kDone = 0, kNoRoom = 1, kUsage = 2;

/// Names the program, for what it says; first in main().
void start (const char *program);
/// Says it on standard error, behind the program's name. @return code
int complain (const std::string &what, int code);
/// Wrong usage: says what is wrong and where the help is. @return kUsage
int refuse (const Error &error);
/// Prints name and version. @return kDone
int show_version ();

/// What is wrong with an option, as a sentence.
Error usage (const std::string &message);
/// The halves of KEY=VALUE.
Result<std::pair<std::string, std::string>> key_and_value (const std::string &text);

/// One row of a program's table: an option and what it sets of T. A setter that can refuse returns Result<>.
template <typename T> struct Option {
  /// @param placeholder  what the help shows for the argument
  /// @param set  (T &, const std::string &argument)
  template <typename Set>
  Option (const char *name, const char *placeholder, const char *help, Set set, char letter = 0)
      : name (name), placeholder (placeholder), help (help), letter (letter),
        set ([set] (T &into, const std::string &argument) -> Result<> {
          if constexpr (std::is_void_v<std::invoke_result_t<Set, T &, const std::string &>>) {
            set (into, argument);
            return {};
          } else {
            return set (into, argument);
          }
        }) {}
  /// An option without an argument. @param set  (T &)
  template <typename Set>
  Option (const char *name, const char *help, Set set)
      : Option (name, nullptr, help, [set] (T &into, const std::string &) { return set (into); }) {}

  const char *name, *placeholder, *help;
  char letter;
  std::function<Result<> (T &, const std::string &)> set;
};

/// Properties of an element for its connection: name and value.
using Connection = std::vector<std::pair<std::string, std::string>>;

/// A part of the description: what the environment says of a connection.
extern const char kEnvironment[];

class CommandLine {
public:
  /// @param summary, description  what the help shows above and below the options
  CommandLine (std::string summary, std::string description);

  /// The help lists options in the order in which they are added. Rows and target outlive parse().
  template <typename T, std::size_t N>
  void
  add (const Option<T> (&rows)[N], T &into) {
    for (const auto &row : rows)
      entries_.push_back (
          { row.name, row.placeholder, row.help, row.letter,
            [&row, &into] (const std::string &argument) { return row.set (into, argument); } });
  }
  /// @param identity  help for --identity
  void add_connection (Connection &into, const char *identity);

  /// Sets what the arguments say. Prints the help and exits when asked to. The environment's locale is to be
  /// set.
  /// @param stray  said of a word that belongs to no option, behind that word
  /// @return Errc::Settings: a sentence about the usage
  Result<> parse (char **argv, const char *stray = "") const;

  struct Entry {
    const char *name, *placeholder, *help;
    char letter;
    std::function<Result<> (const std::string &)> set;
  };

private:
  std::string summary_, description_;
  std::vector<Entry> entries_;
};

} // namespace lk::cli
