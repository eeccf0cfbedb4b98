#include "advisories/nvd.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>
#include <limits>
#include <utility>
#include <vector>

#include "advisories/osv.hpp"
#include "cvss/score.hpp"

namespace holdfast::advisories {

namespace {

namespace json = boost::json;
using Code = boost::system::error_code;

constexpr std::size_t kTextBytes = 256;  // of a name or a vector that is kept
constexpr std::size_t kKeyBytes = 32;

Error invalid(std::string why) { return fail(ErrorCode::invalid, kRecordInvalid, std::move(why)); }

// CVE-, a year, and digits.
bool is_cve(std::string_view name) {
  constexpr std::string_view kStart = "CVE-";
  constexpr std::size_t kDash = 8;
  if (!name.starts_with(kStart) || name.size() < kDash + 2 || name.size() > 32) return false;
  for (std::size_t i = kStart.size(); i < name.size(); ++i) {
    if (i == kDash ? name[i] != '-' : name[i] < '0' || name[i] > '9') return false;
  }
  return true;
}

// Where in a catalogue an object or a list is.
enum class Place : std::uint8_t {
  elsewhere,
  top,
  list,     // "vulnerabilities", or FKIE's "cve_items"
  item,     // of the list
  cve,      // within the item; FKIE's item is one itself
  metrics,  // of the CVE
  ratings,  // of one version of CVSS
  rating,
  data,  // of the rating: "cvssData"
};

struct Metric {
  std::string_view name;
  int rank;
};
// As records are read (osv.cpp): CVSS 3 where there is one, else 4, else 2.
constexpr std::array kMetrics = {Metric{"cvssMetricV31", 4}, Metric{"cvssMetricV30", 3},
                                 Metric{"cvssMetricV40", 2}, Metric{"cvssMetricV2", 1}};

// What is of no use in either.
struct IgnoredValues {
  static bool on_document_begin(Code&) { return true; }
  static bool on_document_end(Code&) { return true; }
  static bool on_number_part(json::string_view, Code&) { return true; }
  static bool on_int64(std::int64_t, json::string_view, Code&) { return true; }
  static bool on_uint64(std::uint64_t, json::string_view, Code&) { return true; }
  static bool on_double(double, json::string_view, Code&) { return true; }
  static bool on_bool(bool, Code&) { return true; }
  static bool on_null(Code&) { return true; }
  static bool on_comment_part(json::string_view, Code&) { return true; }
  static bool on_comment(json::string_view, Code&) { return true; }
};

// What Boost.JSON's parser tells of: nothing is kept but where it is and the texts that are wanted.
class Handler : public IgnoredValues {
 public:
  static constexpr std::size_t max_object_size = 10'000'000;
  static constexpr std::size_t max_array_size = 10'000'000;
  static constexpr std::size_t max_key_size = 1UZ << 20U;
  static constexpr std::size_t max_string_size = 64UZ << 20U;

  NvdReader::Each each;
  bool has_list = false;
  std::int64_t count = 0;
  std::int64_t nameless = 0;

