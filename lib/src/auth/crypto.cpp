#include "auth/crypto.hpp"

#include <openssl/crypto.h>

namespace lk::auth {

void
init_crypto () {
  // Threads that have used OpenSSL, those of DTLS above all, may end while the handler is at work: each then
  // frees what the other does. One in 350 programs that left a room crashed so. NO_ATEXIT counts in the first
  // call of the process only, and without any option OpenSSL 3.0 returns at once.
  OPENSSL_init_crypto (OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, nullptr);
}

} // namespace lk::auth
