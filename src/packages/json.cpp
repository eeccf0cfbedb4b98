#include "packages/json.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <utility>

#include "codec/json.hpp"

namespace holdfast::packages {

namespace {

namespace json = boost::json;

// A report is flat: packages in a list, lists of texts in them.
constexpr std::size_t kDepth = 5;

using TextField = std::pair<std::string_view, std::string Package::*>;
constexpr std::array kPackageTexts = {
    TextField{"name", &Package::name},
    TextField{"version", &Package::version},
    TextField{"architecture", &Package::architecture},
    TextField{"sourceName", &Package::source_name},
    TextField{"sourceVersion", &Package::source_version},
    TextField{"module", &Package::module},
    TextField{"path", &Package::path},
    TextField{"owner", &Package::owner},
    TextField{"detector", &Package::detector},
};

using ReleaseField = std::pair<std::string_view, std::string Release::*>;
constexpr std::array kReleaseTexts = {
    ReleaseField{"id", &Release::id},
    ReleaseField{"versionID", &Release::version_id},
    ReleaseField{"prettyName", &Release::pretty_name},
    ReleaseField{"cpeName", &Release::cpe_name},
    ReleaseField{"path", &Release::path},
};

using ListField = std::pair<std::string_view, std::vector<std::string> Layer::*>;
constexpr std::array kLayerLists = {
    ListField{"databases", &Layer::databases}, ListField{"files", &Layer::files},
    ListField{"removed", &Layer::removed},     ListField{"emptied", &Layer::emptied},
    ListField{"remarks", &Layer::remarks},
};

void put_key(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  codec::append_json_string(out, key);
  out += ':';
}

void put_text(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  put_key(out, key);
  codec::append_json_string(out, text);
}

void put_list(std::string& out, std::string_view key, const std::vector<std::string>& list) {
  if (list.empty()) return;
  put_key(out, key);
  out += '[';
  for (const std::string& text : list) {
    if (out.back() != '[') out += ',';
    codec::append_json_string(out, text);
  }
  out += ']';
}

void put_package(std::string& out, const Package& package) {
  out += '{';
  put_text(out, "type", name(package.type));
  for (const auto& [key, field] : kPackageTexts) put_text(out, key, package.*field);
  put_list(out, "licenses", package.licenses);
  out += '}';
}

Error broken(std::string_view what) {
  return fail(ErrorCode::corrupt, kReportInvalid,
              fmt::format("the scan worker's report is broken: {}", what));
}

Result<void> take_text(const json::value& value, std::string_view key, std::string& into) {
  const json::value* const found = codec::member(value, key);
  if (found == nullptr) return {};
  if (!found->is_string()) return broken(fmt::format("\"{}\" is no text", key));
  into = found->get_string();
  return {};
}

Result<void> take_list(const json::value& value, std::string_view key,
                       std::vector<std::string>& into) {
  const json::value* const found = codec::member(value, key);
  if (found == nullptr) return {};
  if (!found->is_array()) return broken(fmt::format("\"{}\" is no list", key));
  into.reserve(found->get_array().size());
  for (const json::value& text : found->get_array()) {
    if (!text.is_string()) return broken(fmt::format("\"{}\" holds what is no text", key));
    into.emplace_back(text.get_string());
  }
  return {};
}

Result<Package> take_package(const json::value& value) {
  Package package;
  const auto type = type_of(codec::string_member(value, "type").value_or(""));
  if (!type) return broken("a package of no known type");
  package.type = *type;
  for (const auto& [key, field] : kPackageTexts) {
    HF_CHECK(take_text(value, key, package.*field));
  }
  if (package.name.empty()) return broken("a package without a name");
  HF_CHECK(take_list(value, "licenses", package.licenses));
  return package;
}

}  // namespace

std::string to_json(const Layer& layer) {
  std::string out = "{";
  put_text(out, "diffID", layer.diff_id);
  put_key(out, "size");
  out += fmt::format("{}", layer.size_bytes);
  if (layer.is_windows) {
    put_key(out, "windows");
    out += "true";
  }
  if (layer.release) {
    put_key(out, "release");
    out += '{';
    for (const auto& [key, field] : kReleaseTexts) put_text(out, key, (*layer.release).*field);
    out += '}';
  }
  for (const auto& [key, field] : kLayerLists) put_list(out, key, layer.*field);
  put_key(out, "packages");
  out += '[';
  for (const Package& package : layer.packages) {
    if (out.back() != '[') out += ',';
    put_package(out, package);
  }
  out += "]}";
  return out;
}

Result<Layer> parse_layer(std::string_view text) {
  auto parsed = codec::parse_json(text, kDepth);
  if (!parsed) return broken(parsed.error().message);
  const json::value& value = *parsed;
  if (!value.is_object()) return broken("no object");

  Layer layer;
  HF_CHECK(take_text(value, "diffID", layer.diff_id));
  for (const auto& [key, field] : kLayerLists) HF_CHECK(take_list(value, key, layer.*field));
  if (const json::value* size = codec::member(value, "size")) {
    boost::system::error_code error;
    layer.size_bytes = size->to_number<std::uint64_t>(error);
    if (error) return broken("\"size\" is no number");
  }
  if (const json::value* windows = codec::member(value, "windows")) {
    if (!windows->is_bool()) return broken("\"windows\" is neither true nor false");
    layer.is_windows = windows->get_bool();
  }
  if (const json::value* release = codec::member(value, "release")) {
    layer.release.emplace();
    for (const auto& [key, field] : kReleaseTexts) {
      HF_CHECK(take_text(*release, key, (*layer.release).*field));
    }
  }
  if (const json::value* packages = codec::member(value, "packages")) {
    if (!packages->is_array()) return broken("\"packages\" is no list");
    layer.packages.reserve(packages->get_array().size());
    for (const json::value& entry : packages->get_array()) {
      HF_TRY(Package package, take_package(entry));
      layer.packages.push_back(std::move(package));
    }
  }
  std::ranges::sort(layer.files);
  const auto [first, last] = std::ranges::unique(layer.files);
  layer.files.erase(first, last);
  return layer;
}

}  // namespace holdfast::packages
