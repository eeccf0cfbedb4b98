#include "core.hpp"

#include <utility>

#include "blob/fs/fs.hpp"
#include "jobs.hpp"
#include "scanning.hpp"

namespace holdfast {

Core::Core(std::unique_ptr<db::Database> database_in, std::unique_ptr<blob::Store> blobs_in,
           crypto::Sealer sealer, const CoreOptions& options)
    : database(std::move(database_in)),
      blobs(std::move(blobs_in)),
      keys(*database, sealer, clock, random),
      counted(*database, clock),
      settings(*database, clock, options.defaults),
      jobs(*database, clock, random),
      accounts(*database, clock, random),
      access_tokens(*database, clock, random),
      organizations(*database, clock),
      teams(*database, clock, random),
      grants(*database, clock),
      sessions(*database, clock, random),
      service_accounts(*database, clock, random),
      public_keys(*database, clock),
      sso_services(*database, clock, random),
      account_settings(*database, clock),
      imports(*database, clock, random),
      repositories(*database, clock, random),
      content(*database, clock, options.content),
      images(*database, content, *blobs),
      traffic(*database, clock),
      pruning_policies(*database, clock, random),
      pruner(pruning_policies, repositories, content, settings, clock,
             [this](std::int64_t repository_id, const oci::Digest& digest) {
               return scan_facts(*this, repository_id, digest);
             }),
      search(*database),
      storage(*database, clock),
      uploads(*database, *blobs, clock, random),
      collector(*database, content, *blobs, uploads, settings, clock, random) {}

Core::~Core() = default;

Result<std::unique_ptr<Core>> Core::open(DataFolder& folder, const CoreOptions& options) {
  SystemRandom random;
  // A key that is lost is not made anew: what it sealed could never be opened again.
  const auto if_missing = folder.fresh() ? keys::IfMissing::create : keys::IfMissing::fail;
  HF_TRY(const crypto::Sealer sealer,
         keys::load_sealer((folder.path() / "secret.key").string(), if_missing, random));
  HF_TRY(auto database, open_metadata(folder, options.metadata));
  HF_CHECK(database->migrate(all_migrations()));
  HF_TRY(auto blobs, blob::fs::open(folder.path()));
  std::unique_ptr<Core> core(new Core(std::move(database), std::move(blobs), sealer, options));
  HF_TRY(core->tokens, token::Tokens::open(core->keys, {"holdfast", options.token_lifetime},
                                           core->clock, core->random));
  core->scanning = std::make_unique<Scanning>(*core, (folder.path() / "advisories").string(),
                                              sealer, options.external_url, options.fetching);
  add_actions(*core);
  return core;
}

}  // namespace holdfast
