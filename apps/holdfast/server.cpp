#include "server.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <thread>

#include "accounts/authenticator.hpp"
#include "accounts/logins.hpp"
#include "api/common/caller.hpp"
#include "api/common/limits.hpp"
#include "api/common/public_url.hpp"
#include "api/dtr/dtr.hpp"
#include "api/enzi/enzi.hpp"
#include "api/oci/errors.hpp"
#include "api/oci/registry.hpp"
#include "api/ops/ops.hpp"
#include "api/token/endpoint.hpp"
#include "api/ucp/ucp.hpp"
#include "api/web/web.hpp"
#include "certificates.hpp"
#include "codec/json.hpp"
#include "control.hpp"
#include "core.hpp"
#include "data_folder.hpp"
#include "dispatch.hpp"
#include "housekeeping.hpp"
#include "jobs.hpp"
#include "scanning.hpp"
#include "services.hpp"
#include "token/refresh.hpp"
#include "token/tokens.hpp"

namespace holdfast {

namespace {

constexpr std::string_view kAdministrator = "admin";
constexpr std::size_t kPasswordLetters = 20;

// The edge over the core: constructed after it, stopped before it.
class Edge {
 public:
  Edge(const Options& options, Core& core, const Certificates& certificates)
      : options_(options),
        core_(core),
        pool_(options.blocking_threads),
        url_(options.external_url),
        host_(host_facts(options, certificates)),
        authenticator_(core.accounts, core.counted, core.clock, core.random),
        logins_(core.accounts, authenticator_, core.access_tokens),
        refresh_tokens_(*core.database, core.accounts, core.clock, core.random),
        limits_(options.shares, core.clock),
        callers_(core.accounts, logins_, core.sessions, *core.tokens, limits_, url_, pool_,
                 [&core](std::string_view attempt) {
                   return core.scanning->adapter_scans.subject(attempt);
                 }),
        metrics_(version()),
        registry_({callers_, limits_, url_, core.repositories, core.content, core.uploads,
                   *core.blobs, core.counted, core.settings, pool_},
                  {options.manifest_limit_bytes, options.blob_limit_bytes, options.page_limit}),
        token_(
            {core.accounts, logins_, core.repositories, url_, *core.tokens, refresh_tokens_, pool_},
            {options.refresh_tokens ? api::token::RefreshTokens::on
                                    : api::token::RefreshTokens::off}),
        enzi_({callers_, core.accounts, authenticator_, core.organizations, core.teams,
               core.settings, core.sessions, core.jobs, core.public_keys, core.sso_services,
               core.account_settings, core.imports, pool_}),
        ucp_({callers_, core.accounts, authenticator_, core.sessions, core.settings, url_,
              *core.tokens, certificates.ca_pem(), std::string(version()), pool_}),
        dtr_(dtr_services(core, callers_, host_, pool_)),
        ops_({*core.database, *core.blobs, metrics_, pool_, limits_,
              [this] { return server_ ? server_->counters() : http::Counters{}; }, core.jobs.queue,
              [&core] { return scanner_facts(core); }},
             {certificates.ca_pem(),
              options.metrics ? api::ops::MetricsAccess::on : api::ops::MetricsAccess::off,
              options.metrics_allow}),
        web_(url_,
             certificates.ca_pem().empty() ? api::web::Authority::foreign
                                           : api::web::Authority::built_in,
             version()) {}

  ~Edge() {
    if (server_) server_->stop(std::chrono::seconds(0));
    pool_.join();
  }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  Result<void> start(const std::shared_ptr<net::TlsContext>& tls,
                     const std::filesystem::path& data_dir) {
    http::Options server;
    server.limits = options_.limits;
    server.trusted_proxies = options_.trusted_proxies;
    server.threads = options_.network_threads;
    server.on_served = [this](const http::Served& served) { observe(served); };
    const auto serve_all = [this](http::Request& request, http::Body& body) {
      return answer(request, body);
    };
    server.listeners.push_back(
        {options_.https_listen, tls, options_.https_proxy_protocol, serve_all});
    server.listeners.push_back({net::Endpoint{control::socket_path(data_dir).string(), 0, true},
                                nullptr, false, [this](http::Request& request, http::Body& body) {
                                  return control::handle(core_, pool_, request, body);
                                }});
    if (options_.http_mode == PlainHttp::serve) {
      server.listeners.push_back(
          {options_.http_listen, nullptr, options_.http_proxy_protocol, serve_all});
    } else if (options_.http_mode == PlainHttp::redirect) {
      server.listeners.push_back(
          {options_.http_listen, nullptr, options_.http_proxy_protocol,
           [this](http::Request& request, http::Body& body) { return redirect(request, body); }});
    }
    HF_TRY(auto started, http::Server::start(std::move(server), pool_));
    https_port_ = started->bound(0).port;
    server_ = std::move(started);
    return {};
  }
  http::Server& server() { return *server_; }

