#include "api/dtr/event_stream.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "api/dtr/event_sight.hpp"
#include "api/dtr/event_words.hpp"
#include "base/log.hpp"
#include "http/pieces.hpp"

namespace holdfast::api::dtr {

namespace asio = boost::asio;

namespace {

using std::chrono::steady_clock;
using Piece = std::optional<std::string>;
using EventPtr = std::shared_ptr<const events::Event>;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::chrono::seconds kCheckEvery{3};
constexpr std::size_t kBatch = 100;
// A reader that comes back gets at most so many of the events that it missed.
constexpr std::int64_t kMissedAtMost = 20'000;
constexpr int kMissedStep = 200;

bool fits(const events::Filter& filter, const events::Event& event) {
  return std::ranges::find(filter.types, event.type) != filter.types.end() &&
         (filter.repository.empty() || event.repository == filter.repository) &&
         (filter.actor_id == 0 || event.actor.account_id == filter.actor_id) &&
         (!filter.after || event.at > *filter.after) &&
         (!filter.before || event.at < *filter.before);
}

// The id that a client has seen last: the end of what text() made, or the number alone.
std::optional<std::int64_t> seen_last(const http::Request& request) {
  std::string_view text = request.field("last-event-id").value_or("");
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    text.remove_prefix(dash + 1);
  }
  std::int64_t id = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size() || id < 0) {
    return std::nullopt;
  }
  return id;
}

}  // namespace

class EventStreams::Place {
 public:
  static Result<std::unique_ptr<Place>> take(const std::shared_ptr<EventStreams>& streams,
                                             std::int64_t account_id) {
    const std::lock_guard lock(streams->mutex_);
    const auto found = streams->open_.find(account_id);
    const int mine = found == streams->open_.end() ? 0 : found->second;
    if (mine >= kPerUser || streams->open_in_all_ >= kInAll) {
      return fail(ErrorCode::rate_limited, kTooManyStreams,
                  fmt::format("a user has {} streams of events at most: close one", kPerUser));
    }
    ++streams->open_[account_id];
    ++streams->open_in_all_;
    return std::unique_ptr<Place>(new Place(streams, account_id));
  }
  ~Place() {
    const std::lock_guard lock(streams_->mutex_);
    --streams_->open_in_all_;
    if (--streams_->open_[account_id_] == 0) streams_->open_.erase(account_id_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Place(std::shared_ptr<EventStreams> streams, std::int64_t account_id)
      : streams_(std::move(streams)), account_id_(account_id) {}
  std::shared_ptr<EventStreams> streams_;
  const std::int64_t account_id_;
};

// A coroutine of its connection runs it. Only the pool blocks.
class EventStreams::Stream final : public http::PieceSource {
 public:
  Stream(std::shared_ptr<EventStreams> streams, std::unique_ptr<Place> place, const Call& call,
         events::Filter filter)
      : streams_(std::move(streams)),
        services_(streams_->services_),
        place_(std::move(place)),
        request_(call.request),
        access_token_(call.text("refresh_token")),
        filter_(std::move(filter)),
        position_(streams_->feed_.end()),
        missed_after_(seen_last(call.request)) {}

  [[nodiscard]] bool is_endless() const override { return true; }

  asio::awaitable<Result<Piece>> next() override {
    if (!std::exchange(begun_, true)) {
      said_at_ = steady_clock::now();
      co_return Piece(": events\n\n");
    }
    if (streams_->feed_.claim()) co_await poll();
    const auto batch = streams_->feed_.from(position_, kBatch);
    // Too slow: it comes back with the last id that it has seen.
    if (!batch) co_return Piece();
    const bool missed = missed_after_.has_value();
    const std::vector<EventPtr> fresh = missed ? std::vector<EventPtr>() : fitting(*batch);
    const bool tells = missed || !fresh.empty();
    if (tells || steady_clock::now() - checked_at_ >= kCheckEvery) {
      // The credential and the rights as they are now, before anything is told.
      const auto caller =
          co_await services_.callers.identify_with_sessions(request_, access_token_);
      const bool later = !caller && caller.error().code == ErrorCode::rate_limited;
      if (!caller && !later) co_return Piece();
      if (caller && (caller->is_anonymous() || !rest::need_settled(*caller))) {
        co_return Piece();
      }
      if (later) co_return co_await wait();
      checked_at_ = steady_clock::now();
      if (tells) {
        auto told = co_await services_.pool.run(
            [&] { return missed ? tell_missed(*caller->subject) : tell(*caller->subject, fresh); });
        if (!told) co_return Piece();  // the database is away
        if (!missed) position_ = batch->next;
        co_return Piece(said(*std::move(told)));
      }
    }
    if (!missed) position_ = batch->next;
    if (batch->events.size() == kBatch) co_return Piece(std::string());
    co_return co_await wait();
  }

 private:
  std::string said(std::string text) {
    if (!text.empty()) said_at_ = steady_clock::now();
    return text;
  }

  // Nothing, after a while; or a sign of life when that is due.
  asio::awaitable<Result<Piece>> wait() {
    if (steady_clock::now() - said_at_ >= kHeartbeat) co_return Piece(said(": alive\n\n"));
    asio::steady_timer timer(co_await asio::this_coro::executor, kLookEvery);
    co_await timer.async_wait(asio::use_awaitable);
    co_return Piece(std::string());
  }

  asio::awaitable<void> poll() {
    const auto polled = co_await services_.pool.run([&] { return streams_->feed_.poll(); });
    if (!polled) {
      log::warn("events could not be read for their streams",
                {{"error", describe(polled.error())}});
    }
  }

  // Of what is new, what was asked for and not told already.
  std::vector<EventPtr> fitting(const events::Feed::Batch& batch) {
    std::vector<EventPtr> found;
    for (const EventPtr& event : batch.events) {
      if (!told_.contains(event->id) && fits(filter_, *event)) found.push_back(event);
    }
    return found;
  }

  // One step of what the client missed while it was away. Blocks.
  Result<std::string> tell_missed(const accounts::Subject& subject) {
    HF_TRY(const std::vector<EventPtr> step, read_missed());
    return tell(subject, step);
  }
  Result<std::vector<EventPtr>> read_missed() {
    std::vector<events::Event> found;
    HF_CHECK(services_.database.read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(const auto last,
             tx.find<std::int64_t>("SELECT COALESCE(max(id), 0) FROM events", {},
                                   [](const db::Row& row) { return row.integer(0); }));
      const std::int64_t after = std::max(*missed_after_, last.value_or(0) - kMissedAtMost);
      HF_TRY(found, events::list(tx, after, kMissedStep));
      return {};
    }));
    missed_after_ = std::ssize(found) == kMissedStep ? std::optional(found.back().id)
                                                     : std::optional<std::int64_t>();
    std::vector<EventPtr> step;
    for (events::Event& event : found) {
      // The feed may have it as well.
      told_.insert(event.id);
      step.push_back(std::make_shared<const events::Event>(std::move(event)));
    }
    return step;
  }

