// The verbs of `holdfast admin`, the same beside a running server and without one.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.hpp"
#include "core.hpp"

namespace holdfast::admin {

// Runs one command: {"verb": "user.add", "name": …, "password": …}. Gives what the command line
// shows.
//   user.add {name, password, administrator, must_change_password}   user.passwd {name, password}
//   user.disable {name}   user.enable {name}   user.list   repo.create {name, public}
//   repo.delete {name}    repo.list    keys.rotate    backup.record {size}    support.facts    and
//   those of gc_admin.hpp
// Blocks. Passwords are never in the answer nor in an error.
Result<boost::json::value> execute(Core& core, const boost::json::value& command);

}  // namespace holdfast::admin
