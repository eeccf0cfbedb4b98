#include "scanner/registrations.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "codec/text.hpp"
#include "repos/repositories.hpp"
#include "requests/requests.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::size_t kNameBytes = 128;
constexpr std::size_t kDescriptionBytes = 1024;
constexpr std::size_t kCredentialBytes = 8192;
constexpr std::size_t kAuthorityBytes = 64UZ << 10U;

constexpr std::array<std::string_view, 4> kAuthentications = {"", "Basic", "Bearer",
                                                              "X-ScannerAdapter-API-Key"};

constexpr std::string_view kColumns =
    "scan_registrations.id, uuid, name, description, url, authentication, credential, "
    "certificates, authority, registry_url, is_disabled, is_default, created_at, updated_at";

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Registration registration_of(const db::Row& row) {
  const auto sealed = row.bytes(6);
  return {
      .id = row.integer(0),
      .uuid = row.string(1),
      .name = row.string(2),
      .description = row.string(3),
      .url = row.string(4),
      .authentication = static_cast<Authentication>(row.integer(5)),
      .sealed_credential = std::string(reinterpret_cast<const char*>(sealed.data()), sealed.size()),
      .certificates = static_cast<Certificates>(row.integer(7)),
      .authority_pem = row.string(8),
      .registry_url = row.string(9),
      .is_disabled = row.boolean(10),
      .is_default = row.boolean(11),
      .created_at = from_micros(row.integer(12)),
      .updated_at = from_micros(row.integer(13))};
}

Error invalid(std::string_view sentence) {
  return fail(ErrorCode::invalid, kScannerInvalid, std::string(sentence));
}

Error unknown() { return fail(ErrorCode::not_found, kScannerUnknown, "there is no such scanner"); }

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t at_most) {
  if (text.size() <= at_most && codec::is_text(text) && !has_control(text)) return {};
  return invalid(fmt::format("{} must be a line of at most {} bytes", what, at_most));
}

Result<void> check_url(std::string_view url) {
  const Result<void> checked = requests::check_url(url);
  return checked ? checked : invalid(checked.error().message);
}

// Whether they can be read shows when they are used.
Result<void> check_authority(std::string_view pem) {
  if (pem.empty()) return {};
  if (pem.size() <= kAuthorityBytes && codec::is_text(pem) &&
      pem.contains("-----BEGIN CERTIFICATE-----")) {
    return {};
  }
  return invalid(fmt::format(
      "\"certificateAuthority\" must be certificates in PEM of at most {} bytes", kAuthorityBytes));
}

// Purposes differ: the sealed bytes of one registration open no other.
std::string purpose_of(const Registration& registration) {
  return fmt::format("scanner/{}", registration.uuid);
}

std::string without_slash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

Result<void> check_credential(Authentication authentication, std::string_view credential) {
  if (credential.empty()) return invalid("\"auth\" needs \"accessCredential\"");
  HF_CHECK(check_text("\"accessCredential\"", credential, kCredentialBytes));
  if (authentication == Authentication::basic) {
    if (credential.contains(':')) return {};
    return invalid("the credential of Basic must be \"user:password\"");
  }
  const bool is_word =
      std::ranges::all_of(credential, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  return is_word ? Result<void>() : invalid("the credential must be ASCII without blanks");
}

// The names of what is given, for people; no value.
std::string names_of(const RegistrationFields& fields) {
  std::string names;
  const auto add = [&](bool is_given, std::string_view name) {
    if (is_given) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  };
  add(fields.name.has_value(), "name");
  add(fields.description.has_value(), "description");
  add(fields.url.has_value(), "url");
  add(fields.authentication.has_value(), "auth");
  add(fields.credential.has_value(), "credential");
  add(fields.certificates.has_value(), "certificate checks");
  add(fields.authority_pem.has_value(), "certificate authority");
  add(fields.registry_url.has_value(), "registry URL");
  add(fields.is_disabled.has_value(), "disabled");
  add(fields.is_default.has_value(), "default");
  return names;
}

Result<void> emit(db::Tx& tx, events::Type type, const Registration& registration,
                  const events::Actor& actor, std::string detail, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = registration.name;
  event.detail = std::move(detail);
  return events::append(tx, event);
}

Result<std::optional<Registration>> find_in(db::Tx& tx, std::string_view condition,
                                            std::initializer_list<db::Value> values) {
  return tx.find<Registration>(
      fmt::format("SELECT {} FROM scan_registrations WHERE {}", kColumns, condition), values,
      registration_of);
}

}  // namespace

