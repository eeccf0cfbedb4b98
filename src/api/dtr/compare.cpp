// /holdfast/repositories/{namespace}/{repository}/compare?from=REF&to=REF[&platform=os/arch]: two
// images of a repository side by side.
#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <map>
#include <set>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using holdfast::oci::Descriptor;
using holdfast::oci::Manifest;
using repos::ImageConfig;
using Texts = std::vector<std::string>;

// One of the two.
struct Side {
  std::string reference;
  std::string digest;
  Manifest manifest;
  ImageConfig config;
  std::vector<std::string> lines;  // of the Dockerfile, one per layer; "" where none is known

  // What the manifest says, which may be anything: bounded.
  [[nodiscard]] std::int64_t size_bytes() const {
    return static_cast<std::int64_t>(stated_bytes(manifest));
  }
};

// The entry of an index for a platform ("linux/arm64", "linux/arm64/v8"); without one the first.
const Descriptor* child_of(const Manifest& index, std::string_view platform) {
  for (const Descriptor& child : index.children) {
    if (platform.empty()) return &child;
    if (!child.platform) continue;
    const std::string name = fmt::format("{}/{}", child.platform->os, child.platform->architecture);
    if (name == platform || fmt::format("{}/{}", name, child.platform->variant) == platform) {
      return &child;
    }
  }
  return nullptr;
}

std::vector<std::string> lines_of(const Side& side) {
  std::vector<std::string> lines;
  for (const ImageConfig::Step& step : side.config.history) {
    if (!step.is_empty_layer) lines.push_back(step.created_by);
  }
  lines.resize(side.manifest.layers.size());
  return lines;
}

Result<Side> side_of(const Services& services, const Call& call,
                     const repos::Repository& repository, std::string_view name) {
  Side side;
  side.reference = call.text(name);
  if (side.reference.empty()) {
    return fail(ErrorCode::invalid, rest::kQueryInvalid,
                fmt::format("\"{}\" must be a tag or a digest", name));
  }
  HF_TRY(const repos::Reference reference, repos::parse_reference(side.reference));
  HF_TRY(auto stored, services.content.manifest(repository.id, reference));
  HF_TRY(side.manifest, holdfast::oci::parse_manifest(*stored->bytes, stored->media_type));
  if (side.manifest.kind == holdfast::oci::ManifestKind::index) {
    const Descriptor* child = child_of(side.manifest, call.text("platform"));
    if (child == nullptr) {
      return fail(ErrorCode::not_found, repos::kManifestUnknown,
                  fmt::format("{} has no image for this platform", side.reference));
    }
    HF_TRY(stored, services.content.manifest(repository.id, repos::Reference(child->digest)));
    HF_TRY(side.manifest, holdfast::oci::parse_manifest(*stored->bytes, stored->media_type));
  }
  side.digest = stored->digest.text();
  HF_TRY(const auto config, services.images.config(repository.id, side.manifest));
  if (config) side.config = *config;
  side.lines = lines_of(side);
  return side;
}

boost::json::object shown(const Side& side) {
  return {{"reference", side.reference},
          {"digest", side.digest},
          {"os", side.config.os},
          {"architecture", side.config.architecture},
          {"size", side.size_bytes()}};
}

std::multiset<std::string> digests_of(const Side& side) {
  std::multiset<std::string> digests;
  for (const Descriptor& layer : side.manifest.layers) digests.insert(layer.digest.text());
  return digests;
}

// The layers of one side, apart: those that the other has, and those that it has not. One that
// stands twice counts twice.
struct Layers {
  boost::json::array same;
  boost::json::array own;
};
Layers layers_of(const Side& side, std::multiset<std::string> other) {
  Layers layers;
  for (std::size_t i = 0; i < side.manifest.layers.size(); ++i) {
    const Descriptor& layer = side.manifest.layers[i];
    const auto found = other.find(layer.digest.text());
    (found == other.end() ? layers.own : layers.same)
        .emplace_back(boost::json::object{
            {"digest", layer.digest.text()}, {"size", layer.size_bytes}, {"line", side.lines[i]}});
    if (found != other.end()) other.erase(found);
  }
  return layers;
}

boost::json::array only_in(const Texts& texts, const Texts& others) {
  const std::set<std::string_view> known(others.begin(), others.end());
  boost::json::array own;
  for (const std::string& text : texts) {
    if (!known.contains(text)) own.emplace_back(text);
  }
  return own;
}

Texts labels_of(const ImageConfig& config) {
  Texts labels;
  for (const auto& [name, value] : config.labels)
    labels.push_back(fmt::format("{}={}", name, value));
  return labels;
}

// What differs, and nothing else.
boost::json::object differences(const ImageConfig& from, const ImageConfig& to) {
  boost::json::object found;
  const auto set = [&](std::string_view name, const Texts& before, const Texts& after) {
    boost::json::array removed = only_in(before, after);
    boost::json::array added = only_in(after, before);
    if (removed.empty() && added.empty()) return;
    found.emplace(
        name, boost::json::object{{"added", std::move(added)}, {"removed", std::move(removed)}});
  };
  const auto list = [&](std::string_view name, const Texts& before, const Texts& after) {
    if (before == after) return;
    found.emplace(name,
                  boost::json::object{{"from", boost::json::array(before.begin(), before.end())},
                                      {"to", boost::json::array(after.begin(), after.end())}});
  };
  const auto text = [&](std::string_view name, const std::string& before,
                        const std::string& after) {
    if (before != after) found.emplace(name, boost::json::object{{"from", before}, {"to", after}});
  };
  set("env", from.env, to.env);
  set("labels", labels_of(from), labels_of(to));
  set("ports", from.ports, to.ports);
  list("entrypoint", from.entrypoint, to.entrypoint);
  list("cmd", from.cmd, to.cmd);
  text("user", from.user, to.user);
  text("workingDir", from.working_dir, to.working_dir);
  return found;
}

Answer compare(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const Side from, side_of(services, call, *repository, "from"));
  HF_TRY(const Side to, side_of(services, call, *repository, "to"));
  Layers before = layers_of(from, digests_of(to));
  Layers after = layers_of(to, digests_of(from));
  return rest::json_response(
      200, boost::json::object{{"from", shown(from)},
                               {"to", shown(to)},
                               {"sizeDifference", to.size_bytes() - from.size_bytes()},
                               {"layers", boost::json::object{{"added", std::move(after.own)},
                                                              {"removed", std::move(before.own)},
                                                              {"same", std::move(after.same)}}},
                               {"config", differences(from.config, to.config)}});
}

}  // namespace

std::vector<rest::Route> compare_routes(const Services& services) {
  return {{http::Method::get, "/holdfast/repositories/{namespace}/{repository}/compare",
           bound(services, compare)}};
}

}  // namespace holdfast::api::dtr
