#include "oci/manifest.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace holdfast::oci {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string descriptor(const std::string& digest, const std::string& media_type = "application/x") {
  return R"({"mediaType":")" + media_type + R"(","digest":")" + digest + R"(","size":7})";
}
std::string image(const std::string& layers, const std::string& more = "") {
  return R"({"schemaVersion":2,"config":)" + descriptor(kA, "application/cfg") + R"(,"layers":)" +
         layers + more + "}";
}

TEST(Manifest, NamesItsBlobsOnceAndLeavesForeignLayersOut) {
  const std::string foreign =
      descriptor("sha256:" + std::string(64, 'c'),
                 "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  const auto manifest = parse_manifest(image("[" + descriptor(kB) + "," + foreign + "," +
                                             descriptor(kB) + "," + descriptor(kA) + "]"),
                                       std::string(kDockerManifest) + "; charset=utf-8");
  ASSERT_TRUE(manifest) << describe(manifest.error());
  EXPECT_EQ(manifest->media_type, kDockerManifest);
  EXPECT_EQ(manifest->layers.size(), 4U);
  const auto required = manifest->required_blobs();
  ASSERT_EQ(required.size(), 2U);
  EXPECT_EQ(required[0].digest.text(), kA);
  EXPECT_EQ(required[1].digest.text(), kB);
  EXPECT_EQ(manifest->effective_artifact_type(), "application/cfg");
}

TEST(Manifest, AcceptsEmptyNestedAndNull) {
  EXPECT_TRUE(parse_manifest(image("null"), kOciManifest));
  EXPECT_TRUE(parse_manifest(image("[]"), kOciManifest));
  const auto empty = parse_manifest(R"({"schemaVersion":2,"manifests":[]})", kOciIndex);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->children.empty());
  const auto nested = parse_manifest(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
          descriptor(kA, std::string(kOciIndex)) + "]}",
      "");
  ASSERT_TRUE(nested);
  EXPECT_EQ(nested->children.at(0).media_type, kOciIndex);
}

TEST(Manifest, RefusesWithAReasonThatSaysWhat) {
  const std::string layers = "[]";
  const std::pair<std::string, std::string> cases[] = {
      {"{", "not valid JSON"},
      {"[]", "JSON object"},
      {R"({"schemaVersion":3})", "schemaVersion"},
      {R"({"schemaVersion":1})", "schema 1"},
      {R"({"schemaVersion":2,"schemaVersion":2})", "twice"},
      {R"({"schemaVersion":2,"layers":[]})", "config is missing"},
      {image("{}"), "layers must be an array"},
      {image("[{}]"), "layers[0]: digest is missing"},
      {image(R"([{"digest":"sha256:x","size":1}])"), "layers[0]"},
      {image(R"([{"digest":")" + kA + R"(","size":-1}])"), "size"},
      {image(layers, R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"), "differs"},
      {image(layers, R"(,"annotations":{"a":1})"), "annotations"},
      {image(layers, R"(,"manifests":[])"), "no manifests"},
  };
  for (const auto& [body, message] : cases) {
    const auto manifest = parse_manifest(body, kOciManifest);
    ASSERT_FALSE(manifest) << body;
    EXPECT_EQ(manifest.error().reason, kManifestInvalid);
    EXPECT_NE(manifest.error().message.find(message), std::string::npos)
        << manifest.error().message;
  }
  EXPECT_FALSE(
      parse_manifest(image(layers), "application/vnd.docker.distribution.manifest.v1+prettyjws"));
  EXPECT_FALSE(parse_manifest(image(layers), "application/json"));
  EXPECT_FALSE(parse_manifest(image(layers), ""));
}

TEST(Manifest, ReferrerEntriesHoldAllAnnotationsAndNothingElse) {
  const auto manifest =
      parse_manifest(image("[]", R"(,"subject":)" + descriptor(kB) +
                                     R"(,"annotations":{"z":"ä\n","a":"\"q\""},"other":1)"),
                     kOciManifest);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->subject->digest.text(), kB);
  const Digest digest = *Digest::parse(kA);
  EXPECT_EQ(referrer_descriptor(*manifest, digest, 9),
            R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")" +
                kA +
                R"(","artifactType":"application/cfg","annotations":{"z":"ä\n","a":"\"q\""}})");
  EXPECT_EQ(fallback_tag(digest), "sha256-" + std::string(64, 'a'));
}

TEST(Manifest, AHugeIndexIsParsedInReasonableTime) {
  std::string body = R"({"schemaVersion":2,"manifests":[)";
  for (int i = 0; i < 100'000; ++i) body += (i > 0 ? "," : "") + descriptor(kA);
  body += "]}";
  const auto start = std::chrono::steady_clock::now();
  const auto manifest = parse_manifest(body, kOciIndex);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->children.size(), 100'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace holdfast::oci