std::string_view name(Authentication authentication) {
  return kAuthentications.at(static_cast<std::size_t>(authentication));
}

std::optional<Authentication> authentication_of(std::string_view name) {
  const auto* const found = std::ranges::find(kAuthentications, name);
  if (found == kAuthentications.end()) return std::nullopt;
  return static_cast<Authentication>(found - kAuthentications.begin());
}

std::span<const db::Migration> adapter_migrations() {
  static constexpr std::array kMigrations = {
      db::Migration{"scanner/0006-adapters", R"(CREATE TABLE scan_registrations (
          id {id},
          uuid {text} NOT NULL UNIQUE,
          name {text} NOT NULL UNIQUE,
          description {text} NOT NULL,
          url {text} NOT NULL,
          authentication {int} NOT NULL,
          credential {bytes} NOT NULL,
          certificates {int} NOT NULL,
          authority {text} NOT NULL,
          registry_url {text} NOT NULL,
          is_disabled {int} NOT NULL,
          is_default {int} NOT NULL,
          created_at {int} NOT NULL,
          updated_at {int} NOT NULL);
        CREATE TABLE scan_choices (
          repository_id {int} PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
          registration_id {int} NOT NULL);
        CREATE INDEX scan_choices_registration ON scan_choices (registration_id);
        CREATE TABLE scan_adapter_images (
          id {id},
          manifest_id {int} NOT NULL UNIQUE REFERENCES manifests (id) ON DELETE CASCADE,
          registration_id {int} NOT NULL,
          attempt {text} NOT NULL,
          state {int} NOT NULL,
          reason {text} NOT NULL,
          os {text} NOT NULL,
          architecture {text} NOT NULL,
          layers {text} NOT NULL,
          requested_at {int} NOT NULL,
          completed_at {int} NOT NULL,
          scanner_name {text} NOT NULL,
          scanner_vendor {text} NOT NULL,
          scanner_version {text} NOT NULL,
          advisories {text} NOT NULL,
          report {bytes} NOT NULL,
          critical {int} NOT NULL,
          high {int} NOT NULL,
          medium {int} NOT NULL,
          low {int} NOT NULL,
          unknown {int} NOT NULL,
          fixable {int} NOT NULL,
          exploited {int} NOT NULL);
        CREATE INDEX scan_adapter_images_attempt ON scan_adapter_images (attempt)
          WHERE attempt <> '';
        CREATE TABLE scan_adapter_names (
          kind {int} NOT NULL,
          name {text} NOT NULL,
          image_id {int} NOT NULL REFERENCES scan_adapter_images (id) ON DELETE CASCADE,
          PRIMARY KEY (kind, name, image_id));
        CREATE INDEX scan_adapter_names_image ON scan_adapter_names (image_id))"},
  };
  return kMigrations;
}

Registrations::Registrations(db::Database& database, crypto::Sealer sealer, const Clock& clock,
                             Random& random)
    : database_(database), sealer_(sealer), clock_(clock), random_(random) {}

Result<std::vector<Registration>> Registrations::list() {
  std::vector<Registration> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(fmt::format("SELECT {} FROM scan_registrations ORDER BY name", kColumns), {},
                    [&](const db::Row& row) -> Result<void> {
                      found.push_back(registration_of(row));
                      return {};
                    });
  }));
  return found;
}

Result<Registration> Registrations::find(std::string_view uuid) {
  std::optional<Registration> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, find_in(tx, "uuid = $1", {uuid}));
    return {};
  }));
  if (!found) return unknown();
  return *std::move(found);
}

