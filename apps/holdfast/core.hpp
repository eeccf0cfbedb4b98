// The core of the product on one data folder: what the server and the command line both stand on.
#pragma once

#include <chrono>
#include <memory>
#include <string>

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
#include "base/clock.hpp"
#include "base/random.hpp"
#include "blob/store.hpp"
#include "data_folder.hpp"
#include "db/database.hpp"
#include "gc/collector.hpp"
#include "jobs/jobs.hpp"
#include "keys/keys.hpp"
#include "metadata.hpp"
#include "pruning/policies.hpp"
#include "pruning/pruner.hpp"
#include "repos/content.hpp"
#include "repos/images.hpp"
#include "repos/repositories.hpp"
#include "repos/search.hpp"
#include "repos/storage.hpp"
#include "repos/traffic.hpp"
#include "scanner/updates.hpp"
#include "settings/store.hpp"
#include "token/tokens.hpp"
#include "uploads/uploads.hpp"

namespace holdfast {

struct Scanning;

struct CoreOptions {
  MetadataOptions metadata;
  repos::ContentRules content{};
  settings::Values defaults{};  // for settings that were never set
  std::chrono::seconds token_lifetime{300};
  std::string external_url{};  // under which others reach this registry; "": nobody said
  scanner::Fetching fetching{};
};

// Constructed in the order of the members, ended in reverse; the edge comes after it and goes
// first.
class Core {
 public:
  // Opens key, database (schema brought up to date) and blobs. The folder outlives it.
  static Result<std::unique_ptr<Core>> open(DataFolder& folder, const CoreOptions& options);
  ~Core();

  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<db::Database> database;  // never null
  std::unique_ptr<blob::Store> blobs;      // never null
  keys::KeyStore keys;
  events::Counted counted;
  settings::Store settings;
  jobs::Jobs jobs;  // actions are known from open() on
  accounts::Accounts accounts;
  accounts::AccessTokens access_tokens;
  accounts::Organizations organizations;
  accounts::Teams teams;
  accounts::Grants grants;
  accounts::Sessions sessions;
  accounts::ServiceAccounts service_accounts;
  accounts::PublicKeys public_keys;
  accounts::SsoServices sso_services;
  accounts::AccountSettings account_settings;
  accounts::Imports imports;
  repos::Repositories repositories;
  repos::Content content;
  repos::Images images;
  repos::Traffic traffic;
  pruning::Policies pruning_policies;
  pruning::Pruner pruner;
  repos::Search search;
  repos::Storage storage;
  uploads::Uploads uploads;
  gc::Collector collector;
  std::unique_ptr<token::Tokens> tokens;  // never null
  std::unique_ptr<Scanning> scanning;     // never null

 private:
  Core(std::unique_ptr<db::Database> database_in, std::unique_ptr<blob::Store> blobs_in,
       crypto::Sealer sealer, const CoreOptions& options);
};

}  // namespace holdfast
