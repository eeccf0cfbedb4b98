#include "scanner/scanner.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "codec/json.hpp"
#include "oci/manifest.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::int64_t kImagesAtOnce = 100;
// A manifest of 4 MiB may name thousands.
constexpr std::size_t kLayersAtMost = 500;
// Of all its layers together, as they are in memory while it is put together.
constexpr std::size_t kPackagesAtMost = 200'000;
constexpr std::size_t kNamesBytes = 256UZ << 20U;
constexpr std::uint64_t kAnswerBytes = 128ULL << 20U;  // of the worker, about one layer

constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";

Error image_too_large() {
  return fail(ErrorCode::too_large, kImageTooLarge,
              fmt::format("the image has more than {} layers", kLayersAtMost));
}

// Counts what the layers of one image take in memory.
class Room {
 public:
  Result<void> take(const packages::Layer& layer) {
    packages_ += layer.packages.size();
    for (const std::string& file : layer.files) names_bytes_ += file.size() + sizeof(std::string);
    if (packages_ <= kPackagesAtMost && names_bytes_ <= kNamesBytes) return {};
    return fail(ErrorCode::too_large, kImageTooLarge,
                "the image has more packages and files in its layers than can be put together");
  }

 private:
  std::size_t packages_ = 0;
  std::size_t names_bytes_ = 0;
};

// How a layer is looked at, by what its descriptor says.
LayerState state_of(std::string_view media_type, bool is_stored) {
  if (!is_stored) return LayerState::foreign;
  if (media_type.contains("+encrypted")) return LayerState::encrypted;
  return media_type.contains("tar") ? LayerState::scanned : LayerState::no_archive;
}

// Whether another attempt may go well without anybody doing something.
bool passes_by_itself(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::no_space ||
         error.code == ErrorCode::read_only;
}

bool is_worth_another_try(const Error& error) {
  return error.reason == worker::kWorkerDied || error.reason == worker::kWorkerTimeout;
}

// A config that names no layers says nothing of them.
std::set<std::uint32_t> altered(std::span<const StoredLayer> layers,
                                std::span<const std::string> diff_ids) {
  std::set<std::uint32_t> found;
  if (diff_ids.empty()) return found;
  for (std::uint32_t i = 0; i < layers.size(); ++i) {
    if (layers[i].state != LayerState::scanned) continue;
    const bool is_named = i < diff_ids.size();
    if (!is_named || diff_ids[i] != layers[i].report.diff_id) found.insert(i);
  }
  return found;
}

// A blob as the one member of a tar archive (ustar), which is what the worker reads.
worker::Source in_archive(std::shared_ptr<blob::Reader> reader, std::uint64_t size_bytes) {
  constexpr std::size_t kBlock = 512;
  constexpr std::size_t kSumAt = 148;
  std::string head(kBlock, '\0');
  const auto put = [&head](std::size_t at, std::string_view text) {
    head.replace(at, text.size(), text);
  };
  put(0, "sbom.spdx.json");
  put(100, "0000644");
  put(124, fmt::format("{:011o}", size_bytes));
  put(kSumAt, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : head) sum += static_cast<unsigned char>(byte);
  put(kSumAt, fmt::format("{:06o}", sum));
  head[kSumAt + 6] = '\0';
  const std::uint64_t end = kBlock + size_bytes;
  const std::uint64_t whole = (end + kBlock - 1) / kBlock * kBlock + 2 * kBlock;
  return [reader = std::move(reader), head = std::move(head), end, whole,
          at = std::uint64_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
    std::size_t got = 0;
    if (at < head.size()) {
      got = std::min(into.size(), head.size() - at);
      std::memcpy(into.data(), head.data() + at, got);
    } else if (at < end) {
      into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end - at)));
      HF_TRY(got, reader->read_at(at - head.size(), into));
      if (got == 0) return fail(ErrorCode::corrupt, worker::kUnreadable, "a blob ends early");
    } else {
      got = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), whole - at));
      std::ranges::fill(into.first(got), std::byte{0});
    }
    at += got;
    return got;
  };
}

}  // namespace

struct Scanner::Order {
  std::shared_ptr<const repos::Repository> repository;
  std::shared_ptr<const repos::StoredManifest> stored;
  Occasion occasion;
  std::chrono::steady_clock::time_point deadline;
};

boost::json::object job_parameters(const oci::Digest& digest, const Occasion& occasion) {
  return {{"repository", occasion.repository}, {"tag", occasion.tag}, {"digest", digest.text()}};
}

bool is_scannable(const oci::Manifest& manifest) {
  if (manifest.kind != oci::ManifestKind::image || !manifest.config) return false;
  const std::string& type = manifest.config->media_type;
  if (type != kDockerConfig && type != kOciConfig) return false;
  // BuildKit's attestations have the config of an image and layers of statements.
  return std::ranges::none_of(manifest.layers, [](const oci::Descriptor& layer) {
    return layer.media_type == "application/vnd.in-toto+json";
  });
}

