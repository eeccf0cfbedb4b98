#include "scanner/trigger.hpp"

#include <map>
#include <utility>

#include "base/log.hpp"
#include "oci/manifest.hpp"
#include "scanner/adapter_scanner.hpp"
#include "scanner/scanner.hpp"

namespace holdfast::scanner {

namespace {

constexpr int kStep = 500;
// Longer than any transaction of ours may take: ids are given before COMMIT on a shared database.
constexpr std::chrono::seconds kSharedLag{15};

// What an index says of a platform that is no image: attestations of BuildKit.
bool is_of_no_platform(const oci::Descriptor& child) {
  return child.platform && child.platform->os == "unknown";
}

}  // namespace

struct Trigger::Wish {
  std::int64_t repository_id = 0;
  std::optional<Registration> registration;  // nothing: the built-in scanner
  Occasion occasion;
};

Trigger::Trigger(db::Database& database, repos::Repositories& repositories, repos::Content& content,
                 settings::Store& settings, jobs::Queue& queue, Registrations& registrations,
                 Results& results, Attachments& attachments, const Clock& clock,
                 std::string replica)
    : database_(database),
      repositories_(repositories),
      content_(content),
      settings_(settings),
      queue_(queue),
      registrations_(registrations),
      results_(results),
      attachments_(attachments),
      clock_(clock),
      replica_(std::move(replica)) {}

Trigger::~Trigger() { stop(); }

void Trigger::start() {
  thread_ = std::thread([this] { loop(); });
}

Result<void> Trigger::leave_to_others() {
  const std::lock_guard lock(polling_);
  return start_reading();
}

void Trigger::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Trigger::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    if (const Result<void> polled = poll(); !polled) {
      log::warn("scan on push waits", {{"error", describe(polled.error())}});
      lock.lock();
      stopped_.wait_for(lock, std::chrono::seconds(5), [this] { return stopping_; });
      continue;
    }
    lock.lock();
    stopped_.wait_for(lock, kEvery, [this] { return stopping_; });
  }
}

// Whether this replica is the one that reads, and for how long yet. Without other replicas it is.
Result<bool> Trigger::hold() {
  if (!database_.is_shared()) return true;
  const Timestamp now = clock_.now();
  if (held_until_ - now > kLease / 2) return true;
  bool held = false;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t changed,
           tx.execute("UPDATE scan_cursor SET holder = $1, held_until = $2 "
                      "WHERE holder = $1 OR held_until < $3",
                      {replica_, to_micros(now + kLease), to_micros(now)}));
    held = changed > 0;
    return {};
  }));
  if (held && held_until_ < now) is_reading_ = false;  // others read meanwhile
  held_until_ = held ? now + kLease : Timestamp{};
  return held;
}

// From where reading goes on; a new registry begins with what comes from now on.
Result<void> Trigger::start_reading() {
  std::optional<std::int64_t> known;
  const auto number = [](const db::Row& row) { return row.integer(0); };
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO scan_cursor (one, last_event_id, holder, held_until) "
                   "SELECT 1, COALESCE((SELECT max(id) FROM events), 0), '', 0 "
                   "ON CONFLICT (one) DO NOTHING",
                   std::span<const db::Value>()));
    HF_TRY(known, tx.find<std::int64_t>("SELECT last_event_id FROM scan_cursor", {}, number));
    return {};
  }));
  settled_ = known.value_or(0);
  is_reading_ = true;
  seen_.clear();
  return {};
}

Result<void> Trigger::poll() {
  const std::lock_guard lock(polling_);
  if (!is_reading_) HF_CHECK(start_reading());
  HF_TRY(const bool held, hold());
  if (!held) return {};
  if (!is_reading_) HF_CHECK(start_reading());
  for (bool more = true; more;) {
    HF_TRY(more, step());
  }
  return {};
}

Result<bool> Trigger::step() {
  const std::int64_t before = settled_;
  std::vector<events::Event> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, events::list(tx, before, kStep));
    return {};
  }));
  if (found.empty()) return false;
  const Timestamp settled_at = database_.is_shared() ? clock_.now() - kSharedLag : Timestamp::max();
  // A push says first which manifest it brought, then which tag it set.
  std::map<std::pair<std::string_view, std::string_view>, std::string_view> tags;
  for (const events::Event& event : found) {
    if (event.type != events::Type::tag_pushed) continue;
    tags.try_emplace({event.repository, event.digest}, event.tag);
  }
  bool settling = true;
  bool all_known = true;
  for (const events::Event& event : found) {
    settling = settling && event.at <= settled_at;
    if (!seen_.contains(event.id)) {
      all_known = false;
      const auto tag = tags.find({event.repository, event.digest});
      HF_CHECK(look_at(event, tag == tags.end() ? std::string_view(event.tag) : tag->second));
      seen_.insert(event.id);
    }
    if (settling) settled_ = event.id;
  }
  seen_.erase(seen_.begin(), seen_.upper_bound(settled_));
  if (settled_ != before) {
    HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
      HF_CHECK(tx.execute("UPDATE scan_cursor SET last_event_id = $1 WHERE last_event_id < $1",
                          {settled_}));
      return {};
    }));
  }
  return !all_known && settled_ == found.back().id && std::ssize(found) == kStep;
}

