#include "scanner/vex.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "codec/json.hpp"

namespace holdfast::scanner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<VexDocument> read(std::string_view text) {
  return read_vex(codec::parse_json(text).value().as_object());
}

std::vector<std::string> listed(const VexDocument& document) {
  std::vector<std::string> lines;
  for (const Waiver& waiver : document.waivers) {
    lines.push_back(fmt::format("{} {}:{}@{} {}", waiver.vulnerability, waiver.type,
                                waiver.component, waiver.version, waiver.image));
  }
  return lines;
}

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string openvex(std::string_view statements) {
  return fmt::format(
      R"({{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex-1",
          "author":"Acme","version":1,"statements":[{}]}})",
      statements);
}

TEST(Vex, OpenVexHidesWhatIsNotAffectedOrFixed) {
  const auto document = read(openvex(R"(
      {"vulnerability":{"name":"CVE-2023-1"},"status":"not_affected",
       "justification":"vulnerable_code_not_present",
       "products":[{"@id":"pkg:deb/debian/curl@7.88.1-10"},{"@id":"pkg:npm/%40acme/app"}]},
      {"vulnerability":{"@id":"https://nvd.nist.gov/vuln/detail/CVE-2023-2"},"status":"fixed",
       "products":[{"identifiers":{"purl":"pkg:pypi/Django@3.2"}}]},
      {"vulnerability":"CVE-2023-3","status":"not_affected","products":["pkg:gem/rack@2.2.3"]},
      {"vulnerability":{"name":"CVE-2023-4"},"status":"affected","products":[{"@id":"pkg:gem/rack"}]},
      {"vulnerability":{"name":"CVE-2023-5"},"status":"under_investigation",
       "products":[{"@id":"pkg:gem/rack"}]},
      {"vulnerability":{"name":"CVE-2023-6"},"status":"fixed","products":[{"@id":"pkg:gem/rack"}]},
      {"vulnerability":{"name":"CVE-2023-7"},"status":"not_affected",
       "products":[{"@id":"https://acme.example/product"}]})"));
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_EQ(document->id, "https://acme.example/vex-1");
  EXPECT_THAT(listed(*document),
              ElementsAre("CVE-2023-1 deb:curl@7.88.1-10 ", "CVE-2023-1 npm:@acme/app@ ",
                          "CVE-2023-2 pypi:Django@3.2 ", "CVE-2023-3 gem:rack@2.2.3 "));
  EXPECT_EQ(document->waivers.front().notes, "not_affected: vulnerable_code_not_present");
  EXPECT_EQ(document->passed_over, 4);
}

TEST(Vex, OfAnImageAndOfItsParts) {
  const auto document = read(openvex(fmt::format(
      R"({{"vulnerability":{{"name":"CVE-1"}},"status":"not_affected","products":[
           {{"@id":"pkg:oci/app@sha256%3A{}?repository_url=x","subcomponents":[
              {{"@id":"pkg:apk/alpine/musl@1.2.3-r4"}}]}},
           {{"@id":"pkg:oci/app@{}"}},
           {{"@id":"pkg:oci/app"}}]}})",
      kDigest.substr(7), kDigest)));
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_THAT(listed(*document),
              ElementsAre("CVE-1 apk:musl@1.2.3-r4 " + kDigest, "CVE-1 :@ " + kDigest));
  EXPECT_EQ(document->passed_over, 1) << "an image of no digest could be any";
}

