#include "api/oci/registry.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/authenticator.hpp"
#include "api/oci/errors.hpp"
#include "blob/digesting.hpp"
#include "blob/memory/memory.hpp"
#include "codec/text.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "keys/keys.hpp"
#include "token/refresh.hpp"

namespace holdfast::api::oci {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::Not;

class TextBody final : public http::Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), text_.size() - at_);
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    co_return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string digest_of(std::string_view text) {
  blob::Digesting digesting(holdfast::oci::Algorithm::sha256);
  digesting.update(std::as_bytes(std::span(text)));
  return digesting.digest().text();
}

// The registry over a real database, without sockets.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-registry-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    const auto all =
        db::joined({keys::migrations(), events::migrations(), accounts::migrations(),
                    settings::migrations(), repos::migrations(), uploads::migrations()});
    EXPECT_TRUE(database_->migrate(all));
    keys_ = std::make_unique<keys::KeyStore>(*database_, crypto::Sealer({}), clock_, random_);
    tokens_ = token::Tokens::open(*keys_, {}, clock_, random_).value();
    blobs_ = blob::memory::make(clock_);
    accounts_ = std::make_unique<accounts::Accounts>(*database_, clock_, random_);
    counted_ = std::make_unique<events::Counted>(*database_, clock_);
    authenticator_ =
        std::make_unique<accounts::Authenticator>(*accounts_, *counted_, clock_, random_);
    settings_ = std::make_unique<settings::Store>(*database_, clock_, settings::Values{});
    repositories_ = std::make_unique<repos::Repositories>(*database_, clock_, random_);
    content_ = std::make_unique<repos::Content>(*database_, clock_, repos::ContentRules{});
    uploads_ = std::make_unique<uploads::Uploads>(*database_, *blobs_, clock_, random_);
    access_tokens_ = std::make_unique<accounts::AccessTokens>(*database_, clock_, random_);
    logins_ = std::make_unique<accounts::Logins>(*accounts_, *authenticator_, *access_tokens_);
    sessions_ = std::make_unique<accounts::Sessions>(*database_, clock_, random_);
    callers_ = std::make_unique<Callers>(
        *accounts_, *logins_, *sessions_, *tokens_, limits_, url_, pool_,
        [](std::string_view) { return Result(std::shared_ptr<const accounts::Subject>()); });
    use({});
    EXPECT_TRUE(accounts_->create_user({"root", "a good password", true}, {}));
    alice_ = accounts_->create_user({"alice", "a good password"}, {}).value();
    bob_ = accounts_->create_user({"bob", "a good password"}, {}).value();
    create("alice/private", repos::Visibility::private_access);
    create("alice/public", repos::Visibility::public_access);
  }
  ~RegistryTest() override { std::filesystem::remove_all(folder_); }

  void use(const Settings& settings) {
    registry_ =
        std::make_unique<Registry>(Services{*callers_, limits_, url_, *repositories_, *content_,
                                            *uploads_, *blobs_, *counted_, *settings_, pool_},
                                   settings);
  }
  void create(std::string_view name, repos::Visibility visibility) {
    EXPECT_TRUE(repositories_->create(holdfast::oci::RepositoryName::parse(name).value(),
                                      {.visibility = visibility}, {}));
  }

  struct Answer {
    int status = 0;
    std::string lines;
    std::string text;
  };
  // One request; `target` may have a query.
  Answer ask(std::string_view method, std::string target, const std::string& authorization = "",
             std::string body = "",
             std::vector<std::pair<std::string_view, std::string_view>> fields = {}) {
    http::Request request;
    request.method_text = method;
    for (const auto& [text, value] :
         {std::pair<std::string_view, http::Method>{"GET", http::Method::get},
          {"HEAD", http::Method::head},
          {"POST", http::Method::post},
          {"PUT", http::Method::put},
          {"PATCH", http::Method::patch},
          {"DELETE", http::Method::del}}) {
      if (text == method) request.method = value;
    }
    const std::size_t mark = target.find('?');
    request.path = std::string_view(target).substr(0, mark);
    if (mark != std::string::npos) request.query = std::string_view(target).substr(mark + 1);
    request.fields = std::move(fields);
    if (!authorization.empty()) request.fields.emplace_back("Authorization", authorization);
    request.content_length = body.size();
    request.client = {"192.0.2.1", 1, true, "hub.example"};
    TextBody text(std::move(body));
    Answer answer;
    asio::co_spawn(loop_, run(request, text, answer),
                   [](const std::exception_ptr& thrown) { EXPECT_FALSE(thrown); });
    loop_.restart();
    loop_.run();
    return answer;
  }
  asio::awaitable<void> run(http::Request& request, TextBody& body, Answer& answer) {
    const http::Response response = co_await registry_->handle(request, body);
    answer.status = response.status();
    answer.lines = response.lines();
    if (const auto* own = std::get_if<std::string>(&response.content())) answer.text = *own;
    if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.content()))
      answer.text = **shared;
  }
  std::string bearer(const accounts::Account& account, std::string_view scopes) {
    return "Bearer " + tokens_
                           ->issue({account.id, account.name, account.version},
                                   token::parse_scopes(scopes), "hub.example")
                           .token;
  }
  std::string anonymous(std::string_view scopes) {
    return "Bearer " + tokens_->issue({}, token::parse_scopes(scopes), "hub.example").token;
  }

  std::filesystem::path folder_;
  SystemClock clock_;
  SystemRandom random_;
  asio::io_context loop_;  // outlives the pool, which may still be waking it up
  async::BlockingPool pool_{2};
  PublicUrl url_{""};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<keys::KeyStore> keys_;
  std::unique_ptr<token::Tokens> tokens_;
  std::unique_ptr<blob::Store> blobs_;
  std::unique_ptr<accounts::Accounts> accounts_;
  std::unique_ptr<events::Counted> counted_;
  std::unique_ptr<accounts::Authenticator> authenticator_;
  std::unique_ptr<accounts::AccessTokens> access_tokens_;
  std::unique_ptr<accounts::Logins> logins_;
  std::unique_ptr<settings::Store> settings_;
  std::unique_ptr<accounts::Sessions> sessions_;
  std::unique_ptr<repos::Repositories> repositories_;
  std::unique_ptr<repos::Content> content_;
  std::unique_ptr<uploads::Uploads> uploads_;
  Limits limits_{{}, clock_};
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Registry> registry_;
  accounts::Account alice_, bob_;
};

