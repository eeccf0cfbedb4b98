// A body without a known length, made as it goes: server-sent events.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "http/message.hpp"

namespace holdfast::http {

// Given as the source of a response that closes its connection, whose end is the body's end. The
// head of the request stays as long as it.
class EndlessSource : public ByteSource {
 public:
  // What comes next; empty: nothing yet, ask again; nothing: the end. Runs on the connection's loop
  // and waits a second or two at most, as the end of the server is looked at in between. Not called
  // before the client has taken what came before, so a slow one holds one piece.
  virtual boost::asio::awaitable<std::optional<std::string>> next() = 0;

  [[nodiscard]] std::optional<int> descriptor() const final { return std::nullopt; }
  Result<std::size_t> read_at(std::uint64_t /*offset*/, std::span<std::byte> /*into*/) final {
    return std::size_t{0};
  }
};

}  // namespace holdfast::http
