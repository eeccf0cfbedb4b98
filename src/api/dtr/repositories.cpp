// /repositories, /repositories/{namespace} and /repositories/{namespace}/{repository}.
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using repos::Repository;
using repos::RepositoryFields;
using repos::Visibility;

// The README apart. A list's rows have no longDescription.
boost::json::object shown(const Repository& repository, const repos::TrafficCounts& traffic,
                          std::optional<std::string> long_description) {
  boost::json::object object = {{"id", repository.uuid},
                                {"namespace", repository.name.ns()},
                                {"namespaceType", namespace_type(repository)},
                                {"name", repository.name.repository()},
                                {"shortDescription", repository.short_description}};
  if (long_description) object.emplace("longDescription", *std::move(long_description));
  object.emplace("visibility",
                 repository.visibility == Visibility::public_access ? "public" : "private");
  object.emplace("scanOnPush", repository.scan_on_push);
  object.emplace("immutableTags", repository.immutable_tags);
  object.emplace("enableManifestLists", repository.enable_manifest_lists);
  object.emplace("pulls", traffic.pulls);
  object.emplace("pushes", traffic.pushes);
  object.emplace("tagLimit", repository.tag_limit);
  return object;
}

Result<http::Response> repository_response(const Services& services, int status,
                                           const Repository& repository) {
  HF_TRY(std::string text, services.repositories.long_description(repository.name));
  HF_TRY(auto totals, services.traffic.totals({&repository.id, 1}));
  return rest::json_response(status, shown(repository, totals[repository.id], std::move(text)));
}

Result<std::optional<Visibility>> visibility_of(const Call& call) {
  HF_TRY(const auto text, call.fields.text("visibility"));
  if (!text) return std::optional<Visibility>();
  if (*text == "public") return std::optional(Visibility::public_access);
  if (*text == "private") return std::optional(Visibility::private_access);
  return fail(ErrorCode::invalid, rest::kVisibilityInvalid,
              "\"visibility\" must be \"public\" or \"private\"");
}

Result<RepositoryFields> fields_of(const Call& call) {
  RepositoryFields fields;
  HF_TRY(fields.visibility, visibility_of(call));
  HF_TRY(fields.short_description, call.fields.text("shortDescription"));
  HF_TRY(fields.long_description, call.fields.text("longDescription"));
  HF_TRY(fields.scan_on_push, call.fields.flag("scanOnPush"));
  HF_TRY(fields.immutable_tags, call.fields.flag("immutableTags"));
  HF_TRY(fields.enable_manifest_lists, call.fields.flag("enableManifestLists"));
  HF_TRY(fields.tag_limit, call.fields.number("tagLimit"));
  return fields;
}

Answer list_page(const Services& services, const Call& call, std::string ns) {
  HF_TRY(const Page page, page_of(call));
  repos::RepositoryQuery query{.visible = access::visible_set(call.subject()), .ns = std::move(ns)};
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.repositories.count(query));
  }
  return page_in_steps(
      services, page, R"({"repositories":[)", "]}", total,
      [&services, query](const std::string& start, std::int64_t limit) mutable {
        query.start = start;
        query.limit = limit;
        return services.repositories.page(query);
      },
      [](const Repository& row) { return row.name.text(); },
      [&services](const std::vector<Repository>& rows) { return shown_rows(services, rows); });
}

Answer list(const Services& services, const Call& call) { return list_page(services, call, ""); }

Answer list_namespace(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_namespace(services, call, call.parameters[0]));
  return list_page(services, call, owner.name);
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const accounts::Account owner, find_namespace(services, call, call.parameters[0]));
  if (!access::decide(call.subject(), Action::create_repository,
                      access::Object::of_namespace(owner.id))) {
    return rest::not_allowed(
        fmt::format("only an owner of {} creates repositories in it", owner.name));
  }
  HF_TRY(const std::string name, call.fields.required_text("name"));
  HF_TRY(const auto full_name,
         holdfast::oci::RepositoryName::parse(fmt::format("{}/{}", owner.name, name)));
  HF_TRY(const RepositoryFields fields, fields_of(call));
  HF_TRY(const Repository made, services.repositories.create(full_name, fields, call.actor()));
  return repository_response(services, 201, made);
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  return repository_response(services, 200, *repository);
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::edit));
  HF_TRY(const RepositoryFields fields, fields_of(call));
  HF_TRY(const Repository changed,
         services.repositories.update(repository->name, fields, call.actor()));
  return repository_response(services, 200, changed);
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::delete_repository));
  HF_CHECK(services.repositories.remove(repository->name, call.actor()));
  return http::Response(204);
}

// Every repository at once, in steps, so that pushes go on between them.
Answer toggle_scan(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto on, call.fields.flag("scanOnPush"));
  if (!on) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"scanOnPush\" must be true or false");
  }
  constexpr std::int64_t kStep = 100;
  repos::RepositoryQuery query{.visible = {.all = true}, .limit = kStep + 1};
  while (true) {
    HF_TRY(const std::vector<Repository> rows, services.repositories.page(query));
    for (std::size_t i = 0; i < rows.size() && i < kStep; ++i) {
      if (rows[i].scan_on_push == on) continue;
      const auto changed =
          services.repositories.update(rows[i].name, {.scan_on_push = on}, call.actor());
      if (!changed && changed.error().reason != repos::kRepositoryUnknown) return changed.error();
    }
    if (std::ssize(rows) <= kStep) return rest::json_response(200, boost::json::object{});
    query.start = rows.back().name.text();
  }
}

}  // namespace

Result<boost::json::array> shown_rows(const Services& services,
                                      const std::vector<Repository>& rows) {
  std::vector<std::int64_t> ids;
  ids.reserve(rows.size());
  for (const Repository& row : rows) ids.push_back(row.id);
  HF_TRY(auto totals, services.traffic.totals(ids));
  boost::json::array shown_rows;
  for (const Repository& row : rows) shown_rows.emplace_back(shown(row, totals[row.id], {}));
  return shown_rows;
}

std::vector<rest::Route> repository_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/repositories", bound(services, list)},
      {Method::post, "/repositories/scan/toggle", bound(services, toggle_scan)},
      {Method::get, "/repositories/{namespace}", bound(services, list_namespace)},
      {Method::post, "/repositories/{namespace}", bound(services, create)},
      {Method::get, "/repositories/{namespace}/{repository}", bound(services, get)},
      {Method::patch, "/repositories/{namespace}/{repository}", bound(services, update)},
      {Method::del, "/repositories/{namespace}/{repository}", bound(services, remove)},
  };
}

}  // namespace holdfast::api::dtr
