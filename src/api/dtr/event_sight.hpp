// Who sees which events, and what their actors are called.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "access/decide.hpp"
#include "api/dtr/event_words.hpp"
#include "api/dtr/handlers.hpp"
#include "events/history.hpp"
#include "oci/name.hpp"

namespace holdfast::api::dtr {

// What the query of a list of events asks for, its repository apart: invalid/kQueryInvalid. Blocks.
Result<events::Filter> filter_of(const Services& services, const Call& call);

// What somebody who is no administrator sees of all events: what they did, what concerns their
// account, and the repositories that they administer. Names are used again after an account or a
// repository is gone: what happened before the one of now began is not shown.
class Sight {
 public:
  using Since = std::optional<Timestamp>;

  Sight(const Services& services, const accounts::Subject& subject, accounts::Account self)
      : services_(services), subject_(subject), self_(std::move(self)) {}

  bool sees(const events::Event& event) {
    if (event.actor.account_id == self_.id) return true;
    if (event.repository.empty()) {
      return event.object == self_.name && event.at >= self_.created_at &&
             is_of_account(event.type);
    }
    const Since since = remembered(event.repository);
    return since && event.at >= *since;
  }
  // Where to look for them, so that not everybody's are tested; nothing when that is in too many
  // places. Blocks.
  Result<std::optional<events::Scope>> scope() const {
    std::set<std::int64_t> ids(subject_.owned_namespaces.begin(), subject_.owned_namespaces.end());
    for (const auto& grant : subject_.grants) {
      if (grant.level == accounts::Level::admin) ids.insert(grant.namespace_id);
    }
    if (ids.size() > events::kNamespacesAtMost) return std::optional<events::Scope>();
    events::Scope scope{.actor_id = self_.id};
    for (const std::int64_t id : ids) {
      HF_TRY(const accounts::Account owner, services_.accounts.find(id));
      scope.namespaces.push_back(owner.name);
    }
    return std::optional(std::move(scope));
  }
  // What went wrong while events were tested.
  [[nodiscard]] Result<void> outcome() const {
    return failed_ ? Result<void>(*failed_) : Result<void>();
  }

 private:
  Since remembered(const std::string& repository) {
    const auto known = since_.find(repository);
    if (known != since_.end()) return known->second;
    auto since = administers_since(repository);
    if (!since) failed_ = since.error();
    return since_.emplace(repository, since ? *std::move(since) : Since()).first->second;
  }
  Result<Since> administers_since(const std::string& repository) {
    HF_TRY(const auto name, holdfast::oci::RepositoryName::parse(repository));
    auto owner = services_.accounts.find(name.ns());
    if (!owner) return nothing_if_unknown(owner.error());
    if (access::decide(subject_, access::Action::create_repository,
                       access::Object::of_namespace(owner->id))) {
      return Since(owner->created_at);
    }
    auto found = services_.repositories.find(name);
    if (!found) return nothing_if_unknown(found.error());
    const bool administers =
        access::decide(subject_, access::Action::manage_access, access::Object::of(**found));
    return administers ? Since((*found)->created_at) : Since();
  }
  static Result<Since> nothing_if_unknown(const Error& error) {
    if (error.code == ErrorCode::not_found) return Since();
    return error;
  }

  const Services& services_;
  const accounts::Subject& subject_;
  accounts::Account self_;
  std::map<std::string, Since, std::less<>> since_;
  std::optional<Error> failed_;
};

// Who did these.
inline std::set<std::int64_t> actors_of(const std::vector<events::Event>& events) {
  std::set<std::int64_t> ids;
  for (const events::Event& event : events) ids.insert(event.actor.account_id);
  return ids;
}

// The ids of accounts as the API shows them, for events; "" for who is gone, and for strangers, to
// whom accounts are not shown.
class Actors {
 public:
  Actors(const Services& services, bool for_strangers)
      : services_(services), for_strangers_(for_strangers) {}
  // Asks for those of a page at once. Blocks.
  Result<void> learn(std::set<std::int64_t> account_ids) {
    account_ids.erase(0);
    if (account_ids.empty() || for_strangers_) return {};
    const std::vector<std::int64_t> ids(account_ids.begin(), account_ids.end());
    HF_TRY(known_, services_.accounts.uuids(ids));
    return {};
  }
  // Of one that was learned.
  [[nodiscard]] std::string uuid(std::int64_t account_id) const {
    const auto known = known_.find(account_id);
    return known == known_.end() ? std::string() : known->second;
  }

 private:
  const Services& services_;
  const bool for_strangers_;
  std::map<std::int64_t, std::string> known_;
};

}  // namespace holdfast::api::dtr
