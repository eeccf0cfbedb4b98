#include "scan/registry.hpp"

#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/layout.hpp"
#include "client/session.hpp"
#include "codec/json.hpp"
#include "oci/media_type.hpp"
#include "oci/name.hpp"

namespace holdfast::scan {

namespace {

using client::Download;

constexpr std::size_t kTokenBytes = 64UZ << 10U;

struct Reference {
  std::string host;  // "": none is named
  oci::RepositoryName repository;
  std::string tag_or_digest;
};

Result<Reference> parse_reference(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::invalid, kReferenceInvalid,
                fmt::format("\"{}\" is neither a file or folder nor a reference "
                            "HOST/NAMESPACE/REPO:TAG: {}",
                            text, why));
  };
  std::string_view rest = text;
  std::string host;
  const std::size_t slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first == "localhost" || first.find_first_of(".:[") != std::string_view::npos)) {
    host = first;
    rest.remove_prefix(slash + 1);
  }
  std::string reference;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    HF_TRY(const oci::Digest digest, oci::Digest::parse(rest.substr(at + 1)));
    reference = digest.text();
    rest = rest.substr(0, at);
  }
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    const auto tag = oci::Tag::parse(rest.substr(colon + 1));
    if (!tag) return wrong(tag.error().message);
    if (reference.empty()) reference = tag->text();
    rest = rest.substr(0, colon);
  }
  const auto name = oci::RepositoryName::parse(rest);
  if (!name) return wrong(name.error().message);
  return Reference{std::move(host), *name, reference.empty() ? "latest" : reference};
}

// `name="value"` of a challenge.
std::string parameter(std::string_view challenge, std::string_view name) {
  const std::string begin = fmt::format("{}=\"", name);
  const std::size_t at = challenge.find(begin);
  if (at == std::string_view::npos) return {};
  challenge.remove_prefix(at + begin.size());
  return std::string(challenge.substr(0, challenge.find('"')));
}

class Registry final : public Store, public std::enable_shared_from_this<Registry> {
 public:
  Registry(client::Session session, oci::RepositoryName repository)
      : session_(std::move(session)), repository_(std::move(repository)) {
    if (!session_.login.token.empty()) {
      authorization_ = client::basic(session_.login.user, session_.login.token);
    }
  }

  Result<Document> manifest(const oci::Digest& digest) override {
    return manifest_of(digest.text());
  }

  Result<Document> manifest_of(const std::string& reference) {
    const std::string accept = fmt::format("{}, {}, {}, {}", oci::kOciManifest, oci::kOciIndex,
                                           oci::kDockerManifest, oci::kDockerManifestList);
    HF_TRY(const auto download,
           get(fmt::format("/v2/{}/manifests/{}", repository_.text(), reference), accept));
    HF_TRY(std::string bytes,
           read_all([&](std::span<std::byte> into) { return download->read(into); }, kDocumentBytes,
                    "the manifest"));
    return Document{.bytes = std::move(bytes),
                    .media_type = oci::without_parameters(download->content_type)};
  }

  Result<worker::Source> blob(const oci::Digest& digest) override {
    // A download ends before its connection.
    struct Held {
      std::shared_ptr<Registry> registry;
      std::unique_ptr<Download> download;
    };
    HF_TRY(auto download,
           get(fmt::format("/v2/{}/blobs/{}", repository_.text(), digest.text()), ""));
    const auto held = std::make_shared<Held>(Held{shared_from_this(), std::move(download)});
    return worker::Source([held](std::span<std::byte> into) { return held->download->read(into); });
  }

 private:
  Result<std::unique_ptr<Download>> get(const std::string& target, const std::string& accept) {
    HF_TRY(auto download, session_.connection->get(target, authorization_, accept));
    if (download->status == 401 && !has_token_) {
      const std::string challenge = download->challenge;
      download.reset();
      HF_CHECK(take_token(challenge));
      HF_TRY(download, session_.connection->get(target, authorization_, accept));
    }
    if (download->status == 200) return download;
    return refusal(*download);
  }

  // A registry that takes a password for a token alone. The password goes to the registry itself,
  // and nowhere else.
  Result<void> take_token(std::string_view challenge) {
    std::string realm = parameter(challenge, "realm");
    const std::string begin = "https://";
    if (!challenge.starts_with("Bearer ") || !realm.starts_with(begin)) return {};
    realm.erase(0, begin.size());
    const std::size_t slash = std::min(realm.find('/'), realm.size());
    const auto server = client::parse_server(realm.substr(0, slash));
    if (!server || server->text() != session_.server.text()) return {};
    const std::string target =
        fmt::format("{}?service={}&scope={}", realm.substr(slash),
                    client::percent_encoded(parameter(challenge, "service")),
                    client::percent_encoded(fmt::format("repository:{}:pull", repository_.text())));
    HF_TRY(const auto download, session_.connection->get(target, authorization_, ""));
    if (download->status != 200) return {};  // the refusal of what was asked for says more
    HF_TRY(const std::string bytes,
           read_all([&](std::span<std::byte> into) { return download->read(into); }, kTokenBytes,
                    "the token"));
    HF_TRY(const boost::json::value says, parse_document(bytes, "the token"));
    const auto token = codec::string_member(says, "token");
    if (!token) return {};
    authorization_ = fmt::format("Bearer {}", *token);
    has_token_ = true;
    return {};
  }

  Error refusal(Download& download) const {
    const std::string where = session_.server.text();
    const auto bytes = read_all([&](std::span<std::byte> into) { return download.read(into); },
                                kDocumentBytes, "the answer");
    std::string said;
    if (const auto body = codec::parse_json(bytes ? *bytes : ""); body) {
      const boost::json::value* errors = codec::member(*body, "errors");
      if (errors != nullptr && errors->is_array() && !errors->get_array().empty()) {
        said = client::harmless(
            codec::string_member(errors->get_array().front(), "message").value_or(""));
      }
    }
    if (said.empty()) said = fmt::format("it answered with status {}", download.status);
    if (download.status == 401) {
      return fail(ErrorCode::unauthenticated, client::kServerRefused,
                  fmt::format("{}: {}\nLog in: holdfast login {}", where, said, where));
    }
    const bool is_missing = download.status == 404;
    return fail(is_missing ? ErrorCode::not_found : ErrorCode::denied,
                is_missing ? kTargetUnreadable : client::kServerRefused,
                fmt::format("{}: {}", where, said));
  }

  client::Session session_;
  const oci::RepositoryName repository_;
  std::string authorization_;
  bool has_token_ = false;
};

}  // namespace

Result<Target> open_reference(std::string_view text, const client::Invocation& invocation,
                              const oci::Platform& platform) {
  HF_TRY(Reference reference, parse_reference(text));
  HF_TRY(client::Session session, client::session_at(reference.host, invocation));
  const auto registry = std::make_shared<Registry>(std::move(session), reference.repository);
  HF_TRY(const Document document, registry->manifest_of(reference.tag_or_digest));
  if (const auto digest = oci::Digest::parse(reference.tag_or_digest);
      digest && digest->algorithm() == oci::Algorithm::sha256 &&
      digest_of(document.bytes) != *digest) {
    return fail(ErrorCode::corrupt, kTargetBroken,
                fmt::format("the bytes of {} have another digest", digest->text()));
  }
  return open_image(registry, document, platform);
}

}  // namespace holdfast::scan
