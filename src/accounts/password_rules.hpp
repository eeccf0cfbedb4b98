// What a password must be.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace holdfast::accounts {

// 8 to 1024 bytes; without regard to case neither the account's name nor among the most common
// passwords. invalid/kPasswordInvalid.
Result<void> check_password(std::string_view account, std::string_view password);

}  // namespace holdfast::accounts
