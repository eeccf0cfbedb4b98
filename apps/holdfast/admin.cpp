#include "admin.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "backup/backup.hpp"
#include "codec/json.hpp"
#include "gc_admin.hpp"
#include "support.hpp"

namespace holdfast::admin {

namespace json = boost::json;

namespace {

constexpr std::string_view kCommandInvalid = "command_invalid";
constexpr int kPage = 500;

// Who acts on the server's own machine.
events::Actor system_actor() { return {0, "system", "", "holdfast admin", ""}; }

std::string text(const json::value& command, std::string_view name) {
  return std::string(codec::string_member(command, name).value_or(""));
}

bool flag(const json::value& command, std::string_view name) {
  const json::value* found = codec::member(command, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

json::object shown(const accounts::Account& account) {
  return {{"name", account.name},
          {"administrator", account.is_administrator},
          {"active", account.is_active},
          {"created_at", rfc3339(account.created_at)}};
}

json::object shown(const repos::Repository& repository) {
  return {{"name", repository.name.text()},
          {"visibility",
           repository.visibility == repos::Visibility::public_access ? "public" : "private"},
          {"created_at", rfc3339(repository.created_at)}};
}

Result<json::value> add_user(Core& core, const json::value& command) {
  HF_TRY(const accounts::Account account,
         core.accounts.create_user(
             {text(command, "name"), text(command, "password"), flag(command, "administrator"),
              flag(command, "must_change_password")},
             system_actor()));
  return json::value(shown(account));
}

Result<json::value> update_user(Core& core, const json::value& command,
                                const accounts::AccountChange& change) {
  HF_TRY(const accounts::Account account,
         core.accounts.update(text(command, "name"), change, system_actor()));
  return json::value(shown(account));
}

Result<json::value> list_users(Core& core) {
  json::array users;
  accounts::AccountQuery query;
  query.filter = accounts::AccountQuery::Filter::users;
  query.limit = kPage + 1;
  while (true) {
    HF_TRY(const std::vector<accounts::Account> page, core.accounts.list(query));
    // The last of a full page begins the next.
    const std::size_t shown_count = std::min<std::size_t>(page.size(), kPage);
    for (std::size_t i = 0; i < shown_count; ++i) users.emplace_back(shown(page[i]));
    if (page.size() <= kPage) return json::value(std::move(users));
    query.start = page.back().name;
  }
}

Result<json::value> create_repository(Core& core, const json::value& command) {
  HF_TRY(const oci::RepositoryName name, oci::RepositoryName::parse(text(command, "name")));
  HF_TRY(const repos::Repository made,
         core.repositories.create(
             name,
             {.visibility = flag(command, "public") ? repos::Visibility::public_access
                                                    : repos::Visibility::private_access},
             system_actor()));
  return json::value(shown(made));
}

Result<json::value> delete_repository(Core& core, const json::value& command) {
  HF_TRY(const oci::RepositoryName name, oci::RepositoryName::parse(text(command, "name")));
  HF_CHECK(core.repositories.remove(name, system_actor()));
  return json::value(json::object{{"name", name.text()}});
}

Result<json::value> list_repositories(Core& core) {
  repos::VisibleSet everything;
  everything.all = true;
  json::array repositories;
  std::string after;
  while (true) {
    HF_TRY(const std::vector<std::string> page, core.repositories.list(everything, after, kPage));
    for (const std::string& text : page) {
      HF_TRY(const oci::RepositoryName name, oci::RepositoryName::parse(text));
      // One that was deleted since the page was read is no error.
      if (const auto found = core.repositories.find(name))
        repositories.emplace_back(shown(**found));
    }
    if (page.size() < kPage) return json::value(std::move(repositories));
    after = page.back();
  }
}

Result<json::value> record_backup(Core& core, const json::value& command) {
  const json::value* size = codec::member(command, "size");
  HF_CHECK(backup::record(
      *core.database,
      size != nullptr && size->is_int64() ? static_cast<std::uint64_t>(size->get_int64()) : 0,
      core.clock.now(), system_actor()));
  return json::value();
}

}  // namespace

Result<json::value> execute(Core& core, const json::value& command) {
  const std::string verb = text(command, "verb");
  accounts::AccountChange change;
  if (verb.starts_with("gc.")) return execute_gc(core, verb, command);
  if (verb == "backup.record") return record_backup(core, command);
  if (verb == "support.facts") {
    HF_TRY(auto facts, support_facts(core));
    return json::value(std::move(facts));
  }
  if (verb == "user.add") return add_user(core, command);
  if (verb == "user.list") return list_users(core);
  if (verb == "repo.create") return create_repository(core, command);
  if (verb == "repo.delete") return delete_repository(core, command);
  if (verb == "repo.list") return list_repositories(core);
  if (verb == "keys.rotate") {
    HF_CHECK(core.tokens->rotate(system_actor()));
    return json::value(json::object{{"rotated", "token signing key"}});
  }
  if (verb == "user.passwd") {
    change.password = text(command, "password");
    return update_user(core, command, change);
  }
  if (verb == "user.disable" || verb == "user.enable") {
    change.is_active = verb == "user.enable";
    return update_user(core, command, change);
  }
  return fail(ErrorCode::invalid, kCommandInvalid, fmt::format("there is no command \"{}\"", verb));
}

}  // namespace holdfast::admin
