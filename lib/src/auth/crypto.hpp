// The cryptographic library as a whole.
#pragma once

namespace lk::auth {

/// Initialises OpenSSL without its exit handler, unless somebody else in the process was first. Then, exit
/// handlers that are registered later run before OpenSSL's. Any thread.
void init_crypto ();

} // namespace lk::auth