  // Those that the caller may see, written down. Blocks.
  Result<std::string> tell(const accounts::Subject& subject, const std::vector<EventPtr>& found) {
    std::optional<Sight> sight;
    if (!subject.is_administrator) {
      HF_TRY(accounts::Account self, services_.accounts.find(subject.account_id));
      sight.emplace(services_, subject, std::move(self));
    }
    Actors actors(services_, false);
    std::set<std::int64_t> ids;
    for (const EventPtr& event : found) ids.insert(event->actor.account_id);
    HF_CHECK(actors.learn(std::move(ids)));
    std::string text;
    for (const EventPtr& event : found) {
      if (!fits(filter_, *event) || (sight && !sight->sees(*event))) continue;
      text += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", events::text({event->at, event->id}),
                          events::name(event->type),
                          boost::json::serialize(
                              shown(*event, actors.uuid(event->actor.account_id), Detail::full)));
    }
    if (sight) HF_CHECK(sight->outcome());
    return text;
  }

  const std::shared_ptr<EventStreams> streams_;
  const Services& services_;
  const std::unique_ptr<Place> place_;
  http::Request request_;  // its head stays as long as the stream
  const std::string access_token_;
  const events::Filter filter_;
  std::uint64_t position_;
  std::optional<std::int64_t> missed_after_;  // what it has seen last, until it has caught up
  std::set<std::int64_t> told_;               // of those that it caught up with
  bool begun_ = false;
  steady_clock::time_point said_at_{};
  steady_clock::time_point checked_at_{};  // credential and rights
};

Answer EventStreams::open(const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(events::Filter filter, filter_of(services_, call));
  filter.repository = call.text("repository");
  HF_TRY(auto place, Place::take(shared_from_this(), call.subject().account_id));
  // So that the first stream begins now, not with the first look.
  if (feed_.claim()) HF_CHECK(feed_.poll());
  http::Response response(200);
  response.field("Content-Type", "text/event-stream")
      .field("Cache-Control", "no-store")
      .field("X-Accel-Buffering", "no")
      .pieces(
          std::make_shared<Stream>(shared_from_this(), std::move(place), call, std::move(filter)))
      .close();
  return response;
}

std::vector<rest::Route> event_stream_routes(const Services& services) {
  const auto streams = std::make_shared<EventStreams>(services);
  return {{http::Method::get, "/holdfast/events/stream",
           [streams](const Call& call) { return streams->open(call); }}};
}

}  // namespace holdfast::api::dtr
