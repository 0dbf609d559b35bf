// The cryptographic library as a whole.
#pragma once

namespace lk::auth {

/// Makes OpenSSL register its exit handler now, so that handlers registered later run before it. Any thread.
void init_crypto ();

} // namespace lk::auth
