// A string that must never reach a log, a message or a dot file.
#pragma once

#include <string>
#include <string_view>

namespace lk {

class Secret {
public:
  Secret () = default;
  explicit Secret (std::string value) : value_ (std::move (value)) {}
  /// The secret itself: only for what is sent to the server or used as a key. Easy to grep for.
  const std::string &
  reveal () const {
    return value_;
  }
  /// Safe for logs: the length only.
  std::string
  redacted () const {
    return value_.empty () ? "(none)" : "(" + std::to_string (value_.size ()) + " bytes)";
  }
  bool
  empty () const {
    return value_.empty ();
  }
  bool operator== (const Secret &) const = default;

private:
  std::string value_;
};

} // namespace lk
