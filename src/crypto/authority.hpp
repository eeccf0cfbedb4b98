// The built-in certificate authority: a root of its own, and server certificates from it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::crypto {

// A certificate and its private key, PEM. Never logged.
struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

// A self-signed root: P-256, CA:TRUE pathlen 1, keyCertSign and cRLSign, ten years.
KeyPair make_root(std::string_view common_name, Timestamp now);

// A server certificate for DNS names and IP addresses (each becomes a SAN; wildcards allowed),
// EKU serverAuth, valid from an hour before `now`. certificate_pem holds the leaf only.
Result<KeyPair> issue_server(const KeyPair& root, const std::vector<std::string>& names,
                             Timestamp now, std::chrono::days lifetime);

// When a PEM certificate ends. invalid when it does not parse.
Result<Timestamp> not_after(std::string_view certificate_pem);
// "SHA256:ab:cd…" fingerprint of the first certificate, as `openssl x509 -fingerprint` prints it.
Result<std::string> fingerprint(std::string_view certificate_pem);

}  // namespace holdfast::crypto