 private:
  boost::asio::awaitable<http::Response> answer(http::Request& request, http::Body& body) {
    if (const auto admitted = limits_.admit_address(request.client.address); !admitted) {
      return refuse(admitted.error());
    }
    switch (area_of(request.path)) {
      case Area::registry:
        return registry_.handle(request, body);
      case Area::token:
        return token_.handle(request, body);
      case Area::enzi:
        return enzi_.handle(request, body);
      case Area::ucp:
        return ucp_.handle(request, body);
      case Area::dtr:
        return dtr_.handle(request, body);
      case Area::ops:
        return ops_.handle(request, body);
      case Area::web:
        return web_.handle(request, body);
    }
    return web_.handle(request, body);
  }

  static boost::asio::awaitable<http::Response> refuse(Error error) {
    co_return api::oci::error_response(error);
  }

  // Plain HTTP answers load balancers' health checks and sends everybody else to HTTPS.
  boost::asio::awaitable<http::Response> redirect(http::Request& request, http::Body& body) {
    if (request.path == "/_ping" || request.path == "/health")
      co_return co_await ops_.handle(request, body);
    request.route = "redirect";
    std::string base = options_.external_url;
    if (base.empty()) {
      std::string host = request.client.host;
      const std::size_t colon = host.rfind(':');
      if (colon != std::string::npos && host.find(']', colon) == std::string::npos)
        host.resize(colon);
      base = "https://" + host;
      const unsigned port = https_port_;
      if (port != 443) base += fmt::format(":{}", port);
    }
    base += request.path;
    if (!request.query.empty()) base.append("?").append(request.query);
    const bool reads = request.method == http::Method::get || request.method == http::Method::head;
    http::Response response(reads ? 301 : 308);
    response.field("Location", base);
    co_return response;
  }

  // On every request's path. The query is left out: it may hold what is nobody's business.
  void observe(const http::Served& served) {
    metrics_.observe(served);
    if (!options_.log_access) return;
    const http::Request& request = served.request;
    log::info("request", {{"method", request.method_text},
                          {"path", request.path},
                          {"status", std::int64_t{served.status}},
                          {"sent", static_cast<std::int64_t>(served.sent_bytes)},
                          {"received", static_cast<std::int64_t>(served.received_bytes)},
                          {"ms", static_cast<double>(served.duration.count()) / 1000},
                          {"user", request.user},
                          {"address", request.client.address},
                          {"client", request.field("user-agent").value_or("")},
                          {"request", request.id}});
  }

