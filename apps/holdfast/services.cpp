#include "services.hpp"

#include <array>
#include <span>
#include <unistd.h>

#include "base/log.hpp"
#include "codec/text.hpp"
#include "crypto/hash.hpp"
#include "scanning.hpp"
#include "server.hpp"

namespace holdfast {

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data())
                                                          : std::string();
}

std::string replica_id(const Options& options) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  const std::string place = machine_name() + ":" + options.data_dir;
  hasher.update(std::as_bytes(std::span(place)));
  return codec::hex(hasher.digest()).substr(0, 12);
}

api::dtr::Host host_facts(const Options& options, const Certificates& certificates) {
  const std::string& url = options.external_url;
  return {.version = std::string(version()),
          .replica_id = replica_id(options),
          .node = machine_name(),
          .name = url.empty() ? std::string() : url.substr(url.find("://") + 3),
          .http_port = options.http_listen.port,
          .https_port = options.https_listen.port,
          .log_level = std::string(log::name(options.log_level)),
          .data_folder = options.data_dir,
          .authority_pem = certificates.ca_pem(),
          .certificate_pem = [&certificates] { return certificates.certificate_pem(); }};
}

api::ops::Scanner scanner_facts(Core& core) {
  const auto values = core.settings.load();
  const auto freshness = core.scanning->updates.freshness();
  api::ops::Scanner facts{.is_able = core.scanning->worker_state.problem.empty(),
                          .is_on = values && (*values)->scanning_enabled};
  const auto since = freshness ? freshness->succeeded_at : std::nullopt;
  if (since) {
    facts.advisories_age =
        std::chrono::duration_cast<std::chrono::seconds>(core.clock.now() - *since);
  }
  return facts;
}

api::dtr::Services dtr_services(Core& core, api::Callers& callers, const api::dtr::Host& host,
                                async::BlockingPool& pool) {
  return {
      .callers = callers,
      .accounts = core.accounts,
      .access_tokens = core.access_tokens,
      .organizations = core.organizations,
      .teams = core.teams,
      .grants = core.grants,
      .service_accounts = core.service_accounts,
      .repositories = core.repositories,
      .content = core.content,
      .images = core.images,
      .traffic = core.traffic,
      .pruning_policies = core.pruning_policies,
      .pruner = core.pruner,
      .search = core.search,
      .storage = core.storage,
      .advisories = core.scanning->advisories,
      .scanners = core.scanning->registrations,
      .adapter_scanner = core.scanning->adapter,
      .feed_states = core.scanning->feed_states,
      .attachments = core.scanning->attachments,
      .scan_lookup = core.scanning->lookup,
      .reports = core.scanning->reports,
      .scans = core.scanning->scans,
      .scan_results = core.scanning->results,
      .scan_trigger = core.scanning->trigger,
      .scan_updates = core.scanning->updates,
      .scan_worker = core.scanning->worker_state,
      .waivers = core.scanning->waivers,
      .settings = core.settings,
      .jobs = core.jobs,
      .database = *core.database,
      .clock = core.clock,
      .host = host,
      .pool = pool,
  };
}

}  // namespace holdfast
