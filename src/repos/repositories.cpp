#include "repos/repositories.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "accounts/grants.hpp"
#include "accounts/rows.hpp"
#include "repos/loosen.hpp"
#include "repos/repository_rows.hpp"
#include "repos/search.hpp"

namespace holdfast::repos {

namespace {

constexpr db::Migration kMigrations[] = {
    {"repos/0001-repositories", R"(CREATE TABLE repositories (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        namespace_id {int} NOT NULL REFERENCES accounts (id),
        full_name {text} NOT NULL UNIQUE,
        visibility {int} NOT NULL,
        created_at {int} NOT NULL);
      CREATE INDEX repositories_visible ON repositories (visibility, full_name);
      CREATE INDEX repositories_namespace ON repositories (namespace_id, full_name))"},
    {"repos/0002-content", R"(CREATE TABLE blobs (
        id {id},
        digest {text} NOT NULL UNIQUE,
        key {text} NOT NULL,
        size {int} NOT NULL,
        created_at {int} NOT NULL);
      CREATE TABLE repository_blobs (
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        blob_id {int} NOT NULL REFERENCES blobs (id),
        linked_at {int} NOT NULL,
        PRIMARY KEY (repository_id, blob_id));
      CREATE INDEX repository_blobs_blob ON repository_blobs (blob_id, linked_at);
      CREATE TABLE manifests (
        id {id},
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        digest {text} NOT NULL,
        media_type {text} NOT NULL,
        artifact_type {text} NOT NULL,
        subject {text} NOT NULL,
        content {bytes} NOT NULL,
        pushed_by {int} NOT NULL,
        pushed_at {int} NOT NULL,
        UNIQUE (repository_id, digest));
      CREATE INDEX manifests_subject ON manifests (repository_id, subject, digest);
      CREATE TABLE manifest_blobs (
        manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
        blob_id {int} NOT NULL REFERENCES blobs (id),
        PRIMARY KEY (blob_id, manifest_id));
      CREATE INDEX manifest_blobs_manifest ON manifest_blobs (manifest_id);
      CREATE TABLE tags (
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        name {text} NOT NULL,
        manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
        pushed_by {int} NOT NULL,
        pushed_at {int} NOT NULL,
        PRIMARY KEY (repository_id, name));
      CREATE INDEX tags_manifest ON tags (manifest_id))"},
    {"repos/0003-settings", R"(ALTER TABLE repositories
        ADD COLUMN short_description {text} NOT NULL DEFAULT '';
      ALTER TABLE repositories ADD COLUMN long_description {text} NOT NULL DEFAULT '';
      ALTER TABLE repositories ADD COLUMN scan_on_push {int} NOT NULL DEFAULT 0;
      ALTER TABLE repositories ADD COLUMN immutable_tags {int} NOT NULL DEFAULT 0;
      ALTER TABLE repositories ADD COLUMN enable_manifest_lists {int} NOT NULL DEFAULT 0;
      ALTER TABLE repositories ADD COLUMN tag_limit {int} NOT NULL DEFAULT 0;
      ALTER TABLE tags ADD COLUMN created_at {int} NOT NULL DEFAULT 0;
      UPDATE tags SET created_at = pushed_at;
      CREATE INDEX tags_oldest ON tags (repository_id, pushed_at, name))"},
    {"repos/0004-traffic", R"(ALTER TABLE repositories ADD COLUMN pulls {int} NOT NULL DEFAULT 0;
      ALTER TABLE repositories ADD COLUMN pushes {int} NOT NULL DEFAULT 0;
      CREATE TABLE traffic_cursor (
        one {int} PRIMARY KEY,
        last_event_id {int} NOT NULL))"},
    // Each repository's names and words, see search.hpp. The index covers what a search tests.
    {"repos/0005-search",
     R"(ALTER TABLE repositories ADD COLUMN has_terms {int} NOT NULL DEFAULT 0;
      CREATE INDEX repositories_without_terms ON repositories (id) WHERE has_terms = 0;
      CREATE TABLE repository_terms (
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        namespace_id {int} NOT NULL,
        is_public {int} NOT NULL,
        place {int} NOT NULL,
        term {text} NOT NULL);
      CREATE INDEX repository_terms_repository ON repository_terms (repository_id);
      CREATE INDEX repository_terms_term
        ON repository_terms (place, term, repository_id, namespace_id, is_public))"},
    // Hours and days, see traffic.hpp.
    {"repos/0006-traffic-over-time", R"(CREATE TABLE traffic (
        of_what {int} NOT NULL,
        of_id {int} NOT NULL,
        step {int} NOT NULL,
        begins_at {int} NOT NULL,
        pulls {int} NOT NULL,
        pushes {int} NOT NULL,
        PRIMARY KEY (of_what, of_id, step, begins_at));
      CREATE INDEX traffic_oldest ON traffic (step, begins_at))"},
    {"repos/0007-manifests-by-digest",
     "CREATE INDEX manifests_digest ON manifests (digest, repository_id)"},
    // What may be in no need any more (repos/loose.hpp). The children of indexes that were pushed
    // before are read by its search.
    {"repos/0008-loose", R"(CREATE TABLE manifest_children (
        repository_id {int} NOT NULL,
        digest {text} NOT NULL,
        parent_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
        PRIMARY KEY (repository_id, digest, parent_id));
      CREATE INDEX manifest_children_parent ON manifest_children (parent_id);
      CREATE TABLE loose_manifests (
        manifest_id {int} NOT NULL PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
        since {int} NOT NULL,
        held {int} NOT NULL);
      CREATE INDEX loose_manifests_since ON loose_manifests (held, since, manifest_id);
      CREATE TABLE loose_blobs (blob_id {int} NOT NULL PRIMARY KEY);
      CREATE INDEX repository_blobs_since ON repository_blobs (linked_at, repository_id, blob_id))"},
    // See pins.hpp.
    {"repos/0009-pinned-blobs", R"(CREATE TABLE pinned_blobs (
        blob_id {int} NOT NULL PRIMARY KEY REFERENCES blobs (id),
        reason {text} NOT NULL))"},
};