TEST_F(RegistryTest, EveryPathWithoutACredentialIsChallenged) {
  const Answer base = ask("GET", "/v2/");
  EXPECT_EQ(base.status, 401);
  EXPECT_THAT(base.lines,
              HasSubstr("WWW-Authenticate: Bearer "
                        "realm=\"https://hub.example/auth/token\",service=\"hub.example\"\r\n"));
  EXPECT_THAT(base.lines, HasSubstr("Docker-Distribution-Api-Version: registry/2.0"));
  EXPECT_THAT(ask("GET", "/v2/alice/public/tags/list").lines,
              HasSubstr("scope=\"repository:alice/public:pull\"\r\n"));
  EXPECT_THAT(ask("POST", "/v2/alice/public/blobs/uploads/").lines,
              HasSubstr("scope=\"repository:alice/public:pull,push\""));
  EXPECT_THAT(ask("DELETE", "/v2/alice/public/manifests/a").lines,
              HasSubstr("scope=\"repository:alice/public:delete\""));
  EXPECT_THAT(ask("GET", "/v2/_catalog").lines, HasSubstr("scope=\"registry:catalog:*\""));
  EXPECT_THAT(ask("GET", "/v2/", "Bearer nonsense").lines, HasSubstr("error=\"invalid_token\""));
}

TEST_F(RegistryTest, ChallengesRefusesAndHides) {
  const std::string all =
      "repository:alice/private:pull,push,delete repository:alice/missing:pull,push";
  EXPECT_EQ(ask("GET", "/v2/alice/private/tags/list", bearer(alice_, all)).status, 200);
  // The right is there and the token too small: a new one will do.
  const Answer small = ask("GET", "/v2/alice/private/tags/list", bearer(alice_, ""));
  EXPECT_EQ(small.status, 401);
  EXPECT_THAT(small.lines, HasSubstr("error=\"insufficient_scope\""));
  // No right: whatever the token says, and the same for what is missing.
  const Answer hidden = ask("GET", "/v2/alice/private/tags/list", bearer(bob_, all));
  const Answer missing = ask("GET", "/v2/alice/missing/tags/list", bearer(bob_, all));
  EXPECT_EQ(hidden.status, 403);
  EXPECT_EQ(missing.status, 403);
  std::string same = missing.text;
  same.replace(same.find("alice/missing"), 13, "alice/private");
  EXPECT_EQ(hidden.text, same);
  EXPECT_EQ(hidden.lines, missing.lines);
  EXPECT_EQ(ask("GET", "/v2/alice/private/tags/list", anonymous(all)).status, 401);
  EXPECT_EQ(ask("GET", "/v2/alice/missing/tags/list", anonymous(all)).status, 401);
  EXPECT_EQ(
      ask("GET", "/v2/alice/public/tags/list", anonymous("repository:alice/public:pull")).status,
      200);
  // Those who would see it are told that it is not there.
  EXPECT_EQ(ask("GET", "/v2/alice/missing/tags/list", bearer(alice_, all)).status, 404);
  const Answer push = ask("POST", "/v2/alice/missing/blobs/uploads/", bearer(alice_, all));
  EXPECT_EQ(push.status, 403);
  EXPECT_THAT(push.text, HasSubstr("holdfast admin repo create alice/missing"));
}