Result<void> Scanner::scan(jobs::Run& run) {
  const boost::json::value parameters(run.parameters());
  const auto text = [&](std::string_view name) {
    return std::string(codec::string_member(parameters, name).value_or(""));
  };
  const auto name = oci::RepositoryName::parse(text("repository"));
  const auto digest = oci::Digest::parse(text("digest"));
  if (!name || !digest) {
    return fail(ErrorCode::invalid, kScanParametersInvalid,
                "a scan needs the parameters \"repository\" and \"digest\"");
  }
  HF_TRY(const auto values, parts_.settings.load());
  Order order{.repository = {},
              .stored = {},
              .occasion = {.repository = name->text(), .tag = text("tag")},
              .deadline = std::chrono::steady_clock::now() +
                          std::chrono::seconds(values->scanning_deadline)};
  const auto repository = parts_.repositories.find(*name);
  if (!repository) {
    run.log(repository.error().message);
    return repository.error().code == ErrorCode::not_found ? Result<void>() : repository.error();
  }
  order.repository = *repository;
  const auto stored = parts_.content.manifest(order.repository->id, repos::Reference(*digest));
  if (!stored) {
    run.log(stored.error().message);
    return stored.error().code == ErrorCode::not_found ? Result<void>() : stored.error();
  }
  order.stored = *stored;
  HF_TRY(const auto registration, parts_.registrations.of(order.repository->id));
  if (registration) {
    return parts_.adapter.scan(run, *registration, *order.repository, *order.stored,
                               order.occasion);
  }
  Result<void> outcome = scan(run, order);
  // Of those that are tried again nobody is told: whoever takes the job up begins anew.
  if (outcome || passes_by_itself(outcome.error()) || run.should_stop()) return outcome;
  HF_CHECK(parts_.scans.fail(*digest, outcome.error().message, order.occasion));
  run.give_up();
  return outcome;
}

Result<void> Scanner::scan(jobs::Run& run, const Order& order) {
  const oci::Digest& digest = order.stored->digest;
  HF_TRY(const oci::Manifest manifest,
         oci::parse_manifest(*order.stored->bytes, order.stored->media_type));
  if (!is_scannable(manifest)) {
    return fail(ErrorCode::unsupported, kNotScanned, "it is no image that packages could be in");
  }
  if (manifest.layers.size() > kLayersAtMost) return image_too_large();
  HF_TRY(const auto config, parts_.images.config(order.repository->id, manifest));
  Scans::Beginning beginning{.os = config ? config->os : "",
                             .architecture = config ? config->architecture : "",
                             .layers = {}};
  for (const oci::Descriptor& layer : manifest.layers) beginning.layers.push_back(layer.digest);
  HF_CHECK(parts_.scans.begin(digest, beginning));

  std::vector<StoredLayer> layers;
  Room room;
  for (const oci::Descriptor& descriptor : manifest.layers) {
    HF_TRY(StoredLayer read, layer(run, order, descriptor));
    HF_CHECK(room.take(read.report));
    layers.push_back(std::move(read));
    HF_CHECK(parts_.scans.progress(digest, std::ssize(layers)));
  }
  std::vector<const packages::Layer*> pointers;
  pointers.reserve(layers.size());
  for (const StoredLayer& layer : layers) pointers.push_back(&layer.report);
  HF_TRY(Image image, assemble(pointers));
  if (config) image.altered = altered(layers, config->diff_ids);
  HF_CHECK(read_attached(run, order));
  HF_TRY(const auto checked, check(digest, image));
  HF_CHECK(parts_.scans.complete(digest, image, checked, order.occasion));
  run.log(checked
              ? fmt::format("{} critical, {} high, {} medium, {} low, {} unknown",
                            checked->counts.critical, checked->counts.high, checked->counts.medium,
                            checked->counts.low, checked->counts.unknown)
              : "its packages are known; there are no advisories to compare them with");
  return {};
}

Result<StoredLayer> Scanner::layer(jobs::Run& run, const Order& order,
                                   const oci::Descriptor& descriptor) {
  HF_TRY(auto known, parts_.layers.find(descriptor.digest, Layers::Files::with));
  if (known) {
    run.log(fmt::format("{}: known", descriptor.digest.text()));
    return *std::move(known);
  }
  const auto blob = parts_.content.blob(order.repository->id, descriptor.digest);
  if (!blob && blob.error().code != ErrorCode::not_found) return blob.error();
  StoredLayer made{.state = state_of(descriptor.media_type, blob.has_value())};
  if (made.state == LayerState::scanned) {
    HF_TRY(made.report, read(run, order, descriptor.digest, Form::archive));
  }
  // One that is not here may be pushed yet.
  if (made.state != LayerState::foreign) {
    HF_CHECK(parts_.layers.save(descriptor.digest, made.state, made.report));
  }
  run.log(fmt::format("{}: {} packages", descriptor.digest.text(), made.report.packages.size()));
  return made;
}

