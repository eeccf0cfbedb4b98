// How the command line reaches a running server: HTTP over a unix socket in its data folder.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <filesystem>

#include "async/pool.hpp"
#include "base/result.hpp"
#include "core.hpp"
#include "http/message.hpp"
#include "options.hpp"

namespace holdfast::control {

// <data>/run/control.sock, for the folder's owner alone.
std::filesystem::path socket_path(const std::filesystem::path& data_dir);

// The server's side: POST with a command, answered with its result or its error.
boost::asio::awaitable<http::Response> handle(Core& core, async::BlockingPool& pool,
                                              http::Request& request, http::Body& body);

// The command line's side: runs a command on the data folder, by the server that has it or, when
// none does, by opening it. Blocks; waits a while when another command has the folder.
Result<boost::json::value> run(const Options& options, const boost::json::value& command);

}  // namespace holdfast::control
