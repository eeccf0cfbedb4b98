#include "keys/keys.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "codec/text.hpp"

namespace holdfast::keys {

namespace {

constexpr db::Migration kMigrations[] = {
    {"keys/0001-secrets", R"(CREATE TABLE secrets (
        name {text} NOT NULL PRIMARY KEY,
        sealed {bytes} NOT NULL,
        created_at {int} NOT NULL))"},
};

constexpr std::string_view kChangedSecret = "secret";  // key: its name
constexpr std::string_view kKeyFileInvalid = "key_file_invalid";
constexpr std::size_t kKeyBytes = 32;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string problem(const std::string& path, int code) {
  return fmt::format("cannot use the sealing key {}: {}", path,
                     std::generic_category().message(code));
}

// The file appears under its name complete and durable, or not at all. When two create it, the
// first one's stays.
Result<void> create_key_file(const std::string& path, Random& random) {
  const std::string text = random_hex(random, kKeyBytes) + "\n";
  const std::string temporary = fmt::format("{}.{}", path, random_hex(random, 8));
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorCode::unavailable, kKeyFileInvalid, problem(path, errno));
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0 && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int code = errno;
  ::close(file);
  ::unlink(temporary.c_str());
  if (!written) return fail(ErrorCode::unavailable, kKeyFileInvalid, problem(path, code));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int parent =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = parent >= 0 && ::fsync(parent) == 0;
  if (parent >= 0) ::close(parent);
  if (!synced) return fail(ErrorCode::unavailable, kKeyFileInvalid, problem(folder, errno));
  return {};
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

KeyStore::KeyStore(db::Database& database, crypto::Sealer sealer, const Clock& clock,
                   Random& random)
    : database_(database), sealer_(sealer), clock_(clock), random_(random) {}

Result<std::optional<std::string>> KeyStore::find(std::string_view name) {
  std::optional<std::string> sealed;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(sealed, tx.find<std::string>(
                       "SELECT sealed FROM secrets WHERE name = $1", {name},
                       [](const db::Row& row) { return std::string(text_of(row.bytes(0))); }));
    return {};
  }));
  if (!sealed) return std::optional<std::string>();
  HF_TRY(std::string secret, sealer_.open(name, *sealed));
  return std::optional<std::string>(std::move(secret));
}

Result<std::string> KeyStore::create(std::string_view name, std::string_view secret) {
  const std::string sealed = sealer_.seal(name, secret, random_);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO secrets (name, sealed, created_at) VALUES ($1, $2, $3) "
                   "ON CONFLICT (name) DO NOTHING",
                   {name, std::as_bytes(std::span(sealed)), to_micros(clock_.now())}));
    return {};
  }));
  HF_TRY(std::optional<std::string> stored, find(name));
  return stored.value_or(std::string(secret));
}

Result<void> KeyStore::replace(std::string_view name, std::string_view secret,
                               const db::Database::Function& also) {
  const std::string sealed = sealer_.seal(name, secret, random_);
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO secrets (name, sealed, created_at) VALUES ($1, $2, $3) "
                   "ON CONFLICT (name) DO UPDATE SET sealed = $2, created_at = $3",
                   {name, std::as_bytes(std::span(sealed)), to_micros(clock_.now())}));
    tx.changed(kChangedSecret, name);
    return also(tx);
  });
}

std::shared_ptr<void> KeyStore::subscribe(std::string_view name, std::function<void()> on_change) {
  return database_.subscribe(
      kChangedSecret, [name = std::string(name), on_change = std::move(on_change)](auto changed) {
        if (changed.empty() || changed == name) on_change();
      });
}

Result<crypto::Sealer> load_sealer(const std::string& path, IfMissing if_missing, Random& random) {
  if (if_missing == IfMissing::create && !std::filesystem::exists(path)) {
    HF_CHECK(create_key_file(path, random));
  }
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(ErrorCode::unavailable, kKeyFileInvalid, problem(path, errno));
  struct stat info{};
  std::array<char, 2 * kKeyBytes + 2> text{};
  const bool known = ::fstat(file, &info) == 0;
  const ssize_t got = ::read(file, text.data(), text.size());
  ::close(file);
  if (!known || (info.st_mode & 077U) != 0) {
    return fail(ErrorCode::denied, kKeyFileInvalid,
                fmt::format("{} can be read by others: chmod 600 {}", path, path));
  }
  std::string_view content(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (content.ends_with('\n')) content.remove_suffix(1);
  const auto raw = codec::from_hex(content);
  if (!raw || raw->size() != kKeyBytes) {
    return fail(ErrorCode::invalid, kKeyFileInvalid,
                fmt::format("{} does not hold 64 lower-case hex digits", path));
  }
  std::array<std::byte, kKeyBytes> key{};
  std::memcpy(key.data(), raw->data(), key.size());
  return crypto::Sealer(key);
}

}  // namespace holdfast::keys
