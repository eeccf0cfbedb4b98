// The logins of this user on this machine: $XDG_CONFIG_HOME/holdfast/config.json, for its owner
// alone.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.hpp"

namespace holdfast::client {

inline constexpr std::string_view kLoginsUnreadable = "logins_unreadable";  // corrupt
inline constexpr std::string_view kLoginsNotSaved = "logins_not_saved";     // unavailable

struct Login {
  std::string user;
  std::string token;     // an access token, never a password
  std::string token_id;  // of the token that login made; empty: it was given
  std::string ca_pem;    // empty: the system's
};

struct Logins {
  std::string current;                 // a key of hosts; empty: none
  std::map<std::string, Login> hosts;  // by Server::text()
};

// $XDG_CONFIG_HOME, or ~/.config; nothing (empty) when neither is known.
std::filesystem::path logins_file();
// No file: no logins. corrupt/kLoginsUnreadable.
Result<Logins> load_logins(const std::filesystem::path& file);
// Whole or not at all, also when the power is cut; mode 0600 from the first byte on.
// unavailable/kLoginsNotSaved.
Result<void> save_logins(const std::filesystem::path& file, const Logins& logins);

}  // namespace holdfast::client
