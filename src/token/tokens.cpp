#include "token/tokens.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <mutex>

#include "base/fill_cache.hpp"
#include "base/snapshot.hpp"
#include "codec/json.hpp"
#include "codec/text.hpp"
#include "crypto/secret.hpp"
#include "crypto/signing.hpp"

namespace holdfast::token {

namespace {

namespace json = boost::json;

constexpr std::string_view kKeysName = "token/keys";  // newest first, PEM after PEM
constexpr std::string_view kPemEnd = "-----END PRIVATE KEY-----\n";
constexpr std::chrono::seconds kLeeway{60};
constexpr std::size_t kTokenLimitBytes = 16UZ * 1024;
constexpr std::size_t kRememberedTokens = 50'000;

Error invalid() {
  return fail(ErrorCode::unauthenticated, kTokenInvalid, "the token is not valid here");
}
Error expired() { return fail(ErrorCode::unauthenticated, kTokenExpired, "the token has expired"); }

std::int64_t seconds_of(Timestamp when) {
  return std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
}
Timestamp at_second(std::int64_t seconds) { return Timestamp{std::chrono::seconds{seconds}}; }

Result<std::vector<crypto::SigningKey>> parse_keys(std::string_view pems) {
  std::vector<crypto::SigningKey> keys;
  while (!pems.empty()) {
    const std::size_t end = pems.find(kPemEnd);
    if (end == std::string_view::npos) break;
    HF_TRY(crypto::SigningKey key,
           crypto::SigningKey::from_pem(pems.substr(0, end + kPemEnd.size())));
    keys.push_back(std::move(key));
    pems.remove_prefix(end + kPemEnd.size());
  }
  if (keys.empty()) {
    return fail(ErrorCode::corrupt, crypto::kKeyInvalid, "there is no token signing key");
  }
  return keys;
}

std::chrono::seconds lifetime_of(const Settings& settings, const Holder& holder) {
  return holder.lifetime.count() > 0 ? holder.lifetime : settings.lifetime;
}

std::string claims_json(const Settings& settings, std::string_view audience, const Holder& holder,
                        const std::vector<Access>& access, Timestamp now, std::string_view id) {
  std::string text = R"({"iss":)";
  codec::append_json_string(text, settings.issuer);
  text += R"(,"sub":)";
  codec::append_json_string(text, holder.name);
  text += R"(,"aud":)";
  codec::append_json_string(text, audience);
  if (!holder.access_token.empty()) {
    text += R"(,"access_token":)";
    codec::append_json_string(text, holder.access_token);
  }
  if (!holder.scan.empty()) {
    text += R"(,"scan":)";
    codec::append_json_string(text, holder.scan);
  }
  if (holder.for_scope) text += R"(,"scoped":true)";
  const std::int64_t issued = seconds_of(now);
  text += fmt::format(R"(,"exp":{},"nbf":{},"iat":{},"jti":"{}","uid":{},"ver":{},"access":[)",
                      issued + lifetime_of(settings, holder).count(), issued, issued, id,
                      holder.account_id, holder.version);
  for (const Access& entry : access) {
    if (text.back() != '[') text += ',';
    text += R"({"type":)";
    codec::append_json_string(text, entry.type);
    text += R"(,"name":)";
    codec::append_json_string(text, entry.name);
    text += fmt::format(R"(,"actions":["{}"]}})", fmt::join(action_names(entry.actions), R"(",")"));
  }
  return text + "]}";
}

std::optional<std::int64_t> number(const json::value& value, std::string_view name) {
  const json::value* found = codec::member(value, name);
  if (found == nullptr || !found->is_int64()) return std::nullopt;
  return found->get_int64();
}

// "aud": a string or an array of strings (RFC 7519 section 4.1.3).
std::vector<std::string> audience_of(const json::value& claims) {
  std::vector<std::string> audience;
  if (const auto one = codec::string_member(claims, "aud")) audience.emplace_back(*one);
  const json::value* list = codec::member(claims, "aud");
  if (list == nullptr || !list->is_array()) return audience;
  for (const json::value& one : list->get_array()) {
    if (one.is_string()) audience.emplace_back(one.get_string());
  }
  return audience;
}

// The port is left out: the same host's other listener is the same registry.
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return host.substr(0, host.find(']', colon) == std::string_view::npos ? colon : host.size());
}

bool names_us(const std::vector<std::string>& audience, std::string_view service) {
  return std::ranges::any_of(
      audience, [&](const std::string& one) { return without_port(one) == without_port(service); });
}

std::vector<Access> access_of(const json::value& claims) {
  std::vector<Access> list;
  const json::value* entries = codec::member(claims, "access");
  if (entries == nullptr || !entries->is_array()) return list;
  for (const json::value& entry : entries->get_array()) {
    std::string scope = fmt::format("{}:{}:", codec::string_member(entry, "type").value_or(""),
                                    codec::string_member(entry, "name").value_or(""));
    const json::value* actions = codec::member(entry, "actions");
    if (actions == nullptr || !actions->is_array()) continue;
    for (const json::value& action : actions->get_array()) {
      if (action.is_string()) scope += std::string(action.get_string()) + ",";
    }
    for (Access& access : parse_scopes(scope)) list.push_back(std::move(access));
  }
  return list;
}

}  // namespace