  bool on_object_begin(Code&) {
    const Place parent = place();
    Place here = Place::elsewhere;
    if (places_.empty()) here = Place::top;
    if (parent == Place::list) here = Place::item;
    if (parent == Place::item && key_ == "cve") here = Place::cve;
    if ((parent == Place::item || parent == Place::cve) && key_ == "metrics") here = Place::metrics;
    if (parent == Place::ratings) here = Place::rating;
    if (parent == Place::rating && key_ == "cvssData") here = Place::data;
    if (here == Place::item) begin_item();
    if (here == Place::rating) {
      type_.clear();
      vector_.clear();
    }
    return enter(here);
  }
  bool on_object_end(std::size_t, Code& error) {
    const Place here = leave();
    if (here == Place::rating) weigh();
    return here != Place::item || end_item(error);
  }
  bool on_array_begin(Code&) {
    const Place parent = place();
    Place here = Place::elsewhere;
    if (parent == Place::top && (key_ == "vulnerabilities" || key_ == "cve_items")) {
      here = Place::list;
      has_list = true;
    }
    if (parent == Place::metrics) {
      const auto* const metric = std::ranges::find(kMetrics, std::string_view(key_), &Metric::name);
      if (metric != kMetrics.end()) {
        here = Place::ratings;
        rank_ = metric->rank;
      }
    }
    return enter(here);
  }
  bool on_array_end(std::size_t, Code&) {
    leave();
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, Code&) {
    keep(key_part_, part, kKeyBytes);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, Code&) {
    keep(key_part_, part, kKeyBytes);
    key_ = std::exchange(key_part_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, Code&) {
    keep(text_, part, kTextBytes);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, Code&) {
    keep(text_, part, kTextBytes);
    const std::string text = std::exchange(text_, {});
    const Place here = place();
    if ((here == Place::item || here == Place::cve) && key_ == "id") id_ = text;
    if (here == Place::rating && key_ == "type") type_ = text;
    if (here == Place::data && key_ == "vectorString") vector_ = text;
    return true;
  }

 private:
  [[nodiscard]] Place place() const { return places_.empty() ? Place::elsewhere : places_.back(); }
  bool enter(Place here) {
    places_.push_back(here);
    key_.clear();
    return true;
  }
  Place leave() {
    const Place here = place();
    places_.pop_back();
    key_.clear();
    return here;
  }

  // One byte more than is wanted stays, so that a cut text fits nothing.
  static void keep(std::string& text, json::string_view part, std::size_t at_most) {
    text.append(part.data(), std::min(part.size(), at_most + 1 - std::min(text.size(), at_most)));
  }

  void begin_item() {
    id_.clear();
    best_.clear();
    best_rank_ = 0;
  }
  void weigh() {
    const int rank = 2 * rank_ + (type_ == "Primary" ? 1 : 0);
    if (rank <= best_rank_ || vector_.size() > kTextBytes || !cvss::score(vector_)) return;
    best_rank_ = rank;
    best_ = vector_;
  }
  bool end_item(Code& error) {
    if (++count > NvdReader::kCves) {
      error = json::error::array_too_large;
      return false;
    }
    if (is_cve(id_)) {
      each(id_, best_);
    } else {
      ++nameless;
    }
    return true;
  }

  std::vector<Place> places_;
  std::string key_;
  std::string key_part_;
  std::string text_;
  std::string id_;
  std::string type_;
  std::string vector_;
  std::string best_;
  int rank_ = 0;  // of the ratings that are read
  int best_rank_ = 0;
};

// Stops at the first name that decides.
class HeadHandler : public IgnoredValues {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  Content content = Content::unknown;

  bool on_object_begin(Code&) {
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, Code&) {
    --depth_;
    return true;
  }
  bool on_array_begin(Code& error) {
    // A list and nothing more is none of them.
    if (depth_ == 0) return stop(Content::unknown, error);
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, Code&) {
    --depth_;
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, Code&) {
    key_part_.append(part.data(), std::min(part.size(), kKeyBytes));
    return true;
  }
  bool on_key(json::string_view part, std::size_t, Code& error) {
    key_part_.append(part.data(), std::min(part.size(), kKeyBytes));
    const std::string key = std::exchange(key_part_, {});
    if (depth_ != 1) return true;
    if (key == "catalogVersion") return stop(Content::exploited, error);
    if (key == "cve_items" || key == "format" || key == "resultsPerPage") {
      return stop(Content::catalogue, error);
    }
    if (key == "id" || key == "schema_version" || key == "affected" || key == "modified") {
      return stop(Content::record, error);
    }
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, Code&) { return true; }
  bool on_string(json::string_view, std::size_t, Code&) { return true; }

 private:
  bool stop(Content found, Code& error) {
    content = found;
    error = json::error::extra_data;  // any: nothing more is to be told
    return false;
  }

  int depth_ = 0;
  std::string key_part_;
};

json::parse_options options() {
  json::parse_options options;
  options.max_depth = NvdReader::kDepth;
  return options;
}

}  // namespace

Content content_of(std::string_view head) {
  json::basic_parser<HeadHandler> parser(options());
  Code error;
  parser.write_some(true, head.data(), head.size(), error);
  return parser.handler().content;
}

struct NvdReader::State {
  json::basic_parser<Handler> parser{options()};
};

NvdReader::NvdReader(Each each) : state_(std::make_unique<State>()) {
  state_->parser.handler().each = std::move(each);
}

NvdReader::~NvdReader() = default;

Result<void> NvdReader::write(std::string_view piece) {
  Code error;
  const std::size_t read = state_->parser.write_some(true, piece.data(), piece.size(), error);
  const bool has_more = piece.find_first_not_of(" \t\r\n", read) != std::string_view::npos;
  if (!error && has_more) error = json::error::extra_data;
  if (!error) return {};
  return invalid(fmt::format("the catalogue cannot be read: {}", error.message()));
}

Result<std::int64_t> NvdReader::finish() {
  Code error;
  if (!state_->parser.done()) state_->parser.write_some(false, "", 0, error);
  if (error || !state_->parser.done()) return invalid("the catalogue is not whole");
  const Handler& handler = state_->parser.handler();
  if (!handler.has_list) return invalid("the catalogue has no list of CVEs");
  if (handler.nameless * 10 > handler.count) {
    return invalid(fmt::format("{} of {} members of the catalogue are no CVEs", handler.nameless,
                               handler.count));
  }
  return handler.count;
}

}  // namespace holdfast::advisories