constexpr std::size_t kRepositoriesInMemory = 20'000;

Error unknown(std::string_view name) {
  return fail(ErrorCode::not_found, kRepositoryUnknown,
              fmt::format("there is no repository {}", name));
}

Result<Repository> find_in(db::Tx& tx, const oci::RepositoryName& name) {
  static const std::string sql =
      fmt::format("SELECT {} FROM repositories WHERE full_name = $1", kRepositoryColumns);
  HF_TRY(auto found, tx.find<Result<Repository>>(sql, {name.text()}, [](const db::Row& row) {
    return repository_of(row);
  }));
  if (!found) return unknown(name.text());
  return *std::move(found);
}

Result<std::int64_t> namespace_in(db::Tx& tx, std::string_view ns) {
  HF_TRY(const auto found,
         tx.find<std::int64_t>("SELECT id FROM accounts WHERE name = $1", {ns},
                               [](const db::Row& row) { return row.integer(0); }));
  if (!found) {
    return fail(
        ErrorCode::not_found, kNamespaceUnknown,
        fmt::format("there is no namespace {}: a namespace is a user or an organization", ns));
  }
  return *found;
}

events::Event event_about(events::Type type, const oci::RepositoryName& name,
                          const events::Actor& actor, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.repository = name.text();
  return event;
}

Result<void> check(const RepositoryFields& fields) {
  if (fields.short_description) {
    HF_CHECK(accounts::check_text(*fields.short_description, "a short description",
                                  kShortDescriptionBytes));
  }
  if (fields.long_description) {
    HF_CHECK(accounts::check_text(*fields.long_description, "a long description",
                                  kLongDescriptionBytes));
  }
  if (fields.tag_limit.value_or(0) < 0) {
    return fail(ErrorCode::invalid, kFieldsInvalid, "a tag limit is 0, for none, or more");
  }
  return {};
}

// The columns that are given, with their values.
struct Assignments {
  std::vector<std::string_view> columns;
  std::vector<db::Value> values;

  void add(std::string_view column, db::Value value) {
    columns.push_back(column);
    values.push_back(value);
  }
};

// The values refer to `fields`.
Assignments assignments(const RepositoryFields& fields) {
  Assignments given;
  if (fields.visibility) {
    given.add("visibility", std::int64_t{*fields.visibility == Visibility::public_access});
  }
  if (fields.short_description) given.add("short_description", *fields.short_description);
  if (fields.long_description) given.add("long_description", *fields.long_description);
  if (fields.scan_on_push) given.add("scan_on_push", std::int64_t{*fields.scan_on_push});
  if (fields.immutable_tags) given.add("immutable_tags", std::int64_t{*fields.immutable_tags});
  if (fields.enable_manifest_lists) {
    given.add("enable_manifest_lists", std::int64_t{*fields.enable_manifest_lists});
  }
  if (fields.tag_limit) given.add("tag_limit", *fields.tag_limit);
  return given;
}

constexpr std::string_view kChangedRepository = "repository";  // key: the full name

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

