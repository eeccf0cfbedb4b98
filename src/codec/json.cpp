#include "codec/json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::codec {

namespace {

namespace json = boost::json;

const boost::system::error_code kDuplicate =
    boost::system::errc::make_error_code(boost::system::errc::file_exists);

// Builds the value itself, so that a key that comes twice is seen (the ready-made handler keeps the
// last one silently). Objects are filled in place; the stack of open containers is bounded by the
// parser's depth limit.
class Builder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  json::value take() { return std::move(root_); }

  bool on_document_begin(boost::system::error_code&) { return true; }
  bool on_document_end(boost::system::error_code&) { return true; }
  bool on_object_begin(boost::system::error_code&) { return open(json::object()); }
  bool on_object_end(std::size_t, boost::system::error_code&) { return close(); }
  bool on_array_begin(boost::system::error_code&) { return open(json::array()); }
  bool on_array_end(std::size_t, boost::system::error_code&) { return close(); }
  bool on_key_part(json::string_view part, std::size_t, boost::system::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, boost::system::error_code& error) {
    text_.append(part.data(), part.size());
    if (open_.back()->as_object().contains(text_)) {
      error = kDuplicate;
      return false;
    }
    keys_.back() = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, boost::system::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, boost::system::error_code&) {
    text_.append(part.data(), part.size());
    add(json::value(json::string(text_)));
    text_.clear();
    return true;
  }
  bool on_number_part(json::string_view, boost::system::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, boost::system::error_code&) {
    add(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, boost::system::error_code&) {
    add(number);
    return true;
  }
  bool on_double(double number, json::string_view, boost::system::error_code&) {
    add(number);
    return true;
  }
  bool on_bool(bool value, boost::system::error_code&) {
    add(value);
    return true;
  }
  bool on_null(boost::system::error_code&) {
    add(nullptr);
    return true;
  }
  bool on_comment_part(json::string_view, boost::system::error_code&) { return true; }
  bool on_comment(json::string_view, boost::system::error_code&) { return true; }

 private:
  bool open(json::value container) {
    open_.push_back(add(std::move(container)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }
  // Only the last element of a container is ever open, and it is the last that was added: the
  // pointers on the stack stay valid.
  json::value* add(json::value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json::value& parent = *open_.back();
    if (json::array* array = parent.if_array()) {
      array->push_back(std::move(value));
      return &array->back();
    }
    return &parent.as_object().emplace(keys_.back(), std::move(value)).first->value();
  }

  json::value root_;
  std::vector<json::value*> open_;
  std::vector<std::string> keys_;
  std::string text_;
};

// `used` gets the place where the value ended.
Result<json::value> parse(std::string_view text, std::size_t max_depth, std::size_t& used) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<Builder> parser(options);
  boost::system::error_code error;
  used = parser.write_some(false, text.data(), text.size(), error);
  if (error == kDuplicate) {
    return fail(ErrorCode::invalid, kJsonInvalid,
                fmt::format("not valid JSON: the same key twice, before offset {}", used));
  }
  if (error) {
    return fail(ErrorCode::invalid, kJsonInvalid,
                fmt::format("not valid JSON: {} at offset {}", error.message(), used));
  }
  return parser.handler().take();
}

}  // namespace

Result<json::value> parse_json(std::string_view text, std::size_t max_depth) {
  std::size_t used = 0;
  HF_TRY(json::value value, parse(text, max_depth, used));
  if (used < text.size()) {
    return fail(ErrorCode::invalid, kJsonInvalid,
                fmt::format("not valid JSON: bytes behind the value at offset {}", used));
  }
  return value;
}

Result<json::value> parse_json_prefix(std::string_view text, std::size_t max_depth) {
  std::size_t used = 0;
  return parse(text, max_depth, used);
}

void append_json_string(std::string& out, std::string_view text) {
  out += json::serialize(json::string(text));
}

const json::value* member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

std::optional<std::string_view> string_member(const json::value& value, std::string_view name) {
  const json::value* found = member(value, name);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string_view(found->get_string());
}

}  // namespace holdfast::codec
