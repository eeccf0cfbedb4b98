#include "api/rest/errors.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "accounts/access_tokens.hpp"
#include "accounts/account_settings.hpp"
#include "accounts/accounts.hpp"
#include "accounts/grants.hpp"
#include "accounts/imports.hpp"
#include "accounts/organizations.hpp"
#include "accounts/public_keys.hpp"
#include "accounts/service_accounts.hpp"
#include "accounts/sessions.hpp"
#include "accounts/sso_services.hpp"
#include "accounts/teams.hpp"
#include "api/common/errors.hpp"
#include "api/common/session_credential.hpp"
#include "api/rest/fields.hpp"
#include "api/rest/spool.hpp"
#include "base/log.hpp"
#include "crypto/public_key.hpp"
#include "jobs/action_configs.hpp"
#include "jobs/job.hpp"
#include "jobs/schedules.hpp"
#include "jobs/workers.hpp"
#include "oci/digest.hpp"
#include "oci/name.hpp"
#include "pruning/policies.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "scanner/adapter_client.hpp"
#include "scanner/registrations.hpp"
#include "scanner/scans.hpp"
#include "scanner/trigger.hpp"
#include "scanner/updates.hpp"
#include "scanner/vex.hpp"
#include "scanner/waivers.hpp"
#include "settings/values.hpp"