  const Options& options_;
  Core& core_;
  async::BlockingPool pool_;
  const api::PublicUrl url_;
  const api::dtr::Host host_;
  accounts::Authenticator authenticator_;
  accounts::Logins logins_;
  token::RefreshTokens refresh_tokens_;
  api::Limits limits_;
  api::Callers callers_;
  api::ops::Metrics metrics_;
  api::oci::Registry registry_;
  api::token::Endpoint token_;
  api::enzi::Enzi enzi_;
  api::ucp::Ucp ucp_;
  api::dtr::Dtr dtr_;
  api::ops::Ops ops_;
  api::web::Web web_;
  std::atomic<std::uint16_t> https_port_{0};
  std::unique_ptr<http::Server> server_;  // last: it ends before what it calls
};

// Creates the administrator on the first start; gives the password when it was made up.
Result<std::string> first_administrator(Core& core) {
  HF_TRY(const bool empty, core.accounts.empty());
  if (!empty) return std::string();
  const char* given = std::getenv("HOLDFAST_ADMIN_PASSWORD");
  const bool made_up = given == nullptr || *given == '\0';
  const std::string password = made_up ? holdfast::password(core.random, kPasswordLetters) : given;
  HF_CHECK(core.accounts.create_user({std::string(kAdministrator), password, true, made_up},
                                     {0, "system", "", "first start", ""}));
  return made_up ? password : std::string();
}

std::string shown_host(const Options& options, const net::Endpoint& bound) {
  if (!options.external_url.empty())
    return options.external_url.substr(options.external_url.find("://") + 3);
  const bool local =
      bound.address.empty() || bound.address == "127.0.0.1" || bound.address == "::1";
  return local ? fmt::format("localhost:{}", bound.port) : bound.text();
}

void print_banner(const Options& options, const Certificates& certificates,
                  const std::filesystem::path& data_dir, const net::Endpoint& bound,
                  const std::string& password) {
  const std::string host = shown_host(options, bound);
  fmt::print("\nHoldfast {} is up.\n\n", version());
  fmt::print("  URL:             https://{}\n", host);
  if (!certificates.ca_pem().empty())
    fmt::print("  CA certificate:  {}\n", (data_dir / "ca.crt").string());
  fmt::print("  Administrator:   {}\n", kAdministrator);
  if (!password.empty())
    fmt::print("  Password:        {}\n\n  The password is shown this once.\n", password);
  if (!certificates.ca_pem().empty()) {
    fmt::print("\nOn a Docker host, as root, then:\n\n");
    fmt::print("  mkdir -p /etc/docker/certs.d/{}\n", host);
    fmt::print("  cp {} /etc/docker/certs.d/{}/ca.crt\n", (data_dir / "ca.crt").string(), host);
  } else {
    fmt::print("\nThen:\n\n");
  }
  fmt::print("  docker login {}\n\nCtrl-C stops the server.\n\n", host);
  std::fflush(stdout);
}

Result<void> write_ready(const Options& options, const http::Server& server,
                         const std::filesystem::path& data_dir) {
  std::string text = fmt::format(R"({{"pid":{},"https":"{}")", ::getpid(), server.bound(0).text());
  if (options.http_mode != PlainHttp::off)
    text += fmt::format(R"(,"http":"{}")", server.bound(2).text());
  return write_atomically(data_dir / "run" / "ready.json", text + "}\n", 0644);
}

// Every connection and every open blob is a descriptor: shells and systemd give 1,024 unless asked.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// The signals that end or refresh the server; blocked in every thread so that one place gets them.
sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, one);
  return signals;
}

// Lets requests under way end; a second Ctrl-C does not wait for them. What was answered is
// durable, so ending at once loses nothing.
void stop(Edge& edge, Worker& worker, std::chrono::seconds grace, const sigset_t& signals,
          const std::filesystem::path& ready) {
  log::info("stopping");
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    std::thread worker_stopper([&] { worker.stop(); });
    edge.server().stop(grace);
    worker_stopper.join();
    stopped = true;
  });
  while (!stopped) {
    constexpr timespec kMoment{0, 20'000'000};
    const int signal = ::sigtimedwait(&signals, nullptr, &kMoment);
    if (signal != SIGINT) continue;
    ::unlink(ready.c_str());
    std::_Exit(130);
  }
  stopper.join();
}

}  // namespace

std::string_view version() { return HOLDFAST_VERSION; }

Result<void> serve(const Options& options) {
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  log::configure(options.log_level, options.log_format);
  raise_descriptor_limit();
  HF_TRY(DataFolder folder, DataFolder::open(options.data_dir, DataFolder::IfMissing::create));
  const std::filesystem::path& data_dir = folder.path();
  HF_TRY(const auto core, Core::open(folder, options.core));
  HF_TRY(const auto certificates, Certificates::open(options, core->keys, core->clock));
  if (!certificates->ca_pem().empty()) {
    HF_CHECK(write_atomically(data_dir / "ca.crt", certificates->ca_pem(), 0644));
  }
  HF_TRY(const std::string password, first_administrator(*core));
  HF_CHECK(folder.finish_setup());
  std::error_code ignored;
  std::filesystem::create_directories(data_dir / "run", ignored);

  core->scanning->worker_state = scanner::WorkerState::found(core->scanning->launcher);
  Edge edge(options, *core, *certificates);
  HF_CHECK(edge.start(certificates->tls(), data_dir));
  Worker worker(*core, replica_id(options), machine_name());
  HF_CHECK(worker.start());
  if (options.http_mode == PlainHttp::serve) {
    log::warn("plain HTTP is served: passwords travel in clear unless a TLS proxy is in front",
              {{"listen", edge.server().bound(2).text()}});
  }
  print_banner(options, *certificates, data_dir, edge.server().bound(0), password);
  HF_CHECK(write_ready(options, edge.server(), data_dir));

  keep_house(options, *core, *certificates, signals);
  const std::filesystem::path ready = data_dir / "run" / "ready.json";
  stop(edge, worker, options.drain, signals, ready);
  std::filesystem::remove(ready, ignored);
  Result<void> uses = core->sessions.flush(accounts::Sessions::Flush::all);
  if (auto tokens = core->access_tokens.flush(); !tokens) uses = std::move(tokens);
  HF_CHECK(core->counted.flush());
  return uses;
}

}  // namespace holdfast
