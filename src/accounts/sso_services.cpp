#include "accounts/sso_services.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "accounts/rows.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kTextMaxBytes = 2048;
constexpr std::size_t kBundleMaxBytes = 64UZ << 10U;
constexpr std::size_t kEntriesAtMost = 32;
constexpr std::int64_t kServicesAtMost = 100;

constexpr std::string_view kColumns =
    "id, name, description, url, privileged, redirect_uris, jwks_uris, provider_identities, "
    "ca_bundle";

std::string lines(const std::vector<std::string>& entries) {
  return fmt::format("{}", fmt::join(entries, "\n"));
}

std::vector<std::string> parse_lines(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    entries.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return entries;
}

SsoService service_of(const db::Row& row) {
  return {row.string(0),
          row.string(1),
          row.string(2),
          row.string(3),
          row.boolean(4),
          parse_lines(row.text(5)),
          parse_lines(row.text(6)),
          parse_lines(row.text(7)),
          row.string(8)};
}

Error invalid(std::string message) {
  return fail(ErrorCode::invalid, kSsoServiceInvalid, std::move(message));
}

bool is_https(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  return url.starts_with(kScheme) && url.size() > kScheme.size() &&
         url.find_first_of(" \t\r\n") == std::string_view::npos;
}

Result<void> check_entries(const std::vector<std::string>& entries, std::string_view what) {
  if (entries.size() > kEntriesAtMost) {
    return invalid(fmt::format("a service has at most {} {}", kEntriesAtMost, what));
  }
  for (const std::string& entry : entries) {
    HF_CHECK(check_text(entry, what, kTextMaxBytes));
    if (entry.empty() || entry.find('\n') != std::string::npos) {
      return invalid(fmt::format("{} must be lines of text", what));
    }
  }
  return {};
}

Result<void> check(const SsoService& service) {
  HF_CHECK(check_name(service.name, "a service"));
  HF_CHECK(check_text(service.description, "a description", kTextMaxBytes));
  HF_CHECK(check_text(service.url, "a URL", kTextMaxBytes));
  HF_CHECK(check_text(service.ca_bundle, "a CA bundle", kBundleMaxBytes));
  HF_CHECK(check_entries(service.redirect_uris, "redirectURIs"));
  HF_CHECK(check_entries(service.jwks_uris, "jwksURIs"));
  HF_CHECK(check_entries(service.provider_identities, "providerIdentities"));
  if (!is_https(service.url)) return invalid("\"url\" must begin with https://");
  for (const auto* uris : {&service.redirect_uris, &service.jwks_uris}) {
    for (const std::string& uri : *uris) {
      if (!is_https(uri)) return invalid("redirectURIs and jwksURIs must begin with https://");
    }
  }
  return {};
}

Result<SsoService> service_in(db::Tx& tx, const Account& owner, std::string_view service) {
  static const std::string by_name =
      fmt::format("SELECT {} FROM sso_services WHERE owner_id = $1 AND name = $2", kColumns);
  static const std::string by_id =
      fmt::format("SELECT {} FROM sso_services WHERE owner_id = $1 AND id = $2", kColumns);
  HF_TRY(auto found, tx.find<SsoService>(is_uuid(service) ? by_id : by_name, {owner.id, service},
                                         [](const db::Row& row) { return service_of(row); }));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, kSsoServiceUnknown,
              fmt::format("{} has no service {}", owner.name, service));
}

Result<void> append_event(db::Tx& tx, events::Type type, const Account& owner,
                          const SsoService& service, const events::Actor& actor, Timestamp now) {
  return events::append(tx,
                        event_of(type, fmt::format("{}/{}", owner.name, service.name), actor, now));
}

void apply(const SsoServiceChange& change, SsoService& service) {
  service.description = change.description.value_or(service.description);
  service.url = change.url.value_or(service.url);
  service.is_privileged = change.is_privileged.value_or(service.is_privileged);
  service.redirect_uris = change.redirect_uris.value_or(service.redirect_uris);
  service.jwks_uris = change.jwks_uris.value_or(service.jwks_uris);
  service.provider_identities = change.provider_identities.value_or(service.provider_identities);
  service.ca_bundle = change.ca_bundle.value_or(service.ca_bundle);
}

}  // namespace

Result<SsoService> SsoServices::create(const Account& owner, SsoService wanted,
                                       const events::Actor& actor) {
  HF_CHECK(check(wanted));
  wanted.id = uuid(random_);
  const std::string redirects = lines(wanted.redirect_uris);
  const std::string jwks = lines(wanted.jwks_uris);
  const std::string providers = lines(wanted.provider_identities);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(account_in(tx, owner.id));
    HF_TRY(const auto count,
           tx.find<std::int64_t>("SELECT count(*) FROM sso_services WHERE owner_id = $1",
                                 {owner.id}, [](const db::Row& row) { return row.integer(0); }));
    if (count.value_or(0) >= kServicesAtMost) {
      return fail(ErrorCode::quota, kTooManySsoServices,
                  fmt::format("an account has at most {} services", kServicesAtMost));
    }
    HF_TRY(const std::int64_t added,
           tx.execute(
               "INSERT INTO sso_services (id, owner_id, name, description, url, privileged, "
               "redirect_uris, jwks_uris, provider_identities, ca_bundle) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
               {wanted.id, owner.id, wanted.name, wanted.description, wanted.url,
                std::int64_t{wanted.is_privileged}, redirects, jwks, providers, wanted.ca_bundle}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kSsoServiceExists,
                  fmt::format("{} has a service {} already", owner.name, wanted.name));
    }
    return append_event(tx, events::Type::sso_service_created, owner, wanted, actor, clock_.now());
  }));
  return wanted;
}

Result<SsoService> SsoServices::update(const Account& owner, std::string_view service,
                                       const SsoServiceChange& change, const events::Actor& actor) {
  SsoService changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, service_in(tx, owner, service));
    apply(change, changed);
    HF_CHECK(check(changed));
    const std::string redirects = lines(changed.redirect_uris);
    const std::string jwks = lines(changed.jwks_uris);
    const std::string providers = lines(changed.provider_identities);
    HF_CHECK(tx.execute(
        "UPDATE sso_services SET description = $2, url = $3, privileged = $4, "
        "redirect_uris = $5, jwks_uris = $6, provider_identities = $7, "
        "ca_bundle = $8 WHERE id = $1",
        {changed.id, changed.description, changed.url, std::int64_t{changed.is_privileged},
         redirects, jwks, providers, changed.ca_bundle}));
    return append_event(tx, events::Type::sso_service_updated, owner, changed, actor, clock_.now());
  }));
  return changed;
}

Result<void> SsoServices::remove(const Account& owner, std::string_view service,
                                 const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const SsoService gone, service_in(tx, owner, service));
    HF_CHECK(tx.execute("DELETE FROM sso_services WHERE id = $1", {gone.id}));
    return append_event(tx, events::Type::sso_service_deleted, owner, gone, actor, clock_.now());
  });
}

Result<SsoService> SsoServices::find(const Account& owner, std::string_view service) {
  SsoService found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, service_in(tx, owner, service));
    return {};
  }));
  return found;
}

Result<std::vector<SsoService>> SsoServices::list(const Account& owner, std::string_view start,
                                                  std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM sso_services WHERE owner_id = $1 AND name >= $2 ORDER BY name LIMIT $3",
      kColumns);
  std::vector<SsoService> services;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    services.clear();
    return tx.query(sql, {owner.id, start, limit}, [&](const db::Row& row) -> Result<void> {
      services.push_back(service_of(row));
      return {};
    });
  }));
  return services;
}

}  // namespace holdfast::accounts