Repositories::Repositories(db::Database& database, const Clock& clock, Random& random)
    : database_(database),
      clock_(clock),
      random_(random),
      cache_(kRepositoriesInMemory),
      subscription_(database.subscribe(
          kChangedRepository, [this](std::string_view key) { cache_.drop_or_clear(key); })) {}

Result<Repository> Repositories::create(const oci::RepositoryName& name,
                                        const RepositoryFields& fields,
                                        const events::Actor& actor) {
  HF_CHECK(check(fields));
  const std::string id = uuid(random_);
  const Timestamp now = clock_.now();
  Result<Repository> made = unknown(name.text());
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t owner, namespace_in(tx, name.ns()));
    Assignments row = assignments(fields);
    if (!fields.visibility) row.add("visibility", std::int64_t{0});
    row.add("uuid", id);
    row.add("namespace_id", owner);
    row.add("full_name", name.text());
    row.add("created_at", to_micros(now));
    row.add("has_terms", std::int64_t{1});
    std::string places;
    for (std::size_t i = 1; i <= row.values.size(); ++i) {
      places += fmt::format("{}${}", i == 1 ? "" : ", ", i);
    }
    HF_TRY(const std::int64_t added,
           tx.execute(fmt::format("INSERT INTO repositories ({}) VALUES ({}) ON CONFLICT "
                                  "(full_name) DO NOTHING",
                                  fmt::join(row.columns, ", "), places),
                      row.values));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kRepositoryExists,
                  fmt::format("a repository {} exists already", name.text()));
    }
    made = find_in(tx, name);
    HF_CHECK(made);
    HF_CHECK(add_terms(tx, *made));
    return events::append(tx, event_about(events::Type::repository_created, name, actor, now));
  }));
  return made;
}

Result<void> Repositories::remove(const oci::RepositoryName& name, const events::Actor& actor) {
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Repository repository, find_in(tx, name));
    HF_CHECK(accounts::drop_grants(tx, repository.namespace_id, repository.id));
    HF_CHECK(loosen_blobs_of(tx, repository.id));
    HF_CHECK(tx.execute("DELETE FROM repositories WHERE id = $1", {repository.id}));
    tx.changed(kChangedRepository, name.text());
    return events::append(tx,
                          event_about(events::Type::repository_deleted, name, actor, clock_.now()));
  }));
  return {};
}

Result<Repository> Repositories::update(const oci::RepositoryName& name,
                                        const RepositoryFields& fields,
                                        const events::Actor& actor) {
  HF_CHECK(check(fields));
  Result<Repository> changed = unknown(name.text());
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    Assignments given = assignments(fields);
    if (given.columns.empty()) {
      changed = find_in(tx, name);
      return {};
    }
    std::string set;
    for (std::size_t i = 0; i < given.columns.size(); ++i) {
      set += fmt::format("{}{} = ${}", i == 0 ? "" : ", ", given.columns[i], i + 1);
    }
    given.values.emplace_back(name.text());
    HF_CHECK(tx.execute(
        fmt::format("UPDATE repositories SET {} WHERE full_name = ${}", set, given.values.size()),
        given.values));
    changed = find_in(tx, name);
    HF_CHECK(changed);
    if (fields.visibility || fields.short_description) HF_CHECK(replace_terms(tx, *changed));
    tx.changed(kChangedRepository, name.text());
    events::Event event = event_about(events::Type::repository_updated, name, actor, clock_.now());
    event.detail = fmt::format("{}", fmt::join(given.columns, ","));
    return events::append(tx, event);
  }));
  return changed;
}

std::shared_ptr<const Repository> Repositories::cached(std::string_view name) {
  return cache_.find(name).value_or(nullptr);
}

Result<std::shared_ptr<const Repository>> Repositories::find(const oci::RepositoryName& name) {
  if (auto known = cached(name.text())) return known;
  const auto ticket = cache_.ticket(name.text());
  std::shared_ptr<const Repository> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(Repository repository, find_in(tx, name));
    found = std::make_shared<const Repository>(std::move(repository));
    return {};
  }));
  cache_.insert(ticket, name.text(), found);
  return found;
}

Result<std::int64_t> Repositories::namespace_id(std::string_view ns) {
  std::int64_t id = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(id, namespace_in(tx, ns));
    return {};
  }));
  return id;
}

Result<std::string> Repositories::long_description(const oci::RepositoryName& name) {
  std::optional<std::string> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found,
           tx.find<std::string>("SELECT long_description FROM repositories WHERE full_name = $1",
                                {name.text()}, [](const db::Row& row) { return row.string(0); }));
    return {};
  }));
  if (!found) return unknown(name.text());
  return *std::move(found);
}

}  // namespace holdfast::repos
