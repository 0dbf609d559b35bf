// A certificate for tests, made on the spot.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

namespace lk::test {

/// A self-signed certificate for 127.0.0.1 with its key, as PEM. `expired`: ended yesterday.
inline std::string
make_certificate (bool expired) {
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *cert = X509_new ();
  X509_set_version (cert, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (cert), expired ? 2 : 1);
  constexpr long kDay = 24 * 3600;
  X509_gmtime_adj (X509_getm_notBefore (cert), -10 * kDay);
  X509_gmtime_adj (X509_getm_notAfter (cert), expired ? -kDay : 10 * kDay);
  X509_set_pubkey (cert, key);
  auto *name = X509_get_subject_name (cert);
  X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char *> ("test"), -1,
                              -1, 0);
  X509_set_issuer_name (cert, name);
  for (auto [nid, value] :
       { std::pair (NID_subject_alt_name, "IP:127.0.0.1"), std::pair (NID_basic_constraints, "CA:TRUE") }) {
    auto *extension = X509V3_EXT_conf_nid (nullptr, nullptr, nid, value);
    X509_add_ext (cert, extension, -1);
    X509_EXTENSION_free (extension);
  }
  X509_sign (cert, key, EVP_sha256 ());
  BIO *out = BIO_new (BIO_s_mem ());
  PEM_write_bio_X509 (out, cert);
  PEM_write_bio_PrivateKey (out, key, nullptr, nullptr, 0, nullptr, nullptr);
  char *data = nullptr;
  auto size = BIO_get_mem_data (out, &data);
  std::string pem (data, static_cast<size_t> (size));
  BIO_free (out);
  X509_free (cert);
  EVP_PKEY_free (key);
  return pem;
}

} // namespace lk::test
