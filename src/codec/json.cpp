#include "codec/json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "codec/text.hpp"

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

// Memory from the heap, up to a limit; values ask for no alignment that `new` does not give. One
// thread.
class BoundedMemory final : public json::memory_resource {
 public:
  explicit BoundedMemory(std::size_t bytes) : left_(bytes) {}

 private:
  void* do_allocate(std::size_t size, std::size_t /*alignment*/) override {
    if (size > left_) throw std::bad_alloc();
    void* const memory = ::operator new(size);
    left_ -= size;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t /*alignment*/) override {
    ::operator delete(memory);
    left_ += size;
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::size_t left_;
};

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

Result<json::value> parse_json_within(std::string_view text, std::size_t max_depth,
                                      std::size_t memory_bytes) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  json::parse_options options;
  options.max_depth = max_depth;
  options.allow_invalid_utf8 = true;
  const json::storage_ptr memory = json::make_shared_resource<BoundedMemory>(memory_bytes);
  try {
    json::parser parser(memory, options);
    parser.reset(memory);
    boost::system::error_code error;
    parser.write(text.data(), text.size(), error);
    if (!error) return parser.release();
    return fail(ErrorCode::invalid, kJsonInvalid, error.message());
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::too_large, kJsonTooLarge, "it takes more memory than is given to it");
  }
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

std::string text_member(const boost::json::value& value, std::string_view name,
                        std::size_t at_most) {
  return to_text(string_member(value, name).value_or(""), at_most);
}

const boost::json::array& list_member(const boost::json::value& value, std::string_view name) {
  static const boost::json::array kNone;
  const boost::json::value* found = member(value, name);
  return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

}  // namespace holdfast::codec
