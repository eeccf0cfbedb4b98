// Hashes of passwords that other products made, for accounts that move here: checked at a login
// until the first one that is right, which replaces them by our own (secret.hpp).
#pragma once

#include <string_view>

namespace holdfast::crypto {

// Whether a hash has one of the forms that verify_foreign_hash() takes, within these bounds, which
// keep one login below about two seconds of a core:
//   $2a$, $2b$, $2y$          bcrypt, cost 4 to 14
//   $pbkdf2-sha256$N$salt$sum  PBKDF2 as passlib writes it (base64 with '.' for '+', no padding)
//   pbkdf2_sha256$N$salt$sum   PBKDF2 as Django writes it (a salt of letters and digits)
// N: 1 to 2,000,000 rounds; salts have up to 64 bytes, sums 32. Safe from any thread, as all here.
bool is_foreign_hash(std::string_view hash);

// Whether it is the hash of this password. False too for what is_foreign_hash() does not take, and
// for a password with a NUL.
// How long it takes depends on the hash. bcrypt sees 72 bytes of a password, as everywhere.
bool verify_foreign_hash(std::string_view password, std::string_view hash);

}  // namespace holdfast::crypto
