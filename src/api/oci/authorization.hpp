// What a request on /v2 may do, and how it is challenged or refused (docs/adr/0003).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <memory>
#include <string_view>

#include "api/common/caller.hpp"
#include "api/oci/registry.hpp"
#include "http/message.hpp"
#include "oci/name.hpp"
#include "repos/repository.hpp"

namespace holdfast::api::oci {

enum class Right { pull, push, remove };

// Whether a request may bring its repository into being: the ones that begin a push.
enum class IfMissing { refuse, create };

// Who may do what was asked, on which repository.
struct Granted {
  Caller caller;
  std::shared_ptr<const repos::Repository> repository;
  events::Actor actor;
};

// Either it is granted, or the response says why not.
template <typename T>
using OrRefusal = std::expected<T, http::Response>;

class Authorization {
 public:
  explicit Authorization(const Services& services) : services_(services) {}

  // GET /v2/: any credential that is good.
  boost::asio::awaitable<OrRefusal<Caller>> base(http::Request& request) const;
  // The catalog: a token of scope registry:catalog:*, or a password.
  boost::asio::awaitable<OrRefusal<Caller>> catalog(http::Request& request) const;
  // A right on a repository.
  boost::asio::awaitable<OrRefusal<Granted>> repository(http::Request& request,
                                                        const holdfast::oci::RepositoryName& name,
                                                        Right right, IfMissing if_missing) const;
  // Whether the caller may pull from another repository, by its own right and by the token: the
  // source of a mount.
  [[nodiscard]] bool may_pull(const http::Request& request, const Caller& caller,
                              const repos::Repository& from) const;

  // Whether a caller that was granted less may also push there.
  [[nodiscard]] bool may_push(const http::Request& request, const Granted& granted) const;

 private:
  [[nodiscard]] bool may(const http::Request& request, const Caller& caller,
                         const repos::Repository& on, Right right) const;
  boost::asio::awaitable<OrRefusal<Caller>> identify(http::Request& request,
                                                     std::string_view scope) const;
  [[nodiscard]] http::Response challenge(const http::Request& request, std::string_view scope,
                                         std::string_view error) const;
  boost::asio::awaitable<OrRefusal<Granted>> missing(http::Request& request, Caller caller,
                                                     const holdfast::oci::RepositoryName& name,
                                                     Right right, IfMissing if_missing,
                                                     std::string_view scope) const;
  [[nodiscard]] http::Response refuse(const http::Request& request, const Caller& caller,
                                      const holdfast::oci::RepositoryName& name, Right right,
                                      std::string_view scope) const;

  const Services& services_;
};

}  // namespace holdfast::api::oci
