// Claims to the JSON payload of a token and back. Names as the server reads them; pure.
#pragma once

#include "auth/token.hpp"

namespace lk::auth {

/// The payload; what is empty, false or unset is left out. Expects valid claims (see mint()).
std::string claims_to_json (const Claims &claims);
/// Unknown claims, and known ones of another type, are passed over; a time that is no number is an error,
/// since it must not be taken for "no limit". Errc::InvalidToken.
Result<Claims> claims_from_json (std::string_view json);
/// True when `json` is one object, as roomConfig must be.
bool is_json_object (std::string_view json);

} // namespace lk::auth