TEST(Vex, OfADistributionAndAnArchitecture) {
  const auto document = read(openvex(R"(
      {"vulnerability":{"name":"CVE-1"},"status":"not_affected","products":[
        "pkg:deb/debian/curl?distro=debian-12&arch=amd64", "pkg:deb/ubuntu/curl?arch=source",
        "pkg:rpm/redhat/curl?arch=src"]})"));
  ASSERT_TRUE(document) << describe(document.error());
  std::vector<std::string> where;
  for (const Waiver& waiver : document->waivers) {
    where.push_back(fmt::format("{} {}", waiver.distribution, waiver.architecture));
  }
  EXPECT_THAT(where, ElementsAre("debian-12 amd64", "ubuntu ", "redhat "));
}

TEST(Vex, WhatIsAffectedInSomeVersionIsHiddenByVersionsAlone) {
  const auto document = read(openvex(R"(
      {"vulnerability":{"name":"CVE-1"},"status":"not_affected",
       "products":["pkg:gem/rack","pkg:gem/rack@3.0.0","pkg:gem/puma"]},
      {"vulnerability":{"name":"CVE-1"},"status":"affected","products":["pkg:gem/rack@2.2.3"]})"));
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_THAT(listed(*document), ElementsAre("CVE-1 gem:rack@3.0.0 ", "CVE-1 gem:puma@ "));
  EXPECT_EQ(document->passed_over, 2);
}

TEST(Vex, PartsOfWhatCannotBeToldHideNothing) {
  const auto document = read(openvex(R"(
      {"vulnerability":{"name":"CVE-1"},"status":"not_affected","products":[
        {"@id":"pkg:oci/app","subcomponents":[{"@id":"pkg:gem/rack@2.2.3"}]},
        {"@id":"https://acme.example/app","subcomponents":[{"@id":"pkg:gem/rack@2.2.3"}]}]})"));
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_THAT(document->waivers, IsEmpty());
  EXPECT_EQ(document->passed_over, 2);
}

TEST(Vex, CsafByItsProductTree) {
  const auto document = read(R"({
    "document":{"category":"csaf_vex","tracking":{"id":"ACME-2026-1"}},
    "product_tree":{
      "full_product_names":[{"product_id":"P1","product_identification_helper":{"purl":"pkg:gem/rack@2.2.3"}}],
      "branches":[{"branches":[{"product":{"product_id":"P2",
        "product_identification_helper":{"purl":"pkg:rpm/redhat/curl@7.76.1-29.el9?arch=src&epoch=1"}}}]}],
      "relationships":[{"product_reference":"P2","relates_to_product_reference":"OS",
        "full_product_name":{"product_id":"OS:P2"}}]},
    "vulnerabilities":[
      {"cve":"CVE-2023-1","product_status":{"known_not_affected":["P1","OS:P2"],"known_affected":["P2"]},
       "flags":[{"label":"component_not_present","product_ids":["P1"]}],
       "threats":[{"category":"impact","details":"Not built in.","product_ids":["OS:P2"]}]},
      {"ids":[{"text":"GHSA-x"}],"product_status":{"fixed":["P1","NOBODY"]}}]})");
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_EQ(document->id, "ACME-2026-1");
  EXPECT_THAT(listed(*document),
              ElementsAre("CVE-2023-1 gem:rack@2.2.3 ", "CVE-2023-1 rpm:curl@1:7.76.1-29.el9 ",
                          "GHSA-x gem:rack@2.2.3 "));
  EXPECT_EQ(document->waivers[0].notes, "not_affected: component_not_present");
  EXPECT_EQ(document->waivers[1].notes, "not_affected: Not built in.");
  EXPECT_EQ(document->passed_over, 2);
}

TEST(Vex, WhatIsNoDocumentIsRefused) {
  for (const std::string& text :
       {std::string("{}"), std::string(R"({"@context":7,"statements":[]})"),
        std::string(R"({"@context":"https://openvex.dev/ns","statements":[]})"),
        std::string(R"({"document":{"category":"csaf_base","tracking":{"id":"x"}}})"),
        std::string(R"({"document":{"category":"csaf_vex"}})"),
        std::string(R"({"document":[]})")}) {
    const auto document = read(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().reason, kVexInvalid) << text;
  }
  std::string many;
  for (std::size_t i = 0; i <= kWaiversAtMost; ++i) {
    many += fmt::format(
        R"({}{{"vulnerability":"C-{}","status":"not_affected","products":["pkg:gem/a"]}})",
        i == 0 ? "" : ",", i);
  }
  const auto document = read(openvex(many));
  ASSERT_FALSE(document);
  EXPECT_THAT(document.error().message, HasSubstr("10000"));
}

TEST(Vex, OddPartsAreReadAsNothing) {
  const auto document = read(openvex(
      R"(7, [], {"vulnerability":[],"status":[],"products":{}}, {"vulnerability":{"name":"C"},
         "status":"not_affected","products":[7,[],{"@id":[]},{"@id":"pkg:oci/a@sha256:zz"},
         {"@id":"pkg:gem/","subcomponents":[{"@id":"pkg:npm/x@1"}]}]})"));
  ASSERT_TRUE(document) << describe(document.error());
  EXPECT_THAT(document->waivers, IsEmpty());
  EXPECT_THAT(read(R"({"document":{"category":"csaf_vex","tracking":{"id":"x"}},
      "product_tree":[],"vulnerabilities":[7,{"product_status":[]},{"cve":7,"product_status":{"fixed":[7,{}]}}]})")
                  ->waivers,
              IsEmpty());
}

}  // namespace
}  // namespace holdfast::scanner