Result<void> Trigger::look_at(const events::Event& event, std::string_view tag) {
  if (event.type != events::Type::manifest_pushed && event.type != events::Type::tag_pushed) {
    return {};
  }
  HF_TRY(const auto values, settings_.load());
  if (!values->scanning_enabled) return {};
  const auto name = oci::RepositoryName::parse(event.repository);
  const auto digest = oci::Digest::parse(event.digest);
  if (!name || !digest) return {};
  const auto repository = repositories_.find(*name);
  if (!repository) {
    return repository.error().code == ErrorCode::not_found ? Result<void>() : repository.error();
  }
  if (!(*repository)->scan_on_push) return {};
  const auto asked = request(**repository, *digest, tag, Known::leave);
  if (asked) return {};
  // Whatever is wrong with one push must not keep those behind it waiting; what is wrong with the
  // database is waited for.
  const Error& error = asked.error();
  if (error.code == ErrorCode::unavailable || error.code == ErrorCode::no_space ||
      error.code == ErrorCode::read_only || error.code == ErrorCode::timeout) {
    return error;
  }
  if (error.reason != kNothingToScan && error.code != ErrorCode::not_found) {
    log::warn("a push is not scanned",
              {{"repository", event.repository}, {"error", describe(error)}});
  }
  return {};
}

Result<std::int64_t> Trigger::request(const repos::Repository& repository,
                                      const oci::Digest& digest, std::string_view tag,
                                      Known known) {
  HF_TRY(const auto stored, content_.manifest(repository.id, repos::Reference(digest)));
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(*stored->bytes, stored->media_type));
  HF_TRY(auto registration, registrations_.of(repository.id));
  const Wish wish{.repository_id = repository.id,
                  .registration = std::move(registration),
                  .occasion = {.repository = repository.name.text(), .tag = std::string(tag)}};
  if (manifest.kind == oci::ManifestKind::image) {
    if (manifest.subject && !is_scannable(manifest)) {
      return request_subject(wish, manifest.subject->digest);
    }
    if (!is_scannable(manifest)) {
      return holdfast::fail(ErrorCode::unsupported, kNothingToScan,
                            "it is no image that packages could be in");
    }
    HF_TRY(const bool asked, request_image(wish, digest, known));
    return asked ? 1 : 0;
  }
  std::int64_t count = 0;
  for (const oci::Descriptor& child : manifest.children) {
    if (is_of_no_platform(child)) continue;
    const auto image = content_.manifest(repository.id, repos::Reference(child.digest));
    if (!image) {
      if (image.error().code == ErrorCode::not_found) continue;  // sparse indexes
      return image.error();
    }
    const auto parsed = oci::parse_manifest(*(*image)->bytes, (*image)->media_type);
    if (!parsed || !is_scannable(*parsed)) continue;
    HF_TRY(const bool asked, request_image(wish, child.digest, known));
    count += asked ? 1 : 0;
  }
  return count;
}

// An artifact may be a list of what its subject has. Scanners of others do not ask for any.
Result<std::int64_t> Trigger::request_subject(const Wish& wish, const oci::Digest& subject) {
  if (wish.registration) return 0;
  HF_TRY(const bool has_news, attachments_.has_news(wish.repository_id, subject));
  if (!has_news) return 0;
  HF_TRY(const auto stored, content_.manifest(wish.repository_id, repos::Reference(subject)));
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(*stored->bytes, stored->media_type));
  if (!is_scannable(manifest)) return 0;
  HF_TRY(const bool asked, request_image(wish, subject, Known::again));
  return asked ? 1 : 0;
}

Result<bool> Trigger::request_image(const Wish& wish, const oci::Digest& digest, Known known) {
  if (known == Known::leave && !wish.registration) {
    // What was attached since its scan has to be read, too.
    HF_TRY(const bool has_news, attachments_.has_news(wish.repository_id, digest));
    if (has_news) known = Known::again;
  }
  HF_TRY(const auto scan, results_.find(wish.repository_id, digest));
  const bool is_under_way =
      scan && (scan->state == State::pending || scan->state == State::scanning);
  // Its job may have been canceled: somebody who asks is not told that it goes on for ever.
  if (is_under_way && known == Known::leave) return false;
  const bool is_current = scan && (wish.registration || scan->scanner == kScannerVersion);
  const bool is_known = is_current && scan->completed_at && scan->state != State::failed;
  if (is_known && known == Known::leave) {
    // A tag was set on what was scanned before: its own event says so.
    if (!wish.occasion.tag.empty()) HF_CHECK(results_.tell(*scan, wish.occasion));
    return false;
  }
  const std::string_view action = wish.registration ? kAdapterScanAction : kScanAction;
  bool made = false;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(results_.request(tx, wish.repository_id, wish.registration, digest));
    HF_TRY(made, queue_.enqueue_once(tx, {.action = std::string(action),
                                          .parameters = job_parameters(digest, wish.occasion)}));
    return {};
  }));
  return made;
}

}  // namespace holdfast::scanner
