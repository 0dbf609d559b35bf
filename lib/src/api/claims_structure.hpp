// Claims as the public functions show them: a GstStructure with the fields that token.h describes.
#pragma once

#include "auth/token.hpp"
#include "base/ref.hpp"

namespace lk::api {

/// Claims for minting at `now`. Errc::Settings names a field that is unknown or of another type.
Result<auth::Claims> claims_from_structure (const GstStructure *structure, std::chrono::seconds now);
StructurePtr claims_to_structure (const auth::Claims &claims);

} // namespace lk::api
