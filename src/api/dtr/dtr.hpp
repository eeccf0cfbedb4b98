// DTR's API: /api/v0/…, and what `docker search` asks: /v1/….
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "accounts/access_tokens.hpp"
#include "accounts/accounts.hpp"
#include "accounts/grants.hpp"
#include "accounts/organizations.hpp"
#include "accounts/service_accounts.hpp"
#include "accounts/teams.hpp"
#include "api/common/caller.hpp"
#include "api/rest/router.hpp"
#include "async/pool.hpp"
#include "base/clock.hpp"
#include "db/database.hpp"
#include "feeds/states.hpp"
#include "http/message.hpp"
#include "jobs/jobs.hpp"
#include "pruning/policies.hpp"
#include "pruning/pruner.hpp"
#include "repos/content.hpp"
#include "repos/images.hpp"
#include "repos/repositories.hpp"
#include "repos/search.hpp"
#include "repos/storage.hpp"
#include "repos/traffic.hpp"
#include "scanner/adapter_scanner.hpp"
#include "scanner/attachments.hpp"
#include "scanner/lookup.hpp"
#include "scanner/registrations.hpp"
#include "scanner/results.hpp"
#include "scanner/trigger.hpp"
#include "scanner/updates.hpp"
#include "scanner/waivers.hpp"
#include "scanner/worker_state.hpp"
#include "settings/store.hpp"

namespace holdfast::api::dtr {

// What this process is and where it stands, for what is shown of a replica.
struct Host {
  std::string version;     // "0.1.0"
  std::string replica_id;  // 12 hex digits, the same after a restart
  std::string node;        // the machine's name
  std::string name;        // under which clients reach it: "dtr.mydns.com"; empty: the one they use
  std::uint16_t http_port = 0;
  std::uint16_t https_port = 0;
  std::string log_level;
  std::filesystem::path data_folder;
  std::string authority_pem;                     // empty: certificates come from elsewhere
  std::function<std::string()> certificate_pem;  // the one in use; from any thread
};

struct Services {
  Callers& callers;
  accounts::Accounts& accounts;
  accounts::AccessTokens& access_tokens;
  accounts::Organizations& organizations;
  accounts::Teams& teams;
  accounts::Grants& grants;
  accounts::ServiceAccounts& service_accounts;
  repos::Repositories& repositories;
  repos::Content& content;
  repos::Images& images;
  repos::Traffic& traffic;
  pruning::Policies& pruning_policies;
  pruning::Pruner& pruner;
  repos::Search& search;
  repos::Storage& storage;
  scanner::AdvisoryStore& advisories;
  scanner::Registrations& scanners;
  scanner::AdapterScanner& adapter_scanner;
  feeds::States& feed_states;
  scanner::Attachments& attachments;
  scanner::Lookup& scan_lookup;
  scanner::Reports& reports;
  scanner::Scans& scans;
  scanner::Results& scan_results;
  scanner::Trigger& scan_trigger;
  scanner::Updates& scan_updates;
  const scanner::WorkerState& scan_worker;
  scanner::Waivers& waivers;
  settings::Store& settings;
  jobs::Jobs& jobs;
  db::Database& database;
  const Clock& clock;
  const Host& host;
  async::BlockingPool& pool;
};

// Safe from any loop.
class Dtr {
 public:
  explicit Dtr(const Services& services);
  // Answers /api/v0/… and /v1/….
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  rest::Router router_;
  rest::Router v1_;
};

}  // namespace holdfast::api::dtr
