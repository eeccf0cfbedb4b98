// What a handler of a REST API gets of a request, and how it answers.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/common/caller.hpp"
#include "api/rest/errors.hpp"
#include "api/rest/fields.hpp"
#include "api/rest/spool.hpp"
#include "base/result.hpp"
#include "events/events.hpp"
#include "http/form.hpp"
#include "http/message.hpp"

namespace holdfast::api::rest {

struct Call {
  const http::Request& request;
  const Caller& caller;
  const http::Form& query;
  std::vector<std::string> parameters;  // of the path, decoded, in order
  Fields fields;                        // of the body
  const Spool* file = nullptr;          // the body itself, of routes that take a file

  [[nodiscard]] const accounts::Subject& subject() const { return *caller.subject; }
  [[nodiscard]] events::Actor actor() const { return actor_of(request, subject()); }
  // A number in the query between `least` and `most`; `otherwise` when it is absent.
  // invalid/kQueryInvalid.
  [[nodiscard]] Result<std::int64_t> number(std::string_view name, std::int64_t otherwise,
                                            std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::string text(std::string_view name) const;
};

// Conditions that handlers begin with: unauthenticated/kLoginNeeded, denied/kNotAllowed.
Result<void> need_login(const Call& call);
Result<void> need_administrator(const Call& call);
// Not a session whose user must change the password first: denied/kPasswordChangeNeeded.
Result<void> need_settled(const Caller& caller);
Error not_allowed(std::string_view what);

// Largest page that is given: clients ask for 100,000 at once and never page.
inline constexpr std::int64_t kLargestPage = 1'000'000;

http::Response json_response(int status, const boost::json::value& body);
// The same of JSON that is written already.
http::Response json_text_response(int status, std::string text);

}  // namespace holdfast::api::rest
