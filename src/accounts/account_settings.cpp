#include "accounts/account_settings.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

#include "accounts/rows.hpp"
#include "oci/name.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::string_view kSystemAccounts = "system_accounts";  // lines
constexpr std::string_view kIssuer = "issuer";
constexpr std::size_t kNamesAtMost = 100;
constexpr std::size_t kIssuerMaxBytes = 2048;

}  // namespace

Result<std::string> AccountSettings::load(std::string_view name) {
  std::optional<std::string> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<std::string>("SELECT value FROM account_texts WHERE name = $1", {name},
                                       [](const db::Row& row) { return row.string(0); }));
    return {};
  }));
  return found.value_or("");
}

Result<void> AccountSettings::store(std::string_view name, std::string_view value,
                                    const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO account_texts (name, value) VALUES ($1, $2) "
                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   {name, value}));
    events::Event event =
        event_of(events::Type::account_settings_updated, "accounts", actor, clock_.now());
    event.detail = name;
    return events::append(tx, event);
  });
}

Result<std::vector<std::string>> AccountSettings::system_accounts() {
  HF_TRY(const std::string text, load(kSystemAccounts));
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

Result<void> AccountSettings::set_system_accounts(const std::vector<std::string>& names,
                                                  const events::Actor& actor) {
  if (names.size() > kNamesAtMost || !std::ranges::all_of(names, oci::is_name_component)) {
    return fail(
        ErrorCode::invalid, kAccountSettingInvalid,
        fmt::format("\"systemAccounts\" is a list of at most {} names of accounts", kNamesAtMost));
  }
  return store(kSystemAccounts, fmt::format("{}", fmt::join(names, "\n")), actor);
}

Result<std::string> AccountSettings::issuer() { return load(kIssuer); }

Result<void> AccountSettings::set_issuer(std::string_view identifier, const events::Actor& actor) {
  HF_CHECK(check_text(identifier, "an issuer", kIssuerMaxBytes));
  return store(kIssuer, identifier, actor);
}

}  // namespace holdfast::accounts
