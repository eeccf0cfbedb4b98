// GET /events and GET /repositories/{namespace}/{repository}/events.
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

#include "access/decide.hpp"
#include "api/dtr/event_sight.hpp"
#include "api/dtr/event_words.hpp"
#include "api/dtr/handlers.hpp"
#include "base/random.hpp"
#include "events/history.hpp"
#include "oci/name.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using access::Object;

// A page is made in memory: this bounds it, whatever is asked for.
constexpr std::int64_t kEventsAtMost = 10'000;
// Counting costs by the row.
constexpr std::int64_t kCountedAtMost = 100'000;

constexpr std::string_view kLines = "application/x-ndjson";

bool wants_lines(const Call& call) {
  return call.request.field("accept").value_or("").find(kLines) != std::string_view::npos;
}

// What an account is called, or no account.
Result<accounts::Account> account_of(const Services& services, const std::string& reference) {
  if (is_uuid(reference)) return services.accounts.find_uuid(reference);
  if (oci::is_name_component(reference)) return services.accounts.find(reference);
  return fail(ErrorCode::not_found, accounts::kAccountUnknown, "no account has such a name");
}

// Sets the actor; one that does not exist has no events.
Result<void> set_actor(const Services& services, const Call& call, events::Filter& filter) {
  const std::string given = call.text("actorId");
  if (given.empty()) return {};
  const auto found = account_of(services, given);
  if (found) {
    filter.actor_id = found->id;
  } else if (found.error().code == ErrorCode::not_found) {
    filter.types.clear();
  } else {
    return found.error();
  }
  return {};
}

http::Response lines_response(const boost::json::array& events, std::string_view next) {
  std::string body;
  for (const boost::json::value& event : events) body += boost::json::serialize(event) + "\n";
  http::Response response(200);
  response.field("Content-Type", kLines).field("Cache-Control", "no-store");
  if (!next.empty()) response.field("X-Next-Page-Start", next);
  response.text(std::move(body));
  return response;
}

Answer answer(const Services& services, const Call& call, const events::Filter& filter,
              Detail detail) {
  HF_TRY(Page page, page_of(call));
  if (wants_lines(call) && call.text("pageSize").empty()) page.size = kEventsAtMost;
  page.size = std::min(page.size, kEventsAtMost);
  // A start that we never gave is none.
  HF_TRY(const events::Page found,
         events::newest(services.database, filter, events::parse_place(page.start), page.size));
  Actors actors(services, call.caller.is_anonymous());
  HF_CHECK(actors.learn(actors_of(found.events)));
  boost::json::array rows;
  for (const events::Event& event : found.events) {
    boost::json::object row = shown(event, actors.uuid(event.actor.account_id), detail);
    if (call.caller.is_anonymous()) row["actor"] = "";  // accounts are not for strangers
    rows.emplace_back(std::move(row));
  }
  const std::string next = found.next ? events::text(*found.next) : std::string();
  if (wants_lines(call)) return lines_response(rows, next);
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, events::count(services.database, filter, kCountedAtMost));
  }
  return page_response(boost::json::object{{"events", std::move(rows)}}, next, total);
}

Answer all_events(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(events::Filter filter, filter_of(services, call));
  filter.repository = call.text("repository");
  if (!filter.repository.empty() && !oci::RepositoryName::parse(filter.repository)) {
    filter.types.clear();
  }
  if (call.subject().is_administrator) return answer(services, call, filter, Detail::full);
  HF_TRY(accounts::Account self, services.accounts.find(call.subject().account_id));
  Sight sight(services, call.subject(), std::move(self));
  if (filter.repository.empty()) {
    HF_TRY(filter.scope, sight.scope());
  }
  filter.also = [&](const events::Event& event) { return sight.sees(event); };
  HF_TRY(http::Response response, answer(services, call, filter, Detail::full));
  HF_CHECK(sight.outcome());
  return response;
}

Answer repository_events(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(events::Filter filter, filter_of(services, call));
  filter.repository = repository->name.text();
  const bool administers =
      access::decide(call.subject(), Action::manage_access, Object::of(*repository));
  if (!administers) {
    std::erase_if(filter.types, [](events::Type type) { return !is_for_viewers(type); });
  }
  if (!call.subject().is_administrator) {
    // An earlier repository of this name was another one, with other viewers.
    const Timestamp before_it = repository->created_at - std::chrono::microseconds(1);
    filter.after = std::max(filter.after.value_or(before_it), before_it);
  }
  return answer(services, call, filter, administers ? Detail::full : Detail::brief);
}

}  // namespace

Result<events::Filter> filter_of(const Services& services, const Call& call) {
  events::Filter filter;
  HF_TRY(filter.types, types_that_fit(call.text("eventType"), call.text("objectType")));
  if (call.text("excludePull") == "true") {
    std::erase(filter.types, events::Type::manifest_pulled);
  }
  HF_TRY(filter.after, moment(call, "publishedAfter"));
  HF_TRY(filter.before, moment(call, "publishedBefore"));
  HF_CHECK(set_actor(services, call, filter));
  return filter;
}

std::vector<rest::Route> event_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/events", bound(services, all_events)},
          {Method::get, "/repositories/{namespace}/{repository}/events",
           bound(services, repository_events)}};
}

}  // namespace holdfast::api::dtr
