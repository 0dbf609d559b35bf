// File names from templates: "{room}-{participant}-{track}-{time}.{ext}".
#pragma once

#include "base/result.hpp"

#include <functional>
#include <string>

namespace lk::record {

/// What a template may name. What others chose (identities, names of tracks) is made harmless when it is put
/// in.
struct NameFields {
  std::string room, participant, name, track, sid, source, kind, codec, ext;
  int64_t time = 0;  ///< seconds since the epoch, the start of the file
  unsigned part = 1; ///< which file of the same thing
};

/// Whether every {field} exists.
Result<> check_template (const std::string &name);
/// Whether it has one of the fields, comma-separated.
bool names_field (const std::string &name, const std::string &fields);
/// Parts from the second on get "-2" and so on before the ending where the template has no {part} or {time}.
std::string expand (const std::string &name, const NameFields &fields);
/// `name`, or "name-2.ext" … : the first that `taken` does not know.
std::string free_name (const std::string &name, const std::function<bool (const std::string &)> &taken);
/// A piece of a file name: no separators, no control characters, no leading dot, at most 80 bytes.
std::string harmless (const std::string &text);

} // namespace lk::record
