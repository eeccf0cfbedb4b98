#include "client/logins.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include "codec/json.hpp"

namespace holdfast::client {

namespace json = boost::json;

namespace {

std::string text_of(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(""));
}

Error not_saved(const std::filesystem::path& file, std::string_view why) {
  return fail(ErrorCode::unavailable, kLoginsNotSaved,
              fmt::format("{} cannot be written: {}", file.string(), why));
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0;
}

}  // namespace

std::filesystem::path logins_file() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/')
    return std::filesystem::path(config) / "holdfast/config.json";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".config/holdfast/config.json";
  }
  return {};
}

Result<Logins> load_logins(const std::filesystem::path& file) {
  Logins logins;
  std::ifstream stream(file);
  if (file.empty() || !stream) return logins;
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto parsed = codec::parse_json(text);
  const json::value* hosts = parsed ? codec::member(*parsed, "hosts") : nullptr;
  if (hosts == nullptr || !hosts->is_object()) {
    return fail(ErrorCode::corrupt, kLoginsUnreadable,
                fmt::format("{} is not what holdfast login wrote: delete it and log in again",
                            file.string()));
  }
  logins.current = text_of(*parsed, "current");
  for (const auto& host : hosts->get_object()) {
    const json::value& value = host.value();
    logins.hosts[host.key()] = {text_of(value, "user"), text_of(value, "token"),
                                text_of(value, "tokenId"), text_of(value, "ca")};
  }
  return logins;
}

Result<void> save_logins(const std::filesystem::path& file, const Logins& logins) {
  if (file.empty()) return not_saved("config.json", "neither XDG_CONFIG_HOME nor HOME is set");
  json::object hosts;
  for (const auto& [host, login] : logins.hosts) {
    hosts[host] = json::object{{"user", login.user},
                               {"token", login.token},
                               {"tokenId", login.token_id},
                               {"ca", login.ca_pem}};
  }
  const json::object all{{"current", logins.current}, {"hosts", std::move(hosts)}};
  std::error_code problem;
  const bool made = std::filesystem::create_directories(file.parent_path(), problem);
  if (problem) return not_saved(file, problem.message());
  if (made)
    std::filesystem::permissions(file.parent_path(), std::filesystem::perms::owner_all, problem);
  std::string name = file.string() + ".XXXXXX";
  const int descriptor = ::mkstemp(name.data());  // 0600
  if (descriptor < 0) return not_saved(file, std::strerror(errno));
  const bool written = write_all(descriptor, json::serialize(all) + "\n");
  const int why = errno;
  ::close(descriptor);
  if (written && std::rename(name.c_str(), file.c_str()) == 0) return {};
  const Error failed = not_saved(file, std::strerror(written ? errno : why));
  ::unlink(name.c_str());
  return failed;
}

}  // namespace holdfast::client