namespace holdfast::api::rest {

namespace {

struct Mapped {
  int status;
  std::string_view code;
};

// By reason, where it says more than the code. The codes are DTR's and eNZi's.
constexpr auto kByReason = std::to_array<std::pair<std::string_view, Mapped>>({
    {accounts::kAccountUnknown, {404, "NO_SUCH_ACCOUNT"}},
    {accounts::kMemberUnknown, {404, "NO_SUCH_MEMBER"}},
    {accounts::kTeamUnknown, {404, "NO_SUCH_TEAM"}},
    {accounts::kGrantUnknown, {404, "NO_SUCH_NAMESPACE_TEAM_ACCESS"}},
    {accounts::kAccountExists, {400, "ACCOUNT_EXISTS"}},
    {accounts::kTeamExists, {400, "TEAM_EXISTS"}},
    {accounts::kTeamForeign, {400, "INVALID_PARAMETERS"}},
    {accounts::kAccountNameInvalid, {400, "INVALID_FORM"}},
    {accounts::kPasswordInvalid, {400, "INVALID_FORM"}},
    {accounts::kTextInvalid, {400, "INVALID_FORM"}},
    {accounts::kNotAUser, {400, "INVALID_FORM"}},
    {accounts::kAccessTokenUnknown, {404, "NO_SUCH_API_TOKEN"}},
    {accounts::kTokenScopeInvalid, {400, "INVALID_FORM"}},
    {accounts::kTokenExpiryInvalid, {400, "INVALID_FORM"}},
    {accounts::kLastAdministrator, {409, "LAST_ADMINISTRATOR"}},
    {accounts::kNamespaceInUse, {409, "ACCOUNT_HAS_REPOSITORIES"}},
    {accounts::kServiceAccountUnknown, {404, "NO_SUCH_ACCOUNT"}},
    {accounts::kTooManyServiceAccounts, {403, "TOO_MANY_SERVICE_ACCOUNTS"}},
    {accounts::kPublicKeyUnknown, {404, "NO_SUCH_PUBLIC_KEY"}},
    {accounts::kPublicKeyExists, {400, "PUBLIC_KEY_EXISTS"}},
    {accounts::kTooManyPublicKeys, {403, "TOO_MANY_PUBLIC_KEYS"}},
    {accounts::kSsoServiceUnknown, {404, "NO_SUCH_SERVICE"}},
    {accounts::kSsoServiceExists, {400, "SERVICE_EXISTS"}},
    {accounts::kSsoServiceInvalid, {400, "INVALID_FORM"}},
    {accounts::kTooManySsoServices, {403, "TOO_MANY_SERVICES"}},
    {accounts::kAccountSettingInvalid, {400, "INVALID_FORM"}},
    {accounts::kHashInvalid, {400, "INVALID_FORM"}},
    {accounts::kImportTooLarge, {400, "INVALID_FORM"}},
    {repos::kRepositoryUnknown, {404, "NO_SUCH_REPOSITORY"}},
    {repos::kNamespaceUnknown, {404, "NO_SUCH_ACCOUNT"}},
    {repos::kRepositoryExists, {400, "REPOSITORY_EXISTS"}},
    {pruning::kPolicyUnknown, {404, "NO_SUCH_PRUNING_POLICY"}},
    {pruning::kPolicyInvalid, {404, "INVALID_PRUNING_POLICY"}},
    {pruning::kTooManyPolicies, {409, "TOO_MANY_PRUNING_POLICIES"}},
    {repos::kManifestUnknown, {404, "NO_SUCH_REF"}},
    {holdfast::oci::kTagInvalid, {400, "INVALID_TAG_NAME"}},
    {holdfast::oci::kDigestInvalid, {400, "INVALID_DIGEST"}},
    {repos::kFieldsInvalid, {400, "INVALID_FORM"}},
    {holdfast::oci::kNameInvalid, {400, "INVALID_FORM"}},
    {kVisibilityInvalid, {400, "INVALID_REPOSITORY_VISIBILITY"}},
    {settings::kSettingInvalid, {400, "INVALID_SETTINGS"}},
    {kUserSettingInvalid, {400, "INVALID_USER_SETTINGS"}},
    {crypto::kPublicKeyInvalid, {400, "INVALID_FORM"}},
    {crypto::kCertificateInvalid, {400, "INVALID_FORM"}},
    {accounts::kSessionInvalid, {401, "INVALID_AUTHENTICATION_CREDENTIALS"}},
    {accounts::kSessionUnknown, {404, "NO_SUCH_SESSION"}},
    {accounts::kSessionSettingsInvalid, {400, "INVALID_FORM"}},
    {jobs::kJobUnknown, {404, "NO_SUCH_JOB"}},
    {jobs::kWorkerUnknown, {404, "NO_SUCH_WORKER"}},
    {jobs::kCronUnknown, {404, "NO_SUCH_CRON"}},
    {jobs::kActionConfigUnknown, {404, "NO_SUCH_ACTION_CONFIG"}},
    {kLoginRefused, {401, "INVALID_AUTHENTICATION_CREDENTIALS"}},
    {kPasswordChangeNeeded, {403, "PASSWORD_CHANGE_REQUIRED"}},
    {kCsrfWrong, {403, "INVALID_CSRF_TOKEN"}},
    {scanner::kNothingToScan, {400, "INVALID_REFERENCE"}},
    {scanner::kScanningOff, {400, "SCANNING_NOT_ENABLED"}},
    {scanner::kScanningUnable, {400, "SCANNING_NOT_ENABLED"}},
    {scanner::kFetchingOff, {400, "SCANNING_NOT_ENABLED"}},
    {scanner::kNotScanned, {404, "NO_SUCH_REF"}},
    // Of a report that is read: there is none.
    {scanner::kImageTooLarge, {404, "NO_SUCH_REF"}},
    {scanner::kScannerUnknown, {404, "NO_SUCH_SCANNER"}},
    {scanner::kScannerExists, {400, "SCANNER_EXISTS"}},
    {scanner::kScannerInvalid, {400, "INVALID_FORM"}},
    {scanner::kScannerInUse, {409, "SCANNER_IN_USE"}},
    {scanner::kTooManyScanners, {409, "TOO_MANY_SCANNERS"}},
    {scanner::kAdapterFailed, {400, "SCANNER_FAILED"}},
    {scanner::kWaiverUnknown, {404, "NO_SUCH_OVERRIDE"}},
    {scanner::kWaiverInvalid, {400, "INVALID_FORM"}},
    {scanner::kTooManyWaivers, {409, "TOO_MANY_OVERRIDES"}},
    {scanner::kVexInvalid, {400, "INVALID_FORM"}},
    {kFormInvalid, {400, "INVALID_FORM"}},
    {kBodyNotJson, {400, "INVALID_JSON"}},
    {kFieldInvalid, {400, "INVALID_FORM"}},
    {kRouteUnknown, {404, "NOT_FOUND"}},
    {kMethodUnknown, {405, "NOT_ALLOWED"}},
    {kNotBuilt, {501, "NOT_IMPLEMENTED"}},
    {http::kBodyTooLarge, {413, "INVALID_PARAMETERS"}},
});

// The word for a status where the reason does not say more.
std::string_view word_of(int status) {
  switch (status) {
    case 400:
    case 413:
    case 416:
      return "INVALID_PARAMETERS";
    case 401:
      return "NOT_AUTHENTICATED";
    case 403:
      return "NOT_AUTHORIZED";
    case 404:
      return "NOT_FOUND";
    case 405:
      return "NOT_ALLOWED";
    case 408:
    case 503:
    case 507:
      return "UNAVAILABLE";
    case 409:
      return "CONFLICT";
    case 429:
      return "TOO_MANY_REQUESTS";
    default:
      return "INTERNAL_ERROR";
  }
}

Mapped map(const Error& error) {
  for (const auto& [reason, mapped] : kByReason) {
    if (reason == error.reason) return mapped;
  }
  const int status = status_of(error.code);
  return {status, word_of(status)};
}

}  // namespace

boost::json::object error_entry(const Error& error) {
  namespace json = boost::json;
  const Mapped mapped = map(error);
  json::object entry = {{"code", mapped.code}, {"message", error.message}};
  if (mapped.status == 500) {
    log::error("a request failed", {{"error", describe(error)}});
    entry["message"] = "internal error; the server's log says more";
  } else if (error.details.size() == 1) {
    entry["detail"] = error.details.front();
  } else if (!error.details.empty()) {
    entry["detail"] = json::array(error.details.begin(), error.details.end());
  }
  return entry;
}

http::Response error_response(const Error& error) {
  namespace json = boost::json;
  const Mapped mapped = map(error);
  http::Response response(mapped.status);
  response.field("Content-Type", "application/json")
      .text(json::serialize(json::object{{"errors", json::array{error_entry(error)}}}) + "\n");
  add_retry_after(response, error);
  // Not Basic: a browser would ask for a password in a window of its own.
  if (mapped.status == 401) response.field("WWW-Authenticate", "Bearer realm=\"holdfast\"");
  return response;
}

}  // namespace holdfast::api::rest
