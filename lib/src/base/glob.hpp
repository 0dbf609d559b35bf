// Shell-style patterns as users write them in filter properties.
#pragma once

#include <string_view>

namespace lk {

/// Matches `text` against a comma-separated list of globs (`*`, `?`), blanks around commas ignored; a pattern
/// with a leading `!` excludes. Empty list = everything. A list of only exclusions matches what none of them
/// names.
bool matches_globs (std::string_view list, std::string_view text);

} // namespace lk
