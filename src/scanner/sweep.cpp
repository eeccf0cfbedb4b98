#include "scanner/sweep.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <span>
#include <string>
#include <vector>

namespace holdfast::scanner {

namespace {

constexpr std::int64_t kLookedAt = 1000;
// A layer may have thousands of rows.
constexpr std::size_t kAtOnce = 20;

struct Kind {
  std::string_view what;
  std::string_view table;
  std::string_view unneeded;  // the condition
};

// In this order: what an image has is needed by it.
constexpr std::array kKinds = {
    Kind{"images", "scan_images",
         "NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = scan_images.digest)"},
    Kind{"layers", "scan_layers",
         "NOT EXISTS (SELECT 1 FROM scan_image_layers WHERE scan_image_layers.digest = "
         "scan_layers.digest) AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = "
         "scan_layers.digest)"},
    Kind{"packages", "scan_components",
         "NOT EXISTS (SELECT 1 FROM scan_layer_components WHERE component_id = "
         "scan_components.id)"},
    Kind{"overrides", "scan_waivers",
         "repository_id <> 0 AND NOT EXISTS (SELECT 1 FROM repositories WHERE repositories.id = "
         "scan_waivers.repository_id)"},
};

struct Page {
  std::vector<std::int64_t> unneeded;
  std::int64_t last = 0;
  std::int64_t looked_at = 0;
};

Result<Page> page_behind(db::Database& database, const Kind& kind, std::int64_t after) {
  const std::string sql = fmt::format(
      "SELECT id, CASE WHEN {} THEN 1 ELSE 0 END FROM {} WHERE id > $1 ORDER BY id "
      "LIMIT $2",
      kind.unneeded, kind.table);
  Page page;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    page = {};
    return tx.query(sql, {after, kLookedAt}, [&](const db::Row& row) -> Result<void> {
      page.last = row.integer(0);
      ++page.looked_at;
      if (row.integer(1) != 0) page.unneeded.push_back(page.last);
      return {};
    });
  }));
  return page;
}

// By their keys: a range would meet every scan on an engine that compares what was read.
Result<std::int64_t> remove(db::Database& database, const Kind& kind,
                            std::span<const std::int64_t> ids) {
  const std::string sql =
      fmt::format("DELETE FROM {} WHERE id = $1 AND {}", kind.table, kind.unneeded);
  std::int64_t removed = 0;
  HF_CHECK(database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    removed = 0;
    for (const std::int64_t id : ids) {
      HF_TRY(const std::int64_t gone, tx.execute(sql, {id}));
      removed += gone;
    }
    return {};
  }));
  return removed;
}

}  // namespace

Result<void> sweep(db::Database& database, jobs::Run& run) {
  for (const Kind& kind : kKinds) {
    std::int64_t removed = 0;
    std::int64_t after = 0;
    for (bool more = true; more && !run.should_stop();) {
      HF_TRY(const Page page, page_behind(database, kind, after));
      std::span<const std::int64_t> left(page.unneeded);
      while (!left.empty() && !run.should_stop()) {
        const auto some = left.first(std::min(left.size(), kAtOnce));
        HF_TRY(const std::int64_t gone, remove(database, kind, some));
        removed += gone;
        left = left.subspan(some.size());
      }
      after = page.last;
      more = page.looked_at == kLookedAt;
    }
    run.log(fmt::format("{} {} forgotten", removed, kind.what));
  }
  return {};
}

}  // namespace holdfast::scanner
