#include "net/tls.hpp"

#include <array>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/tls_native.hpp"

namespace holdfast::net {

namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Error invalid(std::string message) {
  ERR_clear_error();
  return fail(ErrorCode::invalid, kCertificateInvalid, std::move(message));
}

BioPtr memory_bio(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}

// The leaf, then what follows it as the chain.
Result<void> use_certificates(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = memory_bio(pem);
  const CertificatePtr leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return invalid("the certificate file holds no usable certificate in PEM form");
  }
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return invalid("an intermediate certificate cannot be used");
    }
  }
  ERR_clear_error();  // the end of the file is an error to PEM_read
  return {};
}

Result<SslContextPtr> make_context(const std::string& certificate_pem, const std::string& key_pem) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorCode::internal, kCertificateInvalid, "OpenSSL gives no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(),
                          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                          "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305");
  SSL_CTX_set_ciphersuites(context.get(),
                           "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                           "TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle connection keeps no record buffers; a write may be cut anywhere and tried again from
  // another address.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets only: the cache of sessions would be memory that clients fill.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const std::array<unsigned char, 8> id = {'h', 'o', 'l', 'd', 'f', 'a', 's', 't'};
  SSL_CTX_set_session_id_context(context.get(), id.data(), id.size());
  HF_CHECK(use_certificates(context.get(), certificate_pem));
  const BioPtr bio = memory_bio(key_pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key) return invalid("the key file holds no private key in PEM form without a passphrase");
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return invalid("the private key does not belong to the certificate");
  }
  return context;
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::create(const std::string& certificate_pem,
                                                       const std::string& key_pem) {
  HF_TRY(SslContextPtr context, make_context(certificate_pem, key_pem));
  return std::shared_ptr<TlsContext>(new TlsContext(std::make_unique<Native>(std::move(context))));
}

Result<void> TlsContext::replace(const std::string& certificate_pem, const std::string& key_pem) {
  HF_TRY(SslContextPtr context, make_context(certificate_pem, key_pem));
  native_->replace(std::move(context));
  return {};
}

}  // namespace holdfast::net
