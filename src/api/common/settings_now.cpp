#include "api/common/settings_now.hpp"

namespace holdfast::api {

boost::asio::awaitable<Result<std::shared_ptr<const settings::Values>>> settings_now(
    settings::Store& settings, async::BlockingPool& pool) {
  if (auto known = settings.cached()) co_return known;
  co_return co_await pool.run([&] { return settings.load(); });
}

}  // namespace holdfast::api
