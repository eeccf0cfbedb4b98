// /accounts/{user}/sessions, and /config/sessions: how long they last.
#include <chrono>

#include "api/enzi/handlers.hpp"
#include "base/clock.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::int64_t kMinutesInAnHour = 60;

// Sessions are their user's business, and an administrator's.
Result<accounts::Account> find_own_user(const Services& services, const Call& call) {
  HF_TRY(accounts::Account user, rest::find_user(services.accounts, call, call.parameters[0]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_administrator(call));
  return user;
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user, find_own_user(services, call));
  HF_TRY(const Page page, page_of(call));
  const std::string current = accounts::session_id_of(call.caller.session);
  return page_response(
      services, "sessions", page, no_totals,
      [&services, user](const std::string& start, std::int64_t limit) {
        return services.sessions.list(user, start, limit);
      },
      [current](const accounts::Session& session) {
        return boost::json::object{{"id", session.id},
                                   {"current", session.id == current},
                                   {"createdAt", rfc3339(session.created_at)},
                                   {"lastUsedAt", rfc3339(session.last_used_at)},
                                   {"expiresAt", rfc3339(session.expires_at)},
                                   {"address", session.address},
                                   {"client", session.client}};
      },
      [](const accounts::Session& session) { return session.id; });
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user, find_own_user(services, call));
  HF_CHECK(services.sessions.end(user, call.parameters[1], call.actor()));
  return http::Response(204);
}

Answer remove_all(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user, find_own_user(services, call));
  HF_CHECK(services.sessions.end_all(user, call.actor()));
  return http::Response(204);
}

// Minutes as UCP 3 has them, and hours as 2.1.
boost::json::object shown_settings(const accounts::SessionSettings& settings) {
  return {{"lifetimeMinutes", settings.lifetime.count()},
          {"renewalThresholdMinutes", settings.renewal_threshold.count()},
          {"perUserLimit", settings.per_user_limit},
          {"lifetimeHours", settings.lifetime.count() / kMinutesInAnHour},
          {"renewalThresholdHours", settings.renewal_threshold.count() / kMinutesInAnHour}};
}

// A client sends back what it was shown, with the one spelling changed that it knows: what differs
// from now counts, minutes before hours. Absent = keep.
Result<std::chrono::minutes> changed(const Call& call, std::chrono::minutes now,
                                     std::string_view minutes_name, std::string_view hours_name) {
  constexpr std::int64_t kMost =
      1'000'000;  // hours that minutes can hold; the core's bound is less
  HF_TRY(const auto minutes, call.fields.number(minutes_name));
  HF_TRY(const auto hours, call.fields.number(hours_name));
  if (minutes && *minutes != now.count()) return std::chrono::minutes(*minutes);
  if (hours && *hours != now.count() / kMinutesInAnHour) {
    return std::chrono::minutes(std::clamp(*hours, -kMost, kMost) * kMinutesInAnHour);
  }
  return now;
}

Answer get_settings(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const accounts::SessionSettings settings, services.sessions.settings());
  return rest::json_response(200, shown_settings(settings));
}

Answer put_settings(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(accounts::SessionSettings settings, services.sessions.settings());
  HF_TRY(settings.lifetime, changed(call, settings.lifetime, "lifetimeMinutes", "lifetimeHours"));
  HF_TRY(settings.renewal_threshold, changed(call, settings.renewal_threshold,
                                             "renewalThresholdMinutes", "renewalThresholdHours"));
  HF_TRY(const auto limit, call.fields.number("perUserLimit"));
  settings.per_user_limit = limit.value_or(settings.per_user_limit);
  HF_CHECK(services.sessions.set_settings(settings, call.actor()));
  return rest::json_response(200, shown_settings(settings));
}

}  // namespace

std::vector<rest::Route> session_routes(const Services& services) {
  using http::Method;
  // What was stolen is taken away at any time.
  constexpr auto kServed = rest::WhileReadOnly::served;
  return {
      {Method::get, "/accounts/{user}/sessions", bound(services, list)},
      {Method::del, "/accounts/{user}/sessions", bound(services, remove_all), kServed},
      {Method::del, "/accounts/{user}/sessions/{session}", bound(services, remove), kServed},
      {Method::get, "/config/sessions", bound(services, get_settings)},
      {Method::put, "/config/sessions", bound(services, put_settings)},
  };
}

}  // namespace holdfast::api::enzi
