// The settings, for coroutines on a loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "async/pool.hpp"
#include "base/result.hpp"
#include "settings/store.hpp"

namespace holdfast::api {

// From memory, or read on the pool after a change.
boost::asio::awaitable<Result<std::shared_ptr<const settings::Values>>> settings_now(
    settings::Store& settings, async::BlockingPool& pool);

}  // namespace holdfast::api
