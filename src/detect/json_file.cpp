#include "detect/json_file.hpp"

#include <boost/json/memory_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>
#include <new>

#include "codec/json.hpp"

namespace holdfast::detect {

namespace json = boost::json;

namespace {

// Memory from the heap, up to a limit; values ask for no alignment that `new` does not give. One
// thread.
class BoundedMemory final : public json::memory_resource {
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

  std::size_t left_ = kJsonMemoryBytes;
};

}  // namespace

std::optional<json::value> json_of(const File& file, Found& found) {
  std::string_view text = file.bytes;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  json::parse_options options;
  options.max_depth = kJsonDepth;
  options.allow_invalid_utf8 = true;
  const json::storage_ptr memory = json::make_shared_resource<BoundedMemory>();
  try {
    json::parser parser(memory, options);
    parser.reset(memory);
    boost::system::error_code error;
    parser.write(text.data(), text.size(), error);
    if (!error) return parser.release();
    found.remark(fmt::format("{}: no JSON: {}", file.path, error.message()));
  } catch (const std::bad_alloc&) {
    found.remark(fmt::format("{}: its JSON takes more memory than is given to one", file.path));
  }
  return std::nullopt;
}

std::string text_of(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(std::string_view()));
}

const json::array& array_of(const json::value& value, std::string_view name) {
  static const json::array kNone;
  const json::value* found = codec::member(value, name);
  return found == nullptr || !found->is_array() ? kNone : found->get_array();
}

const json::object& object_of(const json::value& value, std::string_view name) {
  static const json::object kNone;
  const json::value* found = codec::member(value, name);
  return found == nullptr || !found->is_object() ? kNone : found->get_object();
}

namespace {

std::string one_license(const json::value& value) {
  if (value.is_string()) return std::string(std::string_view(value.get_string()));
  return text_of(value, "type");
}

}  // namespace

std::vector<std::string> licenses_of(const json::value* value) {
  std::vector<std::string> licenses;
  if (value == nullptr) return licenses;
  if (const json::array* array = value->if_array()) {
    for (const json::value& element : *array) {
      licenses.push_back(one_license(element));
    }
  } else {
    licenses.push_back(one_license(*value));
  }
  std::erase(licenses, std::string());
  return licenses;
}

}  // namespace holdfast::detect
