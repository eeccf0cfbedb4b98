// The OCI distribution API (/v2), as distribution-spec 1.1.1, the 1.2 draft's additions and
// Docker's clients have it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "accounts/accounts.hpp"
#include "api/common/caller.hpp"
#include "api/common/limits.hpp"
#include "api/common/public_url.hpp"
#include "async/pool.hpp"
#include "blob/store.hpp"
#include "events/events.hpp"
#include "http/message.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "settings/store.hpp"
#include "uploads/uploads.hpp"

namespace holdfast::api::oci {

struct Settings {
  std::size_t manifest_limit_bytes = 8UZ * 1024 * 1024;
  std::uint64_t blob_limit_bytes = 0;  // 0: none
  int page_limit = 1000;               // entries of a page at most
};

// What the API stands on; all of it outlives it.
struct Services {
  api::Callers& callers;
  api::Limits& limits;
  const api::PublicUrl& url;
  repos::Repositories& repositories;
  repos::Content& content;
  uploads::Uploads& uploads;
  blob::Store& blobs;
  events::Counted& counted;
  settings::Store& settings;
  async::BlockingPool& pool;
};

// Safe from any loop: it holds no state of its own beside its settings.
class Registry {
 public:
  Registry(Services services, Settings settings);
  // Answers everything at and below /v2.
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  Services services_;
  Settings settings_;
};

}  // namespace holdfast::api::oci
