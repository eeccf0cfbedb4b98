// The core of the product on one data folder: what the server and the command line both stand on.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "accounts/accounts.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "blob/store.hpp"
#include "data_folder.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "keys/keys.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "token/tokens.hpp"
#include "uploads/uploads.hpp"

namespace holdfast {

// Members stand in the order of their dependencies. The only place beside the server that names the
// concrete drivers.
class Core {
 public:
  // Opens key, database (schema brought up to date) and blobs. The folder outlives it.
  static Result<std::unique_ptr<Core>> open(DataFolder& folder, repos::SparseIndexes sparse,
                                            std::chrono::seconds token_lifetime);

  SystemClock clock;
  SystemRandom random;
  const std::unique_ptr<db::Database> database;
  const std::unique_ptr<blob::Store> blobs;
  keys::KeyStore keys;
  events::Counted counted;
  accounts::Accounts accounts;
  repos::Repositories repositories;
  repos::Content content;
  uploads::Uploads uploads;
  std::unique_ptr<token::Tokens> tokens;  // never null

 private:
  Core(std::unique_ptr<db::Database> database_in, std::unique_ptr<blob::Store> blobs_in,
       crypto::Sealer sealer, repos::SparseIndexes sparse);
};

}  // namespace holdfast