Result<void> Registrations::apply(const RegistrationFields& fields, Registration& registration) {
  const std::string url_before = registration.url;
  const Authentication before = registration.authentication;
  if (fields.name) registration.name = *fields.name;
  if (registration.name.empty()) return invalid("a scanner needs a \"name\"");
  HF_CHECK(check_text("\"name\"", registration.name, kNameBytes));
  if (fields.description) registration.description = *fields.description;
  HF_CHECK(check_text("\"description\"", registration.description, kDescriptionBytes));
  if (fields.url) registration.url = without_slash(*fields.url);
  if (fields.registry_url) registration.registry_url = without_slash(*fields.registry_url);
  HF_CHECK(check_url(registration.url));
  if (!registration.registry_url.empty()) HF_CHECK(check_url(registration.registry_url));
  if (fields.certificates) registration.certificates = *fields.certificates;
  if (fields.authority_pem) registration.authority_pem = *fields.authority_pem;
  HF_CHECK(check_authority(registration.authority_pem));
  if (fields.is_disabled) registration.is_disabled = *fields.is_disabled;
  if (fields.is_default) registration.is_default = *fields.is_default;
  if (registration.is_default && registration.is_disabled) {
    return invalid("the default scanner cannot be a disabled one");
  }
  if (fields.authentication) registration.authentication = *fields.authentication;
  if (registration.authentication == Authentication::none) {
    registration.sealed_credential.clear();
    return fields.credential && !fields.credential->empty()
               ? invalid("\"accessCredential\" needs \"auth\"")
               : Result<void>();
  }
  const bool is_kept = !fields.credential && before == registration.authentication &&
                       url_before == registration.url && !registration.sealed_credential.empty();
  if (is_kept) return {};
  if (!fields.credential && !url_before.empty() && url_before != registration.url) {
    return invalid("another \"url\" needs \"accessCredential\" again: it is not sent elsewhere");
  }
  HF_CHECK(check_credential(registration.authentication, fields.credential.value_or("")));
  registration.sealed_credential =
      sealer_.seal(purpose_of(registration), *fields.credential, random_);
  return {};
}

Result<Registration> Registrations::draft(const RegistrationFields& fields) {
  Registration made{.uuid = uuid(random_), .created_at = clock_.now()};
  made.updated_at = made.created_at;
  HF_CHECK(apply(fields, made));
  return made;
}

Result<void> Registrations::save(db::Tx& tx, const Registration& one) {
  if (one.is_default) {
    HF_CHECK(
        tx.execute("UPDATE scan_registrations SET is_default = 0 WHERE uuid <> $1", {one.uuid}));
  }
  HF_TRY(const auto twin,
         tx.find<bool>("SELECT 1 FROM scan_registrations WHERE name = $1 AND uuid <> $2",
                       {one.name, one.uuid}, [](const db::Row&) { return true; }));
  if (twin) {
    return fail(ErrorCode::already_exists, kScannerExists,
                fmt::format("there is a scanner {} already", one.name));
  }
  HF_CHECK(tx.execute(
      "INSERT INTO scan_registrations (uuid, name, description, url, authentication, credential, "
      "certificates, authority, registry_url, is_disabled, is_default, created_at, updated_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (uuid) DO "
      "UPDATE SET name = $2, description = $3, url = $4, authentication = $5, credential = $6, "
      "certificates = $7, authority = $8, registry_url = $9, is_disabled = $10, is_default = $11, "
      "updated_at = $13",
      {one.uuid, one.name, one.description, one.url, static_cast<std::int64_t>(one.authentication),
       bytes_of(one.sealed_credential), static_cast<std::int64_t>(one.certificates),
       one.authority_pem, one.registry_url, std::int64_t{one.is_disabled},
       std::int64_t{one.is_default}, to_micros(one.created_at), to_micros(one.updated_at)}));
  return {};
}

