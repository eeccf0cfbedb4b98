// Randomness that an attacker cannot guess; tests bring their own.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// Where random bytes come from. Safe to call from any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;
};

// The kernel's generator (getrandom). Ends the process when the kernel refuses: nothing safe can go
// on.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

// A random UUID, version 4: "0548733a-2617-418d-abb0-f54b94de25fa".
std::string uuid(Random& random);
// Whether it has the form of one, in lower case.
bool is_uuid(std::string_view text);
// `length` characters of [A-Za-z2-9] without those that people mistake for each other (0 O 1 l I).
std::string password(Random& random, std::size_t length);
// Lower-case hex of `bytes` random bytes.
std::string random_hex(Random& random, std::size_t bytes);

}  // namespace holdfast
