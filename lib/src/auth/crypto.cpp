#include "auth/crypto.hpp"

#include <openssl/crypto.h>

namespace lk::auth {

void
init_crypto () {
  // Without any option OpenSSL 3.0 returns at once.
  OPENSSL_init_crypto (OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
}

} // namespace lk::auth
