#include "scanner/fetch.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <utility>

#include "advisories/import.hpp"
#include "codec/text.hpp"
#include "scanner/reading.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::chrono::seconds kTellEvery{1};

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// A file that goes with its reader.
class Download {
 public:
  explicit Download(std::string path) : path_(std::move(path)) {}
  ~Download() { ::unlink(path_.c_str()); }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  Result<worker::Source> open() {
    const std::shared_ptr<std::FILE> file(std::fopen(path_.c_str(), "rbe"), [](std::FILE* handle) {
      if (handle != nullptr) Close()(handle);
    });
    const auto broken = [] {
      return fail(ErrorCode::unavailable, blob::kStorageBroken, "the download cannot be read");
    };
    if (!file) return broken();
    return worker::Source([file, broken](std::span<std::byte> into) -> Result<std::size_t> {
      const std::size_t got = std::fread(into.data(), 1, into.size(), file.get());
      if (got == 0 && std::ferror(file.get()) != 0) return broken();
      return got;
    });
  }

 private:
  const std::string path_;
};

events::Actor system_actor() {
  events::Actor actor;
  actor.name = "system";
  return actor;
}

bool passes_by_itself(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

class Fetch {
 public:
  Fetch(const FetchParts& parts, const settings::Values& settings,
        const requests::DownloadOptions& options, jobs::Run& run)
      : parts_(parts),
        feeds_(feeds::all(settings.advisory_feeds, parts.clock.now())),
        downloader_(options, {.http = settings.http_proxy,
                              .https = settings.https_proxy,
                              .none = settings.no_proxy}),
        run_(run) {}
  ~Fetch() {
    import_.reset();
    if (!base_.path.empty()) ::unlink(base_.path.c_str());
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  Result<Fetched> all() {
    HF_CHECK(parts_.states.keep(feeds_));
    HF_TRY(states_, parts_.states.load());
    HF_TRY(base_, parts_.store.copy_of_current());
    for (number_ = 0; number_ < feeds_.size(); ++number_) {
      const feeds::Feed& feed = feeds_[number_];
      const auto outcome = one(feed);
      if (run_.should_stop()) return stopped();
      if (outcome) continue;
      if (outcome.error().code == ErrorCode::no_space) return outcome.error();
      HF_CHECK(note(feed, outcome.error()));
    }
    HF_CHECK(end());
    return std::move(fetched_);
  }

 private:
  static Error stopped() {
    return fail(ErrorCode::unavailable, requests::kDownloadStopped, "the update was stopped");
  }

  // Asks a feed, and adds what is new.
  Result<void> one(const feeds::Feed& feed) {
    tell(fmt::format("{}: asking", feed.name));
    const feeds::State before = known(feed);
    Download download(parts_.store.new_path());
    HF_TRY(const requests::Downloaded got,
           downloader_.get(feed.url, before.validators, download.path(),
                           [&](std::uint64_t bytes, std::uint64_t of) {
                             tell_bytes(feed, bytes, of);
                             return !run_.should_stop();
                           }));
    feeds::State state = before;
    state.tried_at = state.succeeded_at = parts_.clock.now();
    state.problem.clear();
    if (got.is_modified) {
      state.validators = got.validators;
      state.bytes = static_cast<std::int64_t>(got.bytes);
      if (got.digest != before.digest) {
        HF_TRY(state.entries, add(feed, download));
        state.changed_at = state.tried_at;
        state.digest = got.digest;
        run_.log(fmt::format("{}: {} entries in {}", feed.name, state.entries,
                             codec::size_text(static_cast<double>(got.bytes))));
      }
    }
    good_.push_back(std::move(state));
    return {};
  }

  // What is known of it, as long as that is of what is in force and of this URL.
  feeds::State known(const feeds::Feed& feed) {
    const auto found = states_.find(feed.name);
    feeds::State state = found == states_.end() ? feeds::State{.name = feed.name} : found->second;
    if (state.url == feed.url && !base_.path.empty()) return state;
    state.url = feed.url;
    state.validators = {};
    state.digest.clear();
    return state;
  }

  Result<std::int64_t> add(const feeds::Feed& feed, Download& download) {
    if (!import_) {
      path_ = parts_.store.new_path();
      HF_TRY(import_, advisories::Import::begin(path_, base_.path, parts_.clock));
    }
    HF_TRY(const worker::Source source, download.open());
    return import_->part([&] {
      Reading reading({.launcher = parts_.launcher,
                       .import = *import_,
                       .stop = [&] { return run_.should_stop(); },
                       .told =
                           [&](std::int64_t count) {
                             tell(fmt::format("{}: {} entries read", feed.name, count));
                           }});
      return reading.feed(source, feed);
    });
  }

  // What went wrong with one feed is no matter of the others.
  Result<void> note(const feeds::Feed& feed, const Error& error) {
    const std::string why = codec::to_text(error.message, 300);
    fetched_.problems.push_back(fmt::format("{}: {}", feed.name, why));
    fetched_.passes_by_itself = fetched_.passes_by_itself || passes_by_itself(error);
    run_.log(fmt::format("{}: {} ({})", feed.name, why,
                         error.details.empty() ? feed.url : error.details.front()));
    const auto found = states_.find(feed.name);
    feeds::State state = found == states_.end() ? feeds::State{.name = feed.name} : found->second;
    if (state.url != feed.url) state = {.name = feed.name, .url = feed.url};
    state.tried_at = parts_.clock.now();
    state.problem = why;
    return parts_.states.put(state);
  }

  Result<void> end() {
    const auto save = [&](db::Tx& tx) -> Result<void> {
      for (const feeds::State& state : good_) HF_CHECK(feeds::States::put(tx, state));
      return {};
    };
    const bool has_news = std::ranges::any_of(
        good_, [](const feeds::State& one) { return one.changed_at == one.tried_at; });
    if (has_news) {
      tell("putting them in force");
      HF_TRY(const advisories::Info info, import_->finish());
      HF_CHECK(parts_.store.install(path_, info, base_, system_actor(), save));
      run_.log(
          fmt::format("{} advisories of {} sources in force", info.records, info.sources.size()));
      fetched_.is_new = true;
    } else if (!good_.empty()) {
      HF_CHECK(parts_.store.still_good(save));
      run_.log("nothing is new");
    }
    if (fetched_.problems.empty()) return {};
    return parts_.store.fail_update(summary(), system_actor());
  }

  [[nodiscard]] std::string summary() const {
    constexpr std::size_t kShown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(fetched_.problems.size(), kShown); ++i) {
      text += (i == 0 ? "" : "; ") + fetched_.problems[i];
    }
    return fmt::format("{} of {} feeds failed: {}{}", fetched_.problems.size(), feeds_.size(), text,
                       fetched_.problems.size() > kShown ? "; …" : "");
  }

  // For people, at most once a second; that it is not written is no reason to stop.
  void tell(const std::string& what) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_at_ < kTellEvery) return;
    told_at_ = now;
    (void)parts_.store.progress(fmt::format("feed {} of {}, {}", number_ + 1, feeds_.size(), what))
        .has_value();
  }
  void tell_bytes(const feeds::Feed& feed, std::uint64_t bytes, std::uint64_t of) {
    const std::string had = codec::size_text(static_cast<double>(bytes));
    tell(of == 0 ? fmt::format("{}: {}", feed.name, had)
                 : fmt::format("{}: {} of {}", feed.name, had,
                               codec::size_text(static_cast<double>(of))));
  }

  const FetchParts parts_;
  const std::vector<feeds::Feed> feeds_;
  requests::Downloader downloader_;
  jobs::Run& run_;
  std::map<std::string, feeds::State, std::less<>> states_;
  AdvisoryStore::Base base_;
  std::string path_;
  std::unique_ptr<advisories::Import> import_;  // once there is something for it
  std::vector<feeds::State> good_;              // written with the advisories that they speak of
  Fetched fetched_;
  std::size_t number_ = 0;
  std::chrono::steady_clock::time_point told_at_{};
};

}  // namespace

Result<Fetched> fetch(const FetchParts& parts, const settings::Values& settings,
                      const requests::DownloadOptions& options, jobs::Run& run) {
  return Fetch(parts, settings, options, run).all();
}

}  // namespace holdfast::scanner
