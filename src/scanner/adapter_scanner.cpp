#include "scanner/adapter_scanner.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "oci/manifest.hpp"

namespace holdfast::scanner {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kImagesAtOnce = 100;
constexpr std::size_t kLayersAtMost = 500;
// How often a wait looks whether the job should stop.
constexpr std::chrono::milliseconds kStep{100};
// An adapter that says nothing of it is asked ever less often.
constexpr std::chrono::milliseconds kPollUnasked{10'000};
constexpr std::chrono::milliseconds kBeforeSecondTry{1'000};

// False when the job should stop or the time is over.
bool wait(const jobs::Run& run, std::chrono::milliseconds time, Steady::time_point deadline) {
  const auto until = std::min(Steady::now() + time, deadline);
  while (Steady::now() < until) {
    if (run.should_stop()) return false;
    std::this_thread::sleep_for(std::min<Steady::duration>(kStep, until - Steady::now()));
  }
  return !run.should_stop() && Steady::now() < deadline;
}

bool is_of_adapter(const Error& error) { return error.reason == kAdapterFailed; }

Error failed(std::string sentence) {
  return fail(ErrorCode::unsupported, kAdapterFailed, std::move(sentence));
}

// "dtr.mydns.com:8443" of "https://dtr.mydns.com:8443/x".
std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

}  // namespace

struct AdapterScanner::Order {
  const Registration& registration;
  const repos::Repository& repository;
  const repos::StoredManifest& image;
  const Occasion& occasion;
  AdapterImage key;
  AdapterScans::Beginning beginning;
  Steady::time_point deadline;
};

Result<AdapterClient> AdapterScanner::client(const Registration& registration,
                                             Steady::time_point deadline,
                                             AdapterClient::Stop should_stop) {
  HF_TRY(const auto values, parts_.settings.load());
  HF_TRY(std::string credential, parts_.registrations.credential(registration));
  requests::Peer peer{.certificate = registration.certificates == Certificates::checked
                                         ? requests::Peer::Certificate::checked
                                         : requests::Peer::Certificate::anything,
                      .authority_pem = registration.authority_pem,
                      .http_proxy = values->http_proxy,
                      .https_proxy = values->https_proxy,
                      .no_proxy = values->no_proxy};
  return AdapterClient(registration, std::move(credential), std::move(peer), deadline,
                       std::move(should_stop));
}

Result<AdapterMetadata> AdapterScanner::ask(const Registration& registration) {
  HF_TRY(AdapterClient adapter,
         client(registration, Steady::now() + kAskAtMost, [] { return false; }));
  return adapter.metadata();
}

// Whom the token names is nobody's account: whoever comes with it is looked up by the attempt, and
// is nobody once that has ended.
std::string AdapterScanner::authorization(const Order& order, std::string_view attempt,
                                          const std::string& registry_url) const {
  const std::string& external = parts_.external_url;
  const auto left = std::chrono::ceil<std::chrono::seconds>(order.deadline - Steady::now());
  const token::Issued issued = parts_.tokens.issue(
      {.name = kAdapterSubject, .for_scope = true, .scan = attempt, .lifetime = left},
      {{.type = "repository", .name = order.repository.name.text(), .actions = {.pull = true}}},
      host_of(external.empty() ? registry_url : external));
  return fmt::format("Bearer {}", issued.token);
}

Result<AdapterScans::Outcome> AdapterScanner::attempt(jobs::Run& run, const Order& order,
                                                      std::string_view attempt) {
  const std::string& registry_url = order.registration.registry_url.empty()
                                        ? parts_.external_url
                                        : order.registration.registry_url;
  if (registry_url.empty()) {
    return failed(
        "adapters cannot be told where this registry is: set its external URL, or the "
        "scanner's \"registryUrl\"");
  }
  HF_TRY(AdapterClient adapter,
         client(order.registration, order.deadline, [&run] { return run.should_stop(); }));
  HF_TRY(AdapterMetadata metadata, adapter.metadata());
  const AdapterMetadata::Capability* capability = metadata.for_images(order.image.media_type);
  if (capability == nullptr) {
    return failed(fmt::format("the scanner {} does not look for vulnerabilities in {}",
                              order.registration.name, order.image.media_type));
  }
  HF_TRY(const std::string id,
         adapter.accept({.registry_url = registry_url,
                         .authorization = authorization(order, attempt, registry_url),
                         .repository = order.repository.name.text(),
                         .tag = order.occasion.tag,
                         .digest = order.image.digest,
                         .media_type = order.image.media_type},
                        *capability));
  run.log(fmt::format("{} has taken {}", order.registration.name, order.image.digest.text()));
  std::chrono::milliseconds pause = kPollAtLeast;
  while (wait(run, pause, order.deadline)) {
    HF_TRY(AdapterClient::Poll poll, adapter.report(id, report_type_of(*capability)));
    if (poll.report) {
      AdapterScans::Outcome outcome{.report = *std::move(poll.report),
                                    .advisories = std::move(metadata.database_updated_at)};
      if (outcome.report.scanner.name.empty()) outcome.report.scanner = metadata.scanner;
      return outcome;
    }
    pause = poll.refresh_after ? std::clamp<std::chrono::milliseconds>(*poll.refresh_after,
                                                                       kPollAtLeast, kPollAtMost)
                               : std::min(pause * 2, kPollUnasked);
  }
  return fail(ErrorCode::timeout, kAdapterFailed,
              fmt::format("the scanner {}: it did not end in time", order.registration.name));
}

Result<AdapterScans::Outcome> AdapterScanner::attempt_twice(jobs::Run& run, const Order& order,
                                                            std::string_view attempt) {
  auto outcome = this->attempt(run, order, attempt);
  const bool again = !outcome && is_of_adapter(outcome.error()) &&
                     outcome.error().code != ErrorCode::unsupported &&
                     outcome.error().code != ErrorCode::too_large;
  if (!again || !wait(run, kBeforeSecondTry, order.deadline)) return outcome;
  run.log(fmt::format("{}; once more", outcome.error().message));
  return this->attempt(run, order, attempt);
}

Result<AdapterScanner::Order> AdapterScanner::order_of(const Registration& registration,
                                                       const repos::Repository& repository,
                                                       const repos::StoredManifest& image,
                                                       const Occasion& occasion) {
  HF_TRY(const auto values, parts_.settings.load());
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(*image.bytes, image.media_type));
  Order order{.registration = registration,
              .repository = repository,
              .image = image,
              .occasion = occasion,
              .key = {repository.id, registration.id, image.digest},
              .beginning = {},
              .deadline = Steady::now() + std::chrono::seconds(values->scanning_deadline)};
  HF_TRY(const auto config, parts_.images.config(repository.id, manifest));
  if (config) {
    order.beginning.os = config->os;
    order.beginning.architecture = config->architecture;
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    if (order.beginning.layers.size() >= kLayersAtMost) break;
    order.beginning.layers.push_back(layer.digest);
  }
  return order;
}

Result<void> AdapterScanner::scan(jobs::Run& run, const Registration& registration,
                                  const repos::Repository& repository,
                                  const repos::StoredManifest& image, const Occasion& occasion) {
  HF_TRY(const Order order, order_of(registration, repository, image, occasion));
  HF_TRY(const std::string attempt, parts_.scans.begin(order.key, order.beginning));
  auto outcome = registration.is_disabled
                     ? failed(fmt::format("the scanner {} is disabled", registration.name))
                     : attempt_twice(run, order, attempt);
  if (outcome) {
    HF_TRY(const Counts counts, parts_.scans.complete(order.key, attempt, *outcome, occasion));
    run.log(in_words(counts));
    return {};
  }
  // Whoever takes the job up begins anew.
  if (!is_of_adapter(outcome.error()) || run.should_stop()) return std::move(outcome).error();
  HF_CHECK(parts_.scans.fail(order.key, attempt, outcome.error().message, occasion));
  run.give_up();
  return std::move(outcome).error();
}

Result<void> AdapterScanner::scan_again(jobs::Run& run, const AdapterScans::Known& known,
                                        const Registration& registration) {
  HF_TRY(const auto name, oci::RepositoryName::parse(known.repository));
  HF_TRY(const auto repository, parts_.repositories.find(name));
  HF_TRY(const auto image, parts_.content.manifest(repository->id, repos::Reference(known.digest)));
  const Occasion occasion{.repository = known.repository, .tag = {}};
  HF_TRY(const Order order, order_of(registration, *repository, *image, occasion));
  HF_TRY(const std::string attempt, parts_.scans.begin(order.key, order.beginning));
  auto outcome = this->attempt(run, order, attempt);
  if (outcome) {
    HF_CHECK(parts_.scans.complete(order.key, attempt, *outcome, std::nullopt));
    return {};
  }
  HF_CHECK(parts_.scans.abandon(order.key, attempt, outcome.error().message));
  return std::move(outcome).error();
}

Result<void> AdapterScanner::scan_all(jobs::Run& run) {
  HF_TRY(const auto values, parts_.settings.load());
  if (!values->scanning_enabled) {
    run.log("scanning is switched off");
    return {};
  }
  std::set<std::int64_t> silent;  // registrations whose adapter does not answer
  std::int64_t after = 0;
  std::int64_t scanned = 0;
  for (bool more = true; more && !run.should_stop();) {
    HF_TRY(const auto images, parts_.scans.known(after, kImagesAtOnce));
    for (const AdapterScans::Known& image : images) {
      if (run.should_stop()) break;
      after = image.id;
      HF_TRY(const auto registration, parts_.registrations.of(image.repository_id));
      if (!registration || registration->is_disabled || silent.contains(registration->id)) continue;
      const Result<void> outcome = scan_again(run, image, *registration);
      if (outcome) {
        ++scanned;
        continue;
      }
      const Error& error = outcome.error();
      run.log(fmt::format("{}@{}: {}", image.repository, image.digest.text(), error.message));
      // One image must not keep all others from being scanned; what is wrong with the database
      // does.
      if (!is_of_adapter(error) && error.code == ErrorCode::unavailable) return error;
      if (is_of_adapter(error) &&
          (error.code == ErrorCode::unavailable || error.code == ErrorCode::denied ||
           error.code == ErrorCode::timeout)) {
        silent.insert(registration->id);
      }
    }
    more = std::ssize(images) == kImagesAtOnce;
  }
  for (std::int64_t gone = kImagesAtOnce; gone == kImagesAtOnce && !run.should_stop();) {
    HF_TRY(gone, parts_.scans.forget_orphans(kImagesAtOnce));
  }
  run.log(fmt::format("{} images scanned again", scanned));
  return {};
}

}  // namespace holdfast::scanner