Result<Registration> Registrations::create(const RegistrationFields& fields,
                                           const events::Actor& actor) {
  HF_TRY(Registration made, draft(fields));
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto held,
           tx.find<std::int64_t>("SELECT count(*) FROM scan_registrations", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    if (held.value_or(0) >= static_cast<std::int64_t>(kRegistrationsAtMost)) {
      return fail(
          ErrorCode::conflict, kTooManyScanners,
          fmt::format("there are {} scanners, which is all there may be", kRegistrationsAtMost));
    }
    HF_CHECK(save(tx, made));
    return emit(tx, events::Type::scanner_created, made, actor, made.url, made.created_at);
  }));
  return find(made.uuid);
}

Result<Registration> Registrations::update(std::string_view uuid, const RegistrationFields& fields,
                                           const events::Actor& actor) {
  const Timestamp now = clock_.now();
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(auto found, find_in(tx, "uuid = $1", {uuid}));
    if (!found) return unknown();
    HF_CHECK(apply(fields, *found));
    found->updated_at = now;
    HF_CHECK(save(tx, *found));
    return emit(tx, events::Type::scanner_updated, *found, actor, names_of(fields), now);
  }));
  return find(uuid);
}

Result<void> Registrations::remove(std::string_view uuid, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found, find_in(tx, "uuid = $1", {uuid}));
    if (!found) return unknown();
    HF_TRY(const auto users,
           tx.find<std::int64_t>("SELECT count(*) FROM scan_choices WHERE registration_id = $1",
                                 {found->id}, [](const db::Row& row) { return row.integer(0); }));
    if (users.value_or(0) > 0) {
      return fail(ErrorCode::conflict, kScannerInUse,
                  fmt::format("{} repositories have chosen {}: disable it, or let them choose "
                              "another one first",
                              *users, found->name));
    }
    HF_CHECK(tx.execute("DELETE FROM scan_registrations WHERE id = $1", {found->id}));
    return emit(tx, events::Type::scanner_deleted, *found, actor, found->url, clock_.now());
  });
}

Result<std::string> Registrations::credential(const Registration& registration) {
  if (registration.sealed_credential.empty()) return std::string();
  return sealer_.open(purpose_of(registration), registration.sealed_credential);
}

Result<std::optional<Registration>> Registrations::of(std::int64_t repository_id) {
  std::optional<Registration> found;
  const std::string sql = fmt::format(
      "SELECT {} FROM scan_registrations WHERE scan_registrations.id = (SELECT {} FROM "
      "repositories WHERE repositories.id = $1)",
      kColumns, kScannerOfRepository);
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<Registration>(sql, {repository_id}, registration_of));
    return {};
  }));
  return found;
}

Result<Choice> Registrations::choice(std::int64_t repository_id) {
  Choice found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<std::int64_t>(
                      "SELECT registration_id FROM scan_choices WHERE repository_id = $1",
                      {repository_id}, [](const db::Row& row) { return row.integer(0); }));
    return {};
  }));
  return found;
}

Result<void> Registrations::choose(const repos::Repository& repository, Choice choice,
                                   const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto there, tx.find<bool>("SELECT 1 FROM repositories WHERE id = $1",
                                           {repository.id}, [](const db::Row&) { return true; }));
    if (!there) {
      return fail(ErrorCode::not_found, repos::kRepositoryUnknown,
                  "the repository was deleted meanwhile");
    }
    std::string chosen = choice ? "built in" : "default";
    if (choice && *choice != kBuiltIn) {
      HF_TRY(const auto found, find_in(tx, "scan_registrations.id = $1", {*choice}));
      if (!found) return unknown();
      chosen = found->name;
    }
    HF_CHECK(tx.execute("DELETE FROM scan_choices WHERE repository_id = $1", {repository.id}));
    if (choice) {
      HF_CHECK(
          tx.execute("INSERT INTO scan_choices (repository_id, registration_id) VALUES ($1, $2)",
                     {repository.id, *choice}));
    }
    events::Event event;
    event.at = clock_.now();
    event.type = events::Type::repository_updated;
    event.actor = actor;
    event.repository = repository.name.text();
    event.detail = fmt::format("scanner: {}", chosen);
    return events::append(tx, event);
  });
}

}  // namespace holdfast::scanner
