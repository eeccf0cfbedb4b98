// Lists: tags, the catalog, referrers; paged by key, the next page in Link (RFC 8288).
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "access/decide.hpp"
#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "codec/json.hpp"
#include "oci/media_type.hpp"

namespace holdfast::api::oci {

namespace {

// Entries of a page: what `n` asks, at most the limit; nothing when it is no number of 0 or more.
std::optional<int> page_size(const Context& context) {
  const auto text = context.query.value("n");
  if (!text) return context.settings.page_limit;
  const bool digits =
      !text->empty() && std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  // More than 64 bits hold is just "very many".
  if (error != std::errc()) return context.settings.page_limit;
  return static_cast<int>(std::min<std::int64_t>(number, context.settings.page_limit));
}

http::Response page_size_invalid() {
  return error_response(400, "PAGINATION_NUMBER_INVALID", "n is a number of entries, 0 or more");
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

void add_link(http::Response& response, std::string_view path, int size, std::string_view last,
              std::string_view more = {}) {
  response.field("Link", fmt::format(R"(<{}?n={}&last={}{}>; rel="next")", path, size,
                                     percent_encode(last), more));
}

std::string names_json(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) {
    if (text.size() > 1) text += ',';
    codec::append_json_string(text, name);
  }
  return text + "]";
}

}  // namespace

Answer list_tags(Context context, Granted granted) {
  const auto size = page_size(context);
  if (!size) co_return page_size_invalid();
  const std::string last(context.query.value("last").value_or(""));
  const auto page = co_await context.services.pool.run(
      [&] { return context.services.content.tags(granted.repository->id, last, *size); });
  if (!page) co_return error_response(page.error());
  const std::string& name = granted.repository->name.text();
  http::Response response;
  response.field("Content-Type", "application/json");
  if (page->more)
    add_link(response, fmt::format("/v2/{}/tags/list", name), *size, page->items.back());
  response.text(fmt::format(R"({{"name":"{}","tags":{}}})", name, names_json(page->items)));
  co_return response;
}

Answer list_catalog(Context context, Caller caller) {
  const auto size = page_size(context);
  if (!size) co_return page_size_invalid();
  const std::string last(context.query.value("last").value_or(""));
  const repos::VisibleSet visible = access::visible_set(*caller.subject);
  // One more than asked says whether there is a next page.
  auto names = co_await context.services.pool.run([&] {
    return context.services.repositories.list(visible, last, *size == 0 ? 0 : *size + 1);
  });
  if (!names) co_return error_response(names.error());
  const bool more = names->size() > static_cast<std::size_t>(*size);
  if (more) names->pop_back();
  http::Response response;
  response.field("Content-Type", "application/json");
  if (more) add_link(response, "/v2/_catalog", *size, names->back());
  response.text(fmt::format(R"({{"repositories":{}}})", names_json(*names)));
  co_return response;
}

Answer list_referrers(Context context, Granted granted, std::string text) {
  const auto subject = holdfast::oci::Digest::parse(text);
  if (!subject) co_return error_response(subject.error());
  const auto size = page_size(context);
  if (!size) co_return page_size_invalid();
  const std::string last(context.query.value("last").value_or(""));
  const std::string type(context.query.value("artifactType").value_or(""));
  const int limit = std::max(*size, 1);
  const auto page = co_await context.services.pool.run([&] {
    return context.services.content.referrers(granted.repository->id, *subject, type, last, limit);
  });
  if (!page) co_return error_response(page.error());
  std::string entries;
  for (const auto& item : page->items)
    entries.append(entries.empty() ? "" : ",").append(item.descriptor_json);
  http::Response response;
  response.field("Content-Type", holdfast::oci::kOciIndex);
  if (!type.empty()) response.field("OCI-Filters-Applied", "artifactType");
  if (page->more) {
    add_link(response,
             fmt::format("/v2/{}/referrers/{}", granted.repository->name.text(), subject->text()),
             limit, page->items.back().digest,
             type.empty() ? std::string() : "&artifactType=" + percent_encode(type));
  }
  response.text(fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})",
                            holdfast::oci::kOciIndex, entries));
  co_return response;
}

}  // namespace holdfast::api::oci
