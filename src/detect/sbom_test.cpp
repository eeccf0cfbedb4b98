#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/finding.hpp"
#include "detect/languages.hpp"

namespace holdfast::detect {

namespace {

using ::testing::ElementsAre;
using testing::found_in;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listed;

Found of_purl(std::string_view purl) {
  return found_in(detect_sbom, "app.cdx.json",
                  fmt::format(R"({{"components": [{{"purl": "{}"}}]}})", purl));
}

TEST(Sbom, ItsFilesAreWanted) {
  for (const std::string_view path :
       {"opt/bitnami/redis/.spdx-redis.spdx", "app/sbom.spdx.json", "bom.cdx.json", "bom.cdx"}) {
    EXPECT_TRUE(wants_sbom(path)) << path;
  }
  for (const std::string_view path : {"sbom.json", "a.spdx.xml", "spdx"}) {
    EXPECT_FALSE(wants_sbom(path)) << path;
  }
}

TEST(Sbom, SpdxIsRead) {
  const Found found = found_in(detect_sbom, "opt/bitnami/app/.spdx-app.spdx", R"({
    "spdxVersion": "SPDX-2.3", "packages": [
      {"name": "express", "versionInfo": "4.17.1", "licenseConcluded": "NOASSERTION",
       "licenseDeclared": "MIT", "externalRefs": [
         {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:*"},
         {"referenceType": "purl", "referenceLocator": "pkg:npm/express@4.17.1"}]},
      {"name": "redis", "externalRefs": [
         {"referenceType": "purl", "referenceLocator": "pkg:bitnami/redis@7.0.5"}]},
      {"name": "nothing"}, 7]})");
  ASSERT_THAT(listed(found), ElementsAre("express@4.17.1"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("MIT"));
  EXPECT_EQ(found.packages().front().detector, "sbom");
  EXPECT_EQ(found.packages().front().path, "opt/bitnami/app/.spdx-app.spdx");
}

TEST(Sbom, CycloneDxIsReadWithComponentsWithin) {
  const Found found = found_in(detect_sbom, "bom.cdx.json", R"({"bomFormat": "CycloneDX",
    "components": [{"type": "library", "purl": "pkg:pypi/django@3.2",
      "licenses": [{"license": {"id": "BSD-3-Clause"}}, {"license": {"name": "Own"}},
                   {"expression": "MIT OR X"}],
      "components": [{"purl": "pkg:gem/rack@2.2.3"}]}]})");
  ASSERT_THAT(listed(found), ElementsAre("django@3.2", "rack@2.2.3"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("BSD-3-Clause", "Own", "MIT OR X"));
}

TEST(Sbom, PurlsAreTakenApart) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"pkg:npm/%40babel/core@7.0.0", "@babel/core@7.0.0"},
      {"pkg:npm/@babel/core@7.0.0", "@babel/core@7.0.0"},
      {"pkg:npm/@babel/core", "@babel/core@"},
      {"pkg:maven/org.slf4j/slf4j-api@1.7.30?type=jar#x", "org.slf4j:slf4j-api@1.7.30"},
      {"pkg:golang/golang.org/x/text@v0.3.7", "golang.org/x/text@v0.3.7"},
      {"pkg:composer/monolog/monolog@2.3.5", "monolog/monolog@2.3.5"},
      {"pkg://cargo/time@0.1.43%2Bx", "time@0.1.43+x"},
      {"pkg:rpm/rhel/bash@5.1?arch=x86_64", "bash@5.1"},
      {"pkg:npm/a%4", "a%4@"},
      {"pkg:npm/a%zz", "a%zz@"},
  };
  for (const auto& [purl, expected] : cases) {
    EXPECT_THAT(listed(of_purl(purl)), ElementsAre(std::string(expected))) << purl;
  }
  for (const std::string_view purl :
       {"", "npm/a@1", "pkg:", "pkg:npm", "pkg:npm/", "pkg:bitnami/a@1", "pkg:npm/a/?x"}) {
    EXPECT_THAT(of_purl(purl).packages(), IsEmpty()) << purl;
  }
}

TEST(Sbom, PackagesOfDistributionsNameTheirSource) {
  const Found found = of_purl("pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc%402.36-8");
  ASSERT_THAT(listed(found), ElementsAre("libc6@2.36-9"));
  EXPECT_EQ(found.packages().front().architecture, "amd64");
  EXPECT_EQ(found.packages().front().source_name, "glibc");
  EXPECT_EQ(found.packages().front().source_version, "2.36-8");
  const Found own = of_purl("pkg:apk/alpine/musl@1.2.3-r4");
  ASSERT_THAT(listed(own), ElementsAre("musl@1.2.3-r4"));
  EXPECT_EQ(own.packages().front().source_name, "musl");
  EXPECT_EQ(own.packages().front().source_version, "1.2.3-r4");
}

TEST(Sbom, OtherFilesShowNothing) {
  for (const std::string_view text : {"", "SPDXVersion: SPDX-2.2\nPackageName: x\n", "[]", "{}",
                                      R"({"components": {"purl": "x"}, "packages": 1})"}) {
    const Found found = found_in(detect_sbom, "a.spdx", text);
    EXPECT_THAT(found.packages(), IsEmpty()) << text;
    EXPECT_THAT(found.remarks(), IsEmpty()) << text;
  }
  EXPECT_THAT(found_in(detect_sbom, "a.spdx", "{\"").remarks(), ElementsAre(HasSubstr("no JSON")));
}

TEST(Sbom, AnAttestationStatesOne) {
  EXPECT_THAT(listed(found_in(detect_sbom, "a.spdx.json", R"({
    "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://cyclonedx.org/bom",
    "predicate": {"components": [{"purl": "pkg:npm/a@1"}]},
    "components": [{"purl": "pkg:npm/b@1"}]})")),
              ElementsAre("a@1"));
  EXPECT_THAT(listed(found_in(detect_sbom, "a.spdx.json", R"({"predicate": [1]})")), IsEmpty());
}

}  // namespace

}  // namespace holdfast::detect
