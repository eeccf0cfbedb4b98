#include "scanner/vex.hpp"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "codec/json.hpp"
#include "codec/text.hpp"
#include "oci/digest.hpp"
#include "packages/package.hpp"
#include "packages/purl.hpp"

namespace holdfast::scanner {

namespace {

namespace json = boost::json;

constexpr std::size_t kIdBytes = 512;
constexpr std::size_t kNameBytes = 512;

Error invalid(std::string_view why) {
  return fail(ErrorCode::invalid, kVexInvalid, std::string(why));
}

// What a statement is about.
struct Product {
  std::string image{};
  std::string type{};
  std::string distribution{};
  std::string architecture{};
  std::string component{};
  std::string version{};
};

// "pkg:oci/app@sha256%3A…": which image.
std::optional<std::string> image_of(std::string_view purl) {
  if (!purl.starts_with("pkg:oci/")) return std::nullopt;
  const std::size_t at = purl.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  std::string digest(purl.substr(at + 1, purl.find_first_of("?#", at) - at - 1));
  for (const std::string_view colon : {"%3A", "%3a"}) {
    if (const std::size_t found = digest.find(colon); found != std::string::npos) {
      digest.replace(found, colon.size(), ":");
    }
  }
  const auto parsed = oci::Digest::parse(digest);
  return parsed ? std::optional(parsed->text()) : std::nullopt;
}

std::optional<Product> product_of(std::string_view purl) {
  if (auto image = image_of(purl)) return Product{.image = *std::move(image)};
  const auto read = packages::parse_purl(purl);
  if (!read) return std::nullopt;
  const packages::Package& package = read->package;
  const bool is_source = package.architecture == "source" || package.architecture == "src";
  return Product{.type = std::string(packages::name(package.type)),
                 .distribution = codec::to_text(
                     read->release.empty() ? read->distribution : read->release, kNameBytes),
                 .architecture = is_source ? "" : codec::to_text(package.architecture, kNameBytes),
                 .component = codec::to_text(package.name, kNameBytes),
                 .version = codec::to_text(package.version, kNameBytes)};
}

class Reader {
 public:
  explicit Reader(VexDocument& into) : into_(into) {}

  // Where something is affected, what else the document says of it counts by the version alone.
  void finish() {
    const auto removed = std::erase_if(into_.waivers, [&](const Waiver& waiver) {
      return waiver.version.empty() && open_.contains({waiver.vulnerability, waiver.component});
    });
    into_.passed_over += static_cast<std::int64_t>(removed);
  }

  // A version that is fixed says nothing about others.
  void add(const std::vector<std::string>& names, const std::optional<Product>& product,
           std::string_view status, std::string_view why) {
    if (product && (status == "affected" || status == "under_investigation")) {
      for (const std::string& name : names) open_.emplace(name, product->component);
    }
    const bool is_hidden =
        status == "not_affected" ||
        (status == "fixed" && product && (!product->version.empty() || !product->image.empty()));
    if (!product || !is_hidden || names.empty()) {
      ++into_.passed_over;
      return;
    }
    for (const std::string& name : names) {
      if (into_.waivers.size() > kWaiversAtMost) return;
      into_.waivers.push_back({.image = product->image,
                               .vulnerability = name,
                               .type = product->type,
                               .distribution = product->distribution,
                               .architecture = product->architecture,
                               .component = product->component,
                               .version = product->version,
                               .notes = fmt::format("{}: {}", status, why)});
    }
  }

