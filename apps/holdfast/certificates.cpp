#include "certificates.hpp"

#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include "base/log.hpp"
#include "crypto/authority.hpp"

namespace holdfast {

namespace {

constexpr std::string_view kRootName = "ca/root";
constexpr std::string_view kKeyBegin = "-----BEGIN PRIVATE KEY-----";
constexpr std::chrono::days kLifetime{90};
constexpr std::chrono::days kRenewBefore{30};

Result<std::string> read_file(const std::string& path, std::string_view setting) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.good() && text.empty()) {
    return fail(ErrorCode::invalid, net::kCertificateInvalid,
                fmt::format("{}: cannot read {}", setting, path));
  }
  return text;
}

// Time and size of a file: what tells that it changed.
std::string file_stamp(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "missing";
  return fmt::format("{}.{}.{}.{}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size,
                     info.st_ino);
}

// The certificates of a file that may hold the key as well.
std::shared_ptr<const std::string> without_key(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::string certificates;
  for (std::size_t at = 0; (at = pem.find(kBegin, at)) != std::string_view::npos;) {
    const std::size_t end = pem.find(kEnd, at);
    if (end == std::string_view::npos) break;
    certificates.append(pem.substr(at, end + kEnd.size() - at)).append("\n");
    at = end;
  }
  return std::make_shared<const std::string>(std::move(certificates));
}

}  // namespace

std::string Certificates::stamp() const {
  return file_stamp(options_.tls_certificate) + "/" + file_stamp(options_.tls_key);
}

Result<Certificates::Pems> Certificates::load() {
  if (!built_in()) {
    stamp_ = stamp();
    HF_TRY(std::string certificate, read_file(options_.tls_certificate, "tls.certificate"));
    HF_TRY(std::string key, read_file(options_.tls_key, "tls.key"));
    return Pems{std::move(certificate), std::move(key)};
  }
  const Timestamp now = clock_.now();
  HF_TRY(auto leaf,
         crypto::issue_server({ca_pem_, root_key_pem_}, options_.tls_names, now, kLifetime));
  renew_at_ = now + kLifetime - kRenewBefore;
  return Pems{std::move(leaf.certificate_pem), std::move(leaf.key_pem)};
}

Result<std::unique_ptr<Certificates>> Certificates::open(const Options& options,
                                                         keys::KeyStore& keys, const Clock& clock) {
  std::unique_ptr<Certificates> made(new Certificates(options, clock));
  if (made->built_in()) {
    HF_TRY(std::optional<std::string> root, keys.find(kRootName));
    if (!root) {
      const crypto::KeyPair fresh = crypto::make_root("Holdfast CA", clock.now());
      HF_TRY(root, keys.create(kRootName, fresh.certificate_pem + fresh.key_pem));
    }
    const std::size_t key = root->find(kKeyBegin);
    made->ca_pem_ = root->substr(0, key);
    made->root_key_pem_ = key == std::string::npos ? std::string() : root->substr(key);
  }
  HF_TRY(const Pems pems, made->load());
  auto tls = net::TlsContext::create(pems.certificate, pems.key);
  if (!tls && !made->built_in()) {
    return fail(ErrorCode::invalid, net::kCertificateInvalid,
                fmt::format("tls.certificate and tls.key: {}", tls.error().message));
  }
  if (!tls) return std::move(tls).error();
  made->tls_ = *std::move(tls);
  made->certificate_pem_.store(without_key(pems.certificate));
  return made;
}

void Certificates::refresh() {
  const bool due = built_in() ? clock_.now() >= renew_at_ : stamp() != stamp_;
  if (!due) return;
  auto pems = load();
  const Result<void> replaced =
      pems ? tls_->replace(pems->certificate, pems->key) : Result<void>(pems.error());
  if (replaced) {
    certificate_pem_.store(without_key(pems->certificate));
    log::info("a new certificate is in use");
  } else {
    log::error("the certificate was not replaced", {{"error", describe(replaced.error())}});
  }
}

}  // namespace holdfast
