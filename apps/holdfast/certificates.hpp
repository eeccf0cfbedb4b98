// The server's certificate: from files that are watched, or from the built-in authority.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/snapshot.hpp"
#include "keys/keys.hpp"
#include "net/tls.hpp"
#include "options.hpp"

namespace holdfast {

// One thread calls refresh(); the others are for any.
class Certificates {
 public:
  static Result<std::unique_ptr<Certificates>> open(const Options& options, keys::KeyStore& keys,
                                                    const Clock& clock);
  [[nodiscard]] const std::shared_ptr<net::TlsContext>& tls() const { return tls_; }
  // The authority's certificate; empty when the certificate comes from files.
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

  // The certificate in use, without its key.
  [[nodiscard]] std::string certificate_pem() const { return *certificate_pem_.load(); }

  // Takes up files that changed, or issues anew when the certificate nears its end. What does not
  // work is logged, and the one before stays.
  void refresh();

 private:
  struct Pems {
    std::string certificate;
    std::string key;
  };
  Certificates(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}
  Result<Pems> load();
  [[nodiscard]] bool built_in() const { return options_.tls_certificate.empty(); }
  [[nodiscard]] std::string stamp() const;

  const Options& options_;
  const Clock& clock_;
  std::string root_key_pem_;
  std::string ca_pem_;
  Snapshot<std::string> certificate_pem_;
  Timestamp renew_at_;
  std::string stamp_;
  std::shared_ptr<net::TlsContext> tls_;
};

}  // namespace holdfast