 private:
  VexDocument& into_;
  std::set<std::pair<std::string, std::string>> open_;  // vulnerability and component
};

// --- OpenVEX

// "https://nvd.nist.gov/vuln/detail/CVE-2023-1" is CVE-2023-1 by another name.
std::string last_part(const std::string& text) {
  return text.contains("://") ? text.substr(text.rfind('/') + 1) : text;
}

std::vector<std::string> names_of(const json::value& statement) {
  std::vector<std::string> names;
  const json::value* vulnerability = codec::member(statement, "vulnerability");
  if (vulnerability == nullptr) return names;
  if (vulnerability->is_string()) {  // before 0.2
    names.push_back(codec::to_text(vulnerability->get_string(), kNameBytes));
    return names;
  }
  std::string name = codec::text_member(*vulnerability, "name", kNameBytes);
  if (name.empty()) name = last_part(codec::text_member(*vulnerability, "@id", kNameBytes));
  if (!name.empty()) names.push_back(std::move(name));
  return names;
}

// The PURL of a product or of a part of one.
std::string purl_in(const json::value& product) {
  if (product.is_string()) return codec::to_text(product.get_string(), kNameBytes * 4);
  if (const json::value* identifiers = codec::member(product, "identifiers")) {
    std::string purl = codec::text_member(*identifiers, "purl", kNameBytes * 4);
    if (!purl.empty()) return purl;
  }
  return codec::text_member(product, "@id", kNameBytes * 4);
}

void read_statement(const json::value& statement, Reader& reader) {
  const std::vector<std::string> names = names_of(statement);
  const std::string status = codec::text_member(statement, "status", kNameBytes);
  std::string why = codec::text_member(statement, "justification", kNameBytes);
  if (why.empty()) why = codec::text_member(statement, "impact_statement", kNotesBytes / 2);
  const json::array& products = codec::list_member(statement, "products");
  if (products.empty()) reader.add(names, std::nullopt, status, why);
  for (const json::value& product : products) {
    const std::optional<Product> whole = product_of(purl_in(product));
    const json::array& parts = codec::list_member(product, "subcomponents");
    if (parts.empty()) reader.add(names, whole, status, why);
    for (const json::value& part : parts) {
      std::optional<Product> one = product_of(purl_in(part));
      // A part of something that cannot be told would be hidden wherever it is.
      if (!whole || whole->image.empty()) one = std::nullopt;
      if (one) one->image = whole->image;
      reader.add(names, one, status, why);
    }
  }
}

// --- CSAF

using Products = std::unordered_map<std::string, Product>;

void read_product(const json::value& product, Products& products) {
  const json::value* helper = codec::member(product, "product_identification_helper");
  if (helper == nullptr) return;
  if (auto known = product_of(codec::text_member(*helper, "purl", kNameBytes * 4))) {
    products.emplace(codec::text_member(product, "product_id", kNameBytes), *std::move(known));
  }
}

// As deep as the JSON may be.
void read_branches(const json::value& holder, Products& products) {
  for (const json::value& branch : codec::list_member(holder, "branches")) {
    if (const json::value* product = codec::member(branch, "product")) {
      read_product(*product, products);
    }
    read_branches(branch, products);
  }
}

// A component as part of a product: of an image, where that is one. Of a platform that cannot be
// told, it is known by its version alone.
void read_relationships(const json::value& tree, Products& products) {
  for (const json::value& one : codec::list_member(tree, "relationships")) {
    const json::value* name = codec::member(one, "full_product_name");
    const auto part = products.find(codec::text_member(one, "product_reference", kNameBytes));
    if (name == nullptr || part == products.end()) continue;
    Product product = part->second;
    const auto whole =
        products.find(codec::text_member(one, "relates_to_product_reference", kNameBytes));
    if (whole != products.end()) product.image = whole->second.image;
    if (product.image.empty() && product.version.empty()) continue;
    products.insert_or_assign(codec::text_member(*name, "product_id", kNameBytes),
                              std::move(product));
  }
}

// Why a product is not affected, by its id.
std::unordered_map<std::string, std::string> reasons_of(const json::value& vulnerability) {
  std::unordered_map<std::string, std::string> reasons;
  for (const auto& [list, member] : std::array<std::pair<std::string_view, std::string_view>, 2>{
           {{"flags", "label"}, {"threats", "details"}}}) {
    for (const json::value& one : codec::list_member(vulnerability, list)) {
      for (const json::value& id : codec::list_member(one, "product_ids")) {
        if (!id.is_string()) continue;
        reasons.emplace(codec::to_text(id.get_string(), kNameBytes),
                        codec::text_member(one, member, kNotesBytes / 2));
      }
    }
  }
  return reasons;
}

void read_vulnerability(const json::value& vulnerability, const Products& products,
                        Reader& reader) {
  std::vector<std::string> names;
  std::string cve = codec::text_member(vulnerability, "cve", kNameBytes);
  if (!cve.empty()) names.push_back(std::move(cve));
  for (const json::value& id : codec::list_member(vulnerability, "ids")) {
    if (!names.empty()) break;  // one is enough: findings know all of theirs
    std::string text = codec::text_member(id, "text", kNameBytes);
    if (!text.empty()) names.push_back(std::move(text));
  }
  const json::value* statuses = codec::member(vulnerability, "product_status");
  if (statuses == nullptr) return;
  const auto reasons = reasons_of(vulnerability);
  for (const auto& [list, status] : std::array<std::pair<std::string_view, std::string_view>, 4>{
           {{"known_not_affected", "not_affected"},
            {"fixed", "fixed"},
            {"known_affected", "affected"},
            {"under_investigation", "under_investigation"}}}) {
    for (const json::value& id : codec::list_member(*statuses, list)) {
      const std::string product =
          id.is_string() ? codec::to_text(id.get_string(), kNameBytes) : std::string();
      const auto known = products.find(product);
      const auto why = reasons.find(product);
      reader.add(names,
                 known == products.end() ? std::nullopt : std::optional<Product>(known->second),
                 status, why == reasons.end() ? std::string_view() : std::string_view(why->second));
    }
  }
}

void read_csaf(const json::value& value, Reader& reader) {
  Products products;
  if (const json::value* tree = codec::member(value, "product_tree")) {
    for (const json::value& one : codec::list_member(*tree, "full_product_names"))
      read_product(one, products);
    read_branches(*tree, products);
    read_relationships(*tree, products);
  }
  for (const json::value& one : codec::list_member(value, "vulnerabilities")) {
    read_vulnerability(one, products, reader);
  }
}

}  // namespace

Result<VexDocument> read_vex(const json::object& object) {
  const json::value value(object);
  VexDocument read;
  Reader reader(read);
  if (codec::text_member(value, "@context", kIdBytes).starts_with("https://openvex.dev/ns")) {
    read.id = codec::text_member(value, "@id", kIdBytes);
    for (const json::value& one : codec::list_member(value, "statements"))
      read_statement(one, reader);
  } else if (const json::value* head = codec::member(value, "document"); head != nullptr) {
    if (codec::text_member(*head, "category", kIdBytes) != "csaf_vex") {
      return invalid("of CSAF documents those of the category csaf_vex can be taken");
    }
    const json::value* tracking = codec::member(*head, "tracking");
    if (tracking != nullptr) read.id = codec::text_member(*tracking, "id", kIdBytes);
    read_csaf(value, reader);
  } else {
    return invalid("it is neither OpenVEX (\"@context\") nor CSAF (\"document\")");
  }
  reader.finish();
  if (read.id.empty()) return invalid("the document has no id");
  if (read.waivers.size() > kWaiversAtMost) {
    return invalid(fmt::format("it hides more than {} findings", kWaiversAtMost));
  }
  return read;
}

}  // namespace holdfast::scanner
