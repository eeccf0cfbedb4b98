// The handlers of /v2, one file per noun.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "api/oci/authorization.hpp"
#include "api/oci/registry.hpp"
#include "http/form.hpp"
#include "http/message.hpp"

namespace holdfast::api::oci {

// What a handler works with, for one request.
struct Context {
  const Services& services;
  const Settings& settings;
  http::Request& request;
  http::Body& body;
  const http::Form& query;
};
using Answer = boost::asio::awaitable<http::Response>;

// manifests.cpp
Answer get_manifest(Context context, Granted granted, std::string reference);
Answer put_manifest(Context context, Granted granted, std::string reference);
Answer delete_manifest(Context context, Granted granted, std::string reference);
// blobs.cpp
Answer get_blob(Context context, Granted granted, std::string digest);
Answer delete_blob(Context context, Granted granted, std::string digest);
// uploads.cpp
Answer begin_upload(Context context, Granted granted);
Answer upload_status(Context context, Granted granted, std::string id);
Answer patch_upload(Context context, Granted granted, std::string id);
Answer put_upload(Context context, Granted granted, std::string id);
Answer cancel_upload(Context context, Granted granted, std::string id);
// lists.cpp
Answer list_tags(Context context, Granted granted);
Answer list_referrers(Context context, Granted granted, std::string digest);
Answer list_catalog(Context context, Caller caller);

}  // namespace holdfast::api::oci