// What lies beside the image; one that cannot be read keeps no image from being scanned.
Result<void> Scanner::read_attached(jobs::Run& run, const Order& order) {
  HF_TRY(const auto lists, parts_.attachments.find(order.repository->id, order.stored->digest));
  for (const AttachedList& list : lists) {
    HF_TRY(const bool is_known, parts_.layers.is_known(list.blob, kListReaderVersion));
    if (is_known) continue;
    Result<packages::Layer> read =
        fail(ErrorCode::too_large, worker::kTooLarge,
             fmt::format("it has {} bytes; {} are read", list.size_bytes, kAttachedBytes));
    if (list.size_bytes <= kAttachedBytes) read = this->read(run, order, list.blob, Form::list);
    if (!read && read.error().code == ErrorCode::not_found) continue;  // it went meanwhile
    if (!read && (passes_by_itself(read.error()) || run.should_stop())) return read.error();
    packages::Layer report;
    if (read) {
      report.packages = std::move(read->packages);
      report.remarks = std::move(read->remarks);
    } else {
      report.remarks.push_back(read.error().message);
    }
    HF_CHECK(parts_.layers.save(list.blob, LayerState::scanned, report, kListReaderVersion));
    run.log(fmt::format("{}, attached: {} packages", list.blob.text(), report.packages.size()));
  }
  return {};
}

Result<packages::Layer> Scanner::read(jobs::Run& run, const Order& order, const oci::Digest& digest,
                                      Form form) {
  const auto open = [&]() -> Result<worker::Source> {
    HF_TRY(const auto blob, parts_.content.blob(order.repository->id, digest));
    HF_TRY(const auto reader, parts_.blobs.open(blob->key));
    if (form == Form::list) return in_archive(reader, blob->size_bytes);
    return worker::Source(
        [reader, at = std::uint64_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
          HF_TRY(const std::size_t got, reader->read_at(at, into));
          at += got;
          return got;
        });
  };
  const auto attempt = [&]() -> Result<packages::Layer> {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        order.deadline - std::chrono::steady_clock::now());
    return parts_.launcher.read_layer(
        open,
        {.deadline = std::max(left, std::chrono::milliseconds(1)), .answer_bytes = kAnswerBytes},
        [&] { return run.should_stop(); });
  };
  Result<packages::Layer> read = attempt();
  if (!read && is_worth_another_try(read.error()) && !run.should_stop()) {
    run.log(fmt::format("{}: {}; once more", digest.text(), read.error().message));
    read = attempt();
  }
  if (read) return read;
  Error error = std::move(read).error();
  if (form == Form::archive) {
    error.message = fmt::format("layer {}: {}", digest.text(), error.message);
  }
  return error;
}

Result<std::optional<Check>> Scanner::check(const oci::Digest& digest, const Image& image) {
  if (!parts_.advisories.current()) return std::optional<Check>();
  parts_.reports.drop(digest);
  HF_TRY(const auto report, parts_.reports.make(digest, image));
  return std::optional(Check{.advisories = report->advisories,
                             .counts = report->counts,
                             .not_covered = report->not_covered});
}

Result<void> Scanner::check_again(const oci::Digest& digest) {
  HF_TRY(const Image image, parts_.scans.image(digest));
  HF_TRY(const auto result, check(digest, image));
  return result ? parts_.scans.checked(digest, *result) : Result<void>();
}

Result<void> Scanner::check_all(jobs::Run& run) {
  HF_CHECK(parts_.advisories.refresh());
  const auto database = parts_.advisories.current();
  if (!database) {
    run.log("there are no advisories yet");
    return {};
  }
  std::int64_t after = 0;
  std::int64_t checked = 0;
  for (bool more = true; more && !run.should_stop();) {
    HF_TRY(const std::vector<Scan> images,
           parts_.scans.checked_by_others(database->info().version, after, kImagesAtOnce));
    for (const Scan& scan : images) {
      if (run.should_stop()) break;
      after = scan.id;
      Result<void> outcome = check_again(scan.digest);
      if (!outcome && passes_by_itself(outcome.error())) return outcome;
      if (outcome) {
        ++checked;
      } else {
        // One image must not keep all others from being compared.
        run.log(fmt::format("{}: {}", scan.digest.text(), outcome.error().message));
        HF_CHECK(parts_.scans.refuse(scan.digest, outcome.error().message));
      }
    }
    more = std::ssize(images) == kImagesAtOnce;
  }
  run.log(
      fmt::format("{} images compared with the advisories {}", checked, database->info().version));
  return {};
}

}  // namespace holdfast::scanner
