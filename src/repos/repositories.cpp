#include "repos/repositories.hpp"

#include <fmt/format.h>
#include <set>

#include "accounts/grants.hpp"

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
};

constexpr std::size_t kRepositoriesInMemory = 20'000;

Error unknown(std::string_view name) {
  return fail(ErrorCode::not_found, kRepositoryUnknown,
              fmt::format("there is no repository {}", name));
}

Result<Repository> find_in(db::Tx& tx, const oci::RepositoryName& name) {
  HF_TRY(auto found, tx.find<Repository>(
                         "SELECT id, uuid, namespace_id, visibility, created_at FROM repositories "
                         "WHERE full_name = $1",
                         {name.text()}, [&](const db::Row& row) {
                           return Repository{row.integer(0),
                                             row.string(1),
                                             row.integer(2),
                                             name,
                                             row.boolean(3) ? Visibility::public_access
                                                            : Visibility::private_access,
                                             from_micros(row.integer(4))};
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

Result<void> emit(db::Tx& tx, events::Type type, const oci::RepositoryName& name,
                  const events::Actor& actor, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.repository = name.text();
  return events::append(tx, event);
}

// The first names of every range that the set consists of; the first `limit` of all of them are the
// page. Costs O(limit) per range, with an index for each.
class PageMerge {
 public:
  PageMerge(db::Tx& tx, std::string_view after, int limit)
      : tx_(tx), after_(after), limit_(static_cast<std::size_t>(limit)) {}

  Result<void> add_all() {
    return add(
        "SELECT full_name FROM repositories WHERE full_name > $1 ORDER BY full_name LIMIT $2",
        {after_, limit()});
  }
  Result<void> add_public() {
    return add(
        "SELECT full_name FROM repositories WHERE visibility = 1 AND full_name > $1 "
        "ORDER BY full_name LIMIT $2",
        {after_, limit()});
  }
  Result<void> add_namespace(std::int64_t id) {
    return add(
        "SELECT full_name FROM repositories WHERE namespace_id = $3 AND full_name > $1 "
        "ORDER BY full_name LIMIT $2",
        {after_, limit(), id});
  }
  Result<void> add_repository(std::int64_t id) {
    return add("SELECT full_name FROM repositories WHERE id = $3 AND full_name > $1 LIMIT $2",
               {after_, limit(), id});
  }
  std::vector<std::string> take() { return {names_.begin(), names_.end()}; }

 private:
  [[nodiscard]] std::int64_t limit() const { return static_cast<std::int64_t>(limit_); }
  Result<void> add(std::string_view sql, std::initializer_list<db::Value> values) {
    HF_CHECK(tx_.query(sql, values, [&](const db::Row& row) -> Result<void> {
      names_.insert(row.string(0));
      return {};
    }));
    while (names_.size() > limit_) names_.erase(std::prev(names_.end()));
    return {};
  }

  db::Tx& tx_;
  std::string_view after_;
  std::size_t limit_;
  std::set<std::string> names_;
};

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

Result<Repository> Repositories::create(const oci::RepositoryName& name, Visibility visibility,
                                        const events::Actor& actor) {
  const std::string id = uuid(random_);
  const Timestamp now = clock_.now();
  Result<Repository> made = unknown(name.text());
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t owner, namespace_in(tx, name.ns()));
    HF_TRY(const std::int64_t added,
           tx.execute(
               "INSERT INTO repositories (uuid, namespace_id, full_name, visibility, created_at) "
               "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (full_name) DO NOTHING",
               {id, owner, name.text(), std::int64_t{visibility == Visibility::public_access},
                to_micros(now)}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kRepositoryExists,
                  fmt::format("a repository {} exists already", name.text()));
    }
    made = find_in(tx, name);
    HF_CHECK(made);
    return emit(tx, events::Type::repository_created, name, actor, now);
  }));
  return made;
}

Result<void> Repositories::remove(const oci::RepositoryName& name, const events::Actor& actor) {
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Repository repository, find_in(tx, name));
    HF_CHECK(accounts::drop_grants(tx, repository.namespace_id, repository.id));
    HF_CHECK(tx.execute("DELETE FROM repositories WHERE id = $1", {repository.id}));
    tx.changed(kChangedRepository, name.text());
    return emit(tx, events::Type::repository_deleted, name, actor, clock_.now());
  }));
  return {};
}

Result<Repository> Repositories::set_visibility(const oci::RepositoryName& name,
                                                Visibility visibility, const events::Actor& actor) {
  Result<Repository> changed = unknown(name.text());
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("UPDATE repositories SET visibility = $2 WHERE full_name = $1",
                        {name.text(), std::int64_t{visibility == Visibility::public_access}}));
    changed = find_in(tx, name);
    HF_CHECK(changed);
    tx.changed(kChangedRepository, name.text());
    return emit(tx, events::Type::repository_updated, name, actor, clock_.now());
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

Result<std::vector<std::string>> Repositories::list(const VisibleSet& visible,
                                                    std::string_view after, int limit) {
  std::vector<std::string> names;
  if (limit <= 0) return names;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    PageMerge page(tx, after, limit);
    if (visible.all) {
      HF_CHECK(page.add_all());
    } else {
      if (visible.public_ones) HF_CHECK(page.add_public());
      for (const std::int64_t id : visible.namespace_ids) HF_CHECK(page.add_namespace(id));
      for (const std::int64_t id : visible.repository_ids) HF_CHECK(page.add_repository(id));
    }
    names = page.take();
    return {};
  }));
  return names;
}

}  // namespace holdfast::repos
