// A body of a length that nobody knows before: made piece by piece as it goes out.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace holdfast::http {

// Sent in chunks; to HTTP/1.0, which has none, until the connection closes. The request's head
// stays as long as it.
class PieceSource {
 public:
  virtual ~PieceSource() = default;
  // What comes next; empty: nothing yet, ask again; nothing: the end. An error breaks the
  // connection off, so that nobody takes what came before for all. Runs on the connection's loop.
  // Not called before the client has taken what came before, so a slow one holds one piece.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> next() = 0;
  // Goes on for as long as the client listens, and ends with the server: next() then waits a second
  // or two at most, as the end of the server is looked at in between.
  [[nodiscard]] virtual bool is_endless() const { return false; }
};

}  // namespace holdfast::http