struct Tokens::State {
  State(keys::KeyStore& store_in, Settings settings_in, const Clock& clock_in, Random& random_in)
      : store(store_in), settings(std::move(settings_in)), clock(clock_in), random(random_in) {}

  // The claims of a token whose signature is right; audience and end are not looked at.
  Result<std::shared_ptr<const Claims>> parse(std::string_view token) const;

  keys::KeyStore& store;
  const Settings settings;
  const Clock& clock;
  Random& random;
  Snapshot<std::vector<crypto::SigningKey>> keys;
  FillCache<std::shared_ptr<const Claims>> remembered{kRememberedTokens};
  std::atomic<std::uint64_t> changes{0};  // of the stored keys
  std::atomic<std::uint64_t> seen{0};     // of them, those that `keys` has
  std::mutex reading;
  std::shared_ptr<void> subscription;  // last: it ends before what it calls
};

Tokens::Tokens(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokens::~Tokens() = default;

Result<std::unique_ptr<Tokens>> Tokens::open(keys::KeyStore& keys, Settings settings,
                                             const Clock& clock, Random& random) {
  auto state = std::make_unique<State>(keys, std::move(settings), clock, random);
  // Heard of before they are read, so that no change is missed.
  state->subscription =
      keys.subscribe(kKeysName, [changes = &state->changes] { changes->fetch_add(1); });
  HF_TRY(const std::string pems, keys.create(kKeysName, crypto::SigningKey::generate().pem()));
  HF_TRY(std::vector<crypto::SigningKey> parsed, parse_keys(pems));
  state->keys.store(std::make_shared<const std::vector<crypto::SigningKey>>(std::move(parsed)));
  return std::unique_ptr<Tokens>(new Tokens(std::move(state)));
}

bool Tokens::is_current() const { return state_->seen.load() == state_->changes.load(); }

Result<void> Tokens::refresh() {
  if (is_current()) return {};
  const std::lock_guard lock(state_->reading);
  const std::uint64_t changes = state_->changes.load();
  if (state_->seen.load() == changes) return {};
  HF_TRY(const auto pems, state_->store.find(kKeysName));
  HF_TRY(std::vector<crypto::SigningKey> parsed, parse_keys(pems.value_or("")));
  state_->keys.store(std::make_shared<const std::vector<crypto::SigningKey>>(std::move(parsed)));
  state_->remembered.clear();
  state_->seen.store(changes);
  return {};
}

Issued Tokens::issue(const Holder& holder, const std::vector<Access>& access,
                     std::string_view audience) {
  const Timestamp now = state_->clock.now();
  const auto keys = state_->keys.load();
  const crypto::SigningKey& key = keys->front();
  std::string token =
      codec::base64url(fmt::format(R"({{"typ":"JWT","alg":"ES256","kid":"{}"}})", key.id())) + "." +
      codec::base64url(
          claims_json(state_->settings, audience, holder, access, now, uuid(state_->random)));
  token += "." + codec::base64url(key.sign(token));
  return {std::move(token), lifetime_of(state_->settings, holder), now};
}

Result<std::shared_ptr<const Claims>> Tokens::State::parse(std::string_view token) const {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == last) return invalid();
  const auto header = codec::from_base64url(token.substr(0, first));
  const auto payload = codec::from_base64url(token.substr(first + 1, last - first - 1));
  const auto signature = codec::from_base64url(token.substr(last + 1));
  if (!header || !payload || !signature) return invalid();
  const auto head = codec::parse_json(*header, 8);
  // The algorithm is ours to choose, never the token's.
  if (!head || codec::string_member(*head, "alg") != "ES256") return invalid();
  const auto kid = codec::string_member(*head, "kid");
  const auto known = keys.load();
  const auto key =
      std::ranges::find_if(*known, [&](const crypto::SigningKey& one) { return kid == one.id(); });
  if (key == known->end() || !key->verify(token.substr(0, last), *signature)) return invalid();
  const auto body = codec::parse_json(*payload, 8);
  if (!body || codec::string_member(*body, "iss") != settings.issuer) {
    return invalid();
  }
  const auto account_id = number(*body, "uid");
  const auto version = number(*body, "ver");
  const auto ends = number(*body, "exp");
  const auto begins = number(*body, "nbf");
  if (!account_id || !version || !ends || !begins || at_second(*begins) > clock.now() + kLeeway)
    return invalid();
  auto claims = std::make_shared<Claims>();
  claims->account_id = *account_id;
  claims->subject = codec::string_member(*body, "sub").value_or("");
  claims->version = *version;
  claims->audience = audience_of(*body);
  claims->access = access_of(*body);
  claims->access_token = codec::string_member(*body, "access_token").value_or("");
  claims->scan = codec::string_member(*body, "scan").value_or("");
  claims->expires_at = at_second(*ends);
  claims->for_scope = !claims->access.empty() || codec::member(*body, "scoped") != nullptr;
  return std::shared_ptr<const Claims>(std::move(claims));
}