TEST_F(RegistryTest, ATakenRightEndsAnIssuedTokenWithTheNextRequest) {
  const std::string token = bearer(bob_, "repository:alice/public:pull");
  EXPECT_EQ(ask("GET", "/v2/alice/public/tags/list", token).status, 200);
  ASSERT_TRUE(repositories_->update(holdfast::oci::RepositoryName::parse("alice/public").value(),
                                    {.visibility = repos::Visibility::private_access}, {}));
  EXPECT_EQ(ask("GET", "/v2/alice/public/tags/list", token).status, 403);
}

TEST_F(RegistryTest, APushCreatesARepositoryOnlyWhereThatIsOn) {
  const std::string refused = bearer(alice_, "repository:alice/refused:pull,push");
  EXPECT_EQ(ask("POST", "/v2/alice/refused/blobs/uploads/", refused).status, 403);
  ASSERT_TRUE(settings_->change({{"createRepositoryOnPush", true}}, {}));
  const std::string scopes = "repository:alice/fresh:pull,push repository:bob/fresh:pull,push";
  EXPECT_EQ(ask("GET", "/v2/alice/fresh/blobs/uploads/x", bearer(alice_, scopes)).status, 404);
  EXPECT_EQ(ask("POST", "/v2/alice/fresh/blobs/uploads/", bearer(alice_, scopes)).status, 202);
  EXPECT_EQ(ask("GET", "/v2/alice/fresh/tags/list", bearer(alice_, scopes)).status, 200);
  EXPECT_EQ(ask("GET", "/v2/alice/fresh/tags/list", bearer(bob_, scopes)).status, 403);
  EXPECT_EQ(ask("POST", "/v2/bob/fresh/blobs/uploads/", bearer(alice_, scopes)).status, 403);
}

TEST_F(RegistryTest, InReadOnlyModeOnlyReadingGoesOn) {
  const std::string token = bearer(alice_, "repository:alice/private:pull,push,delete");
  ASSERT_TRUE(settings_->change({{"readOnlyRegistry", true}}, {}));
  for (const auto& [method, path] : {std::pair{"POST", "blobs/uploads/"},
                                     {"PUT", "manifests/v1"},
                                     {"PATCH", "blobs/uploads/x"},
                                     {"PUT", "blobs/uploads/x"},
                                     {"DELETE", "blobs/uploads/x"},
                                     {"DELETE", "manifests/v1"}}) {
    const Answer refused = ask(method, std::string("/v2/alice/private/") + path, token);
    EXPECT_EQ(refused.status, 405) << method << path;
    EXPECT_THAT(refused.text, HasSubstr(R"("code":"UNSUPPORTED","message":"the registry is in)"));
  }
  EXPECT_EQ(ask("GET", "/v2/alice/private/tags/list", token).status, 200);
  ASSERT_TRUE(settings_->change({{"readOnlyRegistry", false}}, {}));
  EXPECT_EQ(ask("POST", "/v2/alice/private/blobs/uploads/", token).status, 202);
}

TEST_F(RegistryTest, AnImageGoesInAndComesOut) {
  const std::string token = bearer(alice_, "repository:alice/private:pull,push,delete");
  const std::string blobs = "/v2/alice/private/blobs/";
  EXPECT_EQ(ask("POST", blobs + "uploads/?digest=" + digest_of("{}"), token, "{}").status, 201);
  EXPECT_EQ(ask("POST", blobs + "uploads/?digest=" + digest_of("x"), token, "{}").status, 400);
  EXPECT_THAT(ask("HEAD", blobs + digest_of("{}"), token).lines, HasSubstr("Accept-Ranges: bytes"));
  EXPECT_EQ(ask("GET", blobs + digest_of("{}"), token, "", {{"Range", "bytes=9-"}}).status, 416);
  EXPECT_EQ(
      ask("GET", blobs + digest_of("{}"), token, "", {{"If-None-Match", digest_of("{}")}}).status,
      304);
  const std::string manifest =
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
      digest_of("{}") + R"(","size":2},"layers":[]})";
  const std::vector<std::pair<std::string_view, std::string_view>> type = {
      {"Content-Type", "application/vnd.oci.image.manifest.v1+json"}};
  const Answer put = ask("PUT", "/v2/alice/private/manifests/v1", token, manifest, type);
  EXPECT_EQ(put.status, 201) << put.text;
  EXPECT_THAT(put.lines, HasSubstr("Docker-Content-Digest: " + digest_of(manifest)));
  EXPECT_EQ(ask("GET", "/v2/alice/private/manifests/v1", token).text, manifest);
  EXPECT_EQ(
      ask("GET", "/v2/alice/private/manifests/v1", token, "", {{"Accept", "text/html"}}).status,
      404);
  EXPECT_THAT(ask("GET", "/v2/alice/private/tags/list", token).text, HasSubstr(R"("tags":["v1"])"));
  const Answer twice =
      ask("PUT", "/v2/alice/private/manifests/" + digest_of(manifest) + "?tag=a&tag=b", token,
          manifest, type);
  EXPECT_THAT(twice.lines, HasSubstr("OCI-Tag: a\r\nOCI-Tag: b\r\n"));
  EXPECT_EQ(ask("DELETE", blobs + digest_of("{}"), token).status, 405);
  EXPECT_EQ(ask("DELETE", "/v2/alice/private/manifests/" + digest_of(manifest), token).status, 202);
  EXPECT_EQ(ask("DELETE", blobs + digest_of("{}"), token).status, 202);
}

