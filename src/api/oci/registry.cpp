#include "api/oci/registry.hpp"

#include <boost/asio/this_coro.hpp>

#include "api/common/settings_now.hpp"
#include "api/oci/authorization.hpp"
#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "api/oci/route.hpp"

namespace holdfast::api::oci {

namespace {

using http::Method;
using Kind = Route::Kind;

bool reads(Method method) { return method == Method::get || method == Method::head; }

http::Response not_allowed(std::string_view allowed) {
  http::Response response =
      error_response(405, "UNSUPPORTED", "this resource does not know that method");
  response.field("Allow", allowed);
  return response;
}

http::Response unknown_path() {
  return error_response(404, "UNSUPPORTED", "there is no such resource below /v2");
}

std::string_view label(Kind kind) {
  switch (kind) {
    case Kind::base:
      return "oci.base";
    case Kind::catalog:
      return "oci.catalog";
    case Kind::tags:
      return "oci.tags";
    case Kind::referrers:
      return "oci.referrers";
    case Kind::manifest:
      return "oci.manifest";
    case Kind::blob:
      return "oci.blob";
    case Kind::uploads:
    case Kind::upload:
      return "oci.upload";
    case Kind::unknown:
      return "oci.unknown";
  }
  return "oci.unknown";
}

// The methods of a resource, as Allow prints them.
std::string_view allowed_methods(Kind kind) {
  switch (kind) {
    case Kind::manifest:
      return "GET, HEAD, PUT, DELETE";
    case Kind::blob:
      return "GET, HEAD, DELETE";
    case Kind::uploads:
      return "POST";
    case Kind::upload:
      return "GET, HEAD, PATCH, PUT, DELETE";
    default:
      return "GET, HEAD";
  }
}

bool is_allowed(Kind kind, Method method) {
  if (reads(method)) return kind != Kind::uploads;
  switch (kind) {
    case Kind::manifest:
      return method == Method::put || method == Method::del;
    case Kind::blob:
      return method == Method::del;
    case Kind::uploads:
      return method == Method::post;
    case Kind::upload:
      return method == Method::patch || method == Method::put || method == Method::del;
    default:
      return false;
  }
}

// Cancelling one's own upload is part of pushing: clients have no more rights then.
Right needed(Kind kind, Method method) {
  if (kind == Kind::uploads || kind == Kind::upload) return Right::push;
  if (reads(method)) return Right::pull;
  return method == Method::del ? Right::remove : Right::push;
}

IfMissing if_missing(Kind kind, Method method) {
  const bool begins = kind == Kind::uploads || (kind == Kind::manifest && method == Method::put);
  return begins ? IfMissing::create : IfMissing::refuse;
}

Answer answer_repository(Context context, Granted granted, const Route& route) {
  const Method method = context.request.method;
  switch (route.kind) {
    case Kind::tags:
      return list_tags(context, std::move(granted));
    case Kind::referrers:
      return list_referrers(context, std::move(granted), route.reference);
    case Kind::uploads:
      return begin_upload(context, std::move(granted));
    case Kind::manifest:
      if (method == Method::put) return put_manifest(context, std::move(granted), route.reference);
      if (method == Method::del)
        return delete_manifest(context, std::move(granted), route.reference);
      return get_manifest(context, std::move(granted), route.reference);
    case Kind::blob:
      if (method == Method::del) return delete_blob(context, std::move(granted), route.reference);
      return get_blob(context, std::move(granted), route.reference);
    default:
      if (method == Method::patch)
        return patch_upload(context, std::move(granted), route.reference);
      if (method == Method::put) return put_upload(context, std::move(granted), route.reference);
      if (method == Method::del) return cancel_upload(context, std::move(granted), route.reference);
      return upload_status(context, std::move(granted), route.reference);
  }
}

Answer answer_base(const Authorization& authorization, http::Request& request) {
  const auto caller = co_await authorization.base(request);
  if (!caller) co_return caller.error();
  http::Response response;
  response.field("Content-Type", "application/json").text("{}");
  co_return response;
}

// Read-only mode as Docker's registry has it: 405 UNSUPPORTED, which clients do not try again. Told
// to everybody, before anything is looked up or created.
boost::asio::awaitable<Result<void>> check_writable(const Services& services) {
  HF_CO_TRY(const auto settings, co_await settings_now(services.settings, services.pool));
  co_return settings::need_writable(*settings);
}

Answer dispatch(const Services& services, const Settings& settings, http::Request& request,
                http::Body& body) {
  const Route route = parse_route(request.path);
  request.route = label(route.kind);
  if (route.kind == Kind::unknown) co_return unknown_path();
  if (request.path == "/v2" && reads(request.method)) {
    co_return http::Response(301).field("Location", "/v2/");
  }
  if (!is_allowed(route.kind, request.method)) co_return not_allowed(allowed_methods(route.kind));
  const auto query = http::Form::parse(request.query);
  if (!query)
    co_return error_response(400, "UNSUPPORTED", "the query is not properly percent-encoded");
  if (!reads(request.method)) {
    if (const auto writable = co_await check_writable(services); !writable) {
      co_return error_response(writable.error());
    }
  }
  const Authorization authorization(services);
  if (route.kind == Kind::base) co_return co_await answer_base(authorization, request);
  const Context context{services, settings, request, body, *query};
  if (route.kind == Kind::catalog) {
    auto caller = co_await authorization.catalog(request);
    if (!caller) co_return caller.error();
    co_return co_await list_catalog(context, *std::move(caller));
  }
  const auto name = holdfast::oci::RepositoryName::parse(route.name);
  if (!name) co_return error_response(name.error());
  auto granted = co_await authorization.repository(
      request, *name, needed(route.kind, request.method), if_missing(route.kind, request.method));
  if (!granted) co_return granted.error();
  co_return co_await answer_repository(context, *std::move(granted), route);
}

}  // namespace

Registry::Registry(Services services, Settings settings)
    : services_(services), settings_(settings) {}

boost::asio::awaitable<http::Response> Registry::handle(http::Request& request, http::Body& body) {
  http::Response response = co_await dispatch(services_, settings_, request, body);
  // Docker 20.10 looks for it to know that this is a v2 registry.
  response.field("Docker-Distribution-Api-Version", "registry/2.0");
  co_return response;
}

}  // namespace holdfast::api::oci