Result<std::shared_ptr<const Claims>> Tokens::verify(std::string_view token,
                                                     std::string_view audience) {
  if (token.size() > kTokenLimitBytes) return invalid();
  const auto hash = crypto::sha256(token);
  const std::string_view key(reinterpret_cast<const char*>(hash.data()), hash.size());
  std::shared_ptr<const Claims> claims = state_->remembered.find(key).value_or(nullptr);
  if (!claims) {
    const auto ticket = state_->remembered.ticket(key);
    HF_TRY(claims, state_->parse(token));
    state_->remembered.insert(ticket, key, claims);
  }
  if (!names_us(claims->audience, audience)) return invalid();
  if (state_->clock.now() >= claims->expires_at + kLeeway) {
    state_->remembered.drop(key);
    return expired();
  }
  return claims;
}

Result<void> Tokens::rotate(const events::Actor& actor) {
  HF_CHECK(refresh());
  const auto current = state_->keys.load();
  // The one before keeps verifying: its last token ends long before the next rotation.
  const std::vector<crypto::SigningKey> next = {crypto::SigningKey::generate(), current->front()};
  events::Event event;
  event.at = state_->clock.now();
  event.type = events::Type::signing_key_rotated;
  event.actor = actor;
  event.object = next[0].id();
  HF_CHECK(state_->store.replace(kKeysName, next[0].pem() + next[1].pem(),
                                 [&](db::Tx& tx) { return events::append(tx, event); }));
  return refresh();
}

std::string Tokens::jwks() const {
  std::vector<std::string> keys;
  for (const crypto::SigningKey& key : *state_->keys.load()) keys.push_back(key.public_jwk());
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

}  // namespace holdfast::token