TEST_F(RegistryTest, LimitsAreKept) {
  Settings settings;
  settings.manifest_limit_bytes = 10;
  settings.blob_limit_bytes = 10;
  use(settings);
  const std::string token = bearer(alice_, "repository:alice/private:pull,push");
  EXPECT_EQ(ask("PUT", "/v2/alice/private/manifests/v1", token, std::string(11, ' ')).status, 413);
  EXPECT_EQ(
      ask("POST", "/v2/alice/private/blobs/uploads/?digest=" + digest_of(std::string(11, 'x')),
          token, std::string(11, 'x'))
          .status,
      413);
  EXPECT_EQ(
      ask("POST", "/v2/alice/private/blobs/uploads/?digest=" + digest_of("x"), token, "x").status,
      201);
  int sessions = 0;
  ASSERT_TRUE(blobs_->list_sessions([&](const blob::Listed&) -> Result<void> {
    ++sessions;
    return {};
  }));
  EXPECT_EQ(sessions, 0);
}

TEST_F(RegistryTest, TheCatalogIsWhatTheCallerSees) {
  const std::string scope = "registry:catalog:*";
  EXPECT_THAT(ask("GET", "/v2/_catalog", bearer(alice_, scope)).text,
              HasSubstr(R"(["alice/private","alice/public"])"));
  EXPECT_THAT(ask("GET", "/v2/_catalog", bearer(bob_, scope)).text,
              HasSubstr(R"(["alice/public"])"));
  EXPECT_THAT(ask("GET", "/v2/_catalog", anonymous(scope)).text, HasSubstr(R"(["alice/public"])"));
  EXPECT_THAT(ask("GET", "/v2/_catalog?n=1", bearer(alice_, scope)).lines,
              HasSubstr("Link: </v2/_catalog?n=1&last=alice%2Fprivate>; rel=\"next\""));
  EXPECT_EQ(ask("GET", "/v2/_catalog?n=-1", bearer(alice_, scope)).status, 400);
  EXPECT_THAT(ask("GET", "/v2/_catalog?n=0", bearer(alice_, scope)).lines, Not(HasSubstr("Link")));
}

TEST(Errors, EveryCodeOfOursIsAnAnswer) {
  const std::pair<ErrorCode, int> codes[] = {
      {ErrorCode::not_found, 404},   {ErrorCode::already_exists, 409},
      {ErrorCode::invalid, 400},     {ErrorCode::unauthenticated, 401},
      {ErrorCode::denied, 403},      {ErrorCode::conflict, 409},
      {ErrorCode::quota, 403},       {ErrorCode::rate_limited, 429},
      {ErrorCode::too_large, 413},   {ErrorCode::out_of_range, 416},
      {ErrorCode::no_space, 507},    {ErrorCode::read_only, 405},
      {ErrorCode::unavailable, 503}, {ErrorCode::timeout, 408},
      {ErrorCode::corrupt, 500},     {ErrorCode::unsupported, 405},
      {ErrorCode::internal, 500}};
  for (const auto& [code, status] : codes) {
    const http::Response response =
        error_response(fail(code, "some_reason", "a \"message\"", {"7"}));
    EXPECT_EQ(response.status(), status) << name(code);
    const std::string text = std::get<std::string>(response.content());
    EXPECT_THAT(text, testing::StartsWith(R"({"errors":[{"code":")"));
    // What is our own fault is not told to strangers.
    EXPECT_EQ(text.find("message\\\"") == std::string::npos, status == 500) << text;
  }
  EXPECT_THAT(error_response(fail(ErrorCode::rate_limited, "r", "m", {"7"})).lines(),
              HasSubstr("Retry-After: 7"));
  // A blob that the database knows and the disk does not is no "not found".
  EXPECT_EQ(error_response(fail(ErrorCode::not_found, blob::kBlobMissing, "gone")).status(), 500);
}

}  // namespace
}  // namespace holdfast::api::oci
