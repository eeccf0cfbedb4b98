#include "crypto/authority.hpp"

#include <array>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "crypto/native.hpp"

namespace holdfast::crypto {

namespace {

constexpr std::chrono::days kRootLifetime{3650};
constexpr std::chrono::hours kSkew{1};  // clients whose clock is a little behind

std::time_t seconds_of(Timestamp when) {
  return std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(when));
}

KeyPtr new_key() {
  KeyPtr key(EVP_EC_gen("P-256"));
  require(key != nullptr, "EVP_EC_gen");
  return key;
}

std::string pem_of(EVP_PKEY* key) {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "PEM_write_bio_PKCS8PrivateKey");
  return text_of(bio.get());
}

std::string pem_of(X509* certificate) {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
  return text_of(bio.get());
}

Result<CertificatePtr> parse_certificate(std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) {
    return fail(ErrorCode::invalid, "certificate_invalid", "not a certificate in PEM form");
  }
  return certificate;
}

void set_name(X509_NAME* name, std::string_view common_name) {
  const std::string_view cut = common_name.substr(0, 64);  // RFC 5280: ub-common-name
  require(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>("Holdfast"), -1, -1,
                                     0) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(cut.data()),
                                         static_cast<int>(cut.size()), -1, 0) == 1,
          "X509_NAME_add_entry_by_txt");
}

void set_serial(X509* certificate) {
  std::array<unsigned char, 16> raw{};
  require(RAND_bytes(raw.data(), static_cast<int>(raw.size())) == 1, "RAND_bytes");
  raw[0] = static_cast<unsigned char>((raw[0] & 0x7fU) | 0x40U);  // positive, full length
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(
      BN_bin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
          "BN_to_ASN1_INTEGER");
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr, "X509V3_EXT_conf_nid");
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  require(added, "X509_add_ext");
}

CertificatePtr blank(std::string_view common_name, EVP_PKEY* key, Timestamp from, Timestamp to) {
  CertificatePtr certificate(X509_new());
  require(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1, "X509_new");
  set_serial(certificate.get());
  set_name(X509_get_subject_name(certificate.get()), common_name);
  require(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(from)) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(to)) != nullptr &&
              X509_set_pubkey(certificate.get(), key) == 1,
          "X509 fields");
  return certificate;
}

bool is_address(const std::string& name) {
  ASN1_OCTET_STRING* parsed = a2i_IPADDRESS(name.c_str());
  const bool is = parsed != nullptr;
  ASN1_OCTET_STRING_free(parsed);
  return is;
}

Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    // The text goes through OpenSSL's small language: nothing but host names and addresses.
    if (name.empty() || name.size() > 253 ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._*:") != std::string::npos) {
      return fail(ErrorCode::invalid, "name_invalid",
                  fmt::format("\"{}\" is neither a host name nor an address", name));
    }
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", is_address(name) ? "IP" : "DNS", name);
  }
  if (text.empty()) {
    return fail(ErrorCode::invalid, "name_invalid", "a server certificate needs a name");
  }
  return text;
}

}  // namespace

KeyPair make_root(std::string_view common_name, Timestamp now) {
  const KeyPtr key = new_key();
  const CertificatePtr root = blank(common_name, key.get(), now - kSkew, now + kRootLifetime);
  X509_set_issuer_name(root.get(), X509_get_subject_name(root.get()));
  add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:1");
  add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(root.get(), root.get(), NID_subject_key_identifier, "hash");
  require(X509_sign(root.get(), key.get(), EVP_sha256()) > 0, "X509_sign");
  return {pem_of(root.get()), pem_of(key.get())};
}

Result<KeyPair> issue_server(const KeyPair& root, const std::vector<std::string>& names,
                             Timestamp now, std::chrono::days lifetime) {
  HF_TRY(const std::string alternatives, alternative_names(names));
  HF_TRY(const CertificatePtr issuer, parse_certificate(root.certificate_pem));
  const BioPtr bio = memory_bio(root.key_pem);
  const KeyPtr issuer_key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    return fail(ErrorCode::invalid, "certificate_invalid", "the CA's key is not its certificate's");
  }
  const KeyPtr key = new_key();
  const CertificatePtr leaf = blank(names.front(), key.get(), now - kSkew, now + lifetime);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get()));
  add_extension(leaf.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(leaf.get(), issuer.get(), NID_ext_key_usage, "serverAuth");
  add_extension(leaf.get(), issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(leaf.get(), issuer.get(), NID_authority_key_identifier, "keyid:always");
  add_extension(leaf.get(), issuer.get(), NID_subject_alt_name, alternatives);
  require(X509_sign(leaf.get(), issuer_key.get(), EVP_sha256()) > 0, "X509_sign");
  return KeyPair{pem_of(leaf.get()), pem_of(key.get())};
}

Result<Timestamp> not_after(std::string_view certificate_pem) {
  HF_TRY(const CertificatePtr certificate, parse_certificate(certificate_pem));
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) {
    return fail(ErrorCode::invalid, "certificate_invalid", "the certificate's end does not parse");
  }
  return Timestamp{std::chrono::seconds{timegm(&parts)}};
}

Result<std::string> fingerprint(std::string_view certificate_pem) {
  HF_TRY(const CertificatePtr certificate, parse_certificate(certificate_pem));
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  require(X509_digest(certificate.get(), EVP_sha256(), raw.data(), &size) == 1, "X509_digest");
  std::string text = "SHA256:";
  for (unsigned i = 0; i < size; ++i) {
    text += fmt::format("{}{:02X}", i == 0 ? "" : ":", raw.at(i));
  }
  return text;
}

}  // namespace holdfast::crypto
