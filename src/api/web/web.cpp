#include "api/web/web.hpp"

#include <fmt/format.h>

#include "api/openapi/openapi.hpp"

namespace holdfast::api::web {

namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6b7c; --line: #dde4ea; --page: #f6f8fa;
  --card: #ffffff; --mark: #0f6fbd; --code: #eef2f6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa9b8; --line: #2b3642;
  --page: #10161c; --card: #171f27; --mark: #5db2f5; --code: #0f151b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.6;
  font: 16px/1.6 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 4rem 1.25rem 3rem; }
h1 { font-size: 2.1rem; letter-spacing: -.02em; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
.lead { color: var(--soft); margin: 0 0 2.5rem; font-size: 1.1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem 1.4rem; margin: 0 0 1rem; }
section p { margin: 0 0 .7rem; color: var(--soft); }
.step { display: inline-block; width: 1.6rem; color: var(--mark); font-weight: 700; }
pre { background: var(--code); border-radius: 8px; padding: .8rem 1rem; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 14px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
section p.after { margin: .7rem 0 0; }
a { color: var(--mark); }
footer { color: var(--soft); font-size: .9rem; margin-top: 2rem; display: flex; gap: 1.25rem; flex-wrap: wrap; }
)";

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast: {host}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Holdfast</h1>
<p class="lead">The container image registry at <strong>{host}</strong>.</p>
{trust}
<section>
<h2><span class="step">{second}</span>Log in</h2>
<pre>docker login {host}</pre>
</section>
<section>
<h2><span class="step">{third}</span>Push an image</h2>
<p>Images live in repositories named <code>namespace/repository</code>; your user name is a namespace.</p>
<pre>docker tag alpine {host}/&lt;namespace&gt;/&lt;repository&gt;:v1
docker push {host}/&lt;namespace&gt;/&lt;repository&gt;:v1</pre>
</section>
<section>
<h2><span class="step">{fourth}</span>Pull it anywhere</h2>
<pre>docker pull {host}/&lt;namespace&gt;/&lt;repository&gt;:v1</pre>
</section>
<footer><span>Holdfast {version}</span><a href="/docs/api">API</a><a href="/health">Health</a>{ca}</footer>
</main>
</body>
</html>
)";

constexpr std::string_view kTrust = R"(<section>
<h2><span class="step">1</span>Trust this server</h2>
<p>Its certificate comes from an authority of its own. On the Docker host, as root:</p>
<pre>mkdir -p /etc/docker/certs.d/{host}
curl -k {base}/ca -o /etc/docker/certs.d/{host}/ca.crt</pre>
<p class="after">Compare the file with the one that the server's operator has before you rely on it.</p>
</section>)";

http::Response not_found() {
  http::Response response(404);
  response.field("Content-Type", "text/plain; charset=utf-8").text("There is no such page here.\n");
  return response;
}

}  // namespace

Web::Web(const PublicUrl& url, Authority authority, std::string_view version)
    : url_(url), authority_(authority), version_(version) {}

boost::asio::awaitable<http::Response> Web::handle(http::Request& request, http::Body&) {
  request.route = "web";
  if (request.method != http::Method::get && request.method != http::Method::head)
    co_return not_found();
  if (auto page = openapi::page(request, request.path)) co_return *std::move(page);
  http::Response response;
  response.field("X-Content-Type-Options", "nosniff").field("Referrer-Policy", "no-referrer");
  if (request.path == "/style.css") {
    response.field("Content-Type", "text/css; charset=utf-8")
        .field("Cache-Control", "max-age=3600");
    co_return response.text(std::string(kStyle));
  }
  if (request.path != "/") co_return not_found();
  // The host is one that http has checked: letters, digits, dots, colons.
  const std::string host = url_.service(request);
  const bool own = authority_ == Authority::built_in;
  const std::string trust = own ? fmt::format(fmt::runtime(kTrust), fmt::arg("host", host),
                                              fmt::arg("base", url_.base(request)))
                                : std::string();
  response.field("Content-Type", "text/html; charset=utf-8")
      .field("Cache-Control", "no-cache")
      .field("Content-Security-Policy",
             "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'")
      .text(fmt::format(fmt::runtime(kPage), fmt::arg("host", host), fmt::arg("trust", trust),
                        fmt::arg("second", own ? 2 : 1), fmt::arg("third", own ? 3 : 2),
                        fmt::arg("fourth", own ? 4 : 3), fmt::arg("version", version_),
                        fmt::arg("ca", own ? "<a href=\"/ca\">CA certificate</a>" : "")));
  co_return response;
}

}  // namespace holdfast::api::web
