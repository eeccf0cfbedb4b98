#include "control.hpp"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "admin.hpp"
#include "codec/json.hpp"

namespace holdfast::control {

namespace json = boost::json;

namespace {

constexpr std::size_t kCommandLimitBytes = 64UZ * 1024;
constexpr std::chrono::seconds kPatience{15};
constexpr std::string_view kRemote = "server_said";

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool connect(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof(address.sun_path)) return false;
    std::memcpy(address.sun_path, text.data(), text.size());
    return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
           0;
  }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t put = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  [[nodiscard]] std::string read_all() const {
    std::string all;
    std::array<char, 16384> part{};
    for (ssize_t got = 0; (got = ::recv(descriptor_, part.data(), part.size(), 0)) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  int descriptor_;
};

// Asks the server; nothing when none listens there.
std::optional<Result<json::value>> ask(const std::filesystem::path& data_dir,
                                       const std::string& command) {
  Socket socket;
  if (!socket.connect(socket_path(data_dir))) return std::nullopt;
  socket.send(fmt::format(
      "POST / HTTP/1.1\r\nHost: control\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      command.size(), command));
  const std::string answer = socket.read_all();
  const std::size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos) return std::nullopt;  // it was about to end
  auto parsed = codec::parse_json(std::string_view(answer).substr(body + 4));
  if (!parsed)
    return fail(ErrorCode::unavailable, kRemote, "the server's answer is not understood");
  if (const auto message = codec::string_member(*parsed, "error")) {
    return fail(ErrorCode::invalid, kRemote, std::string(*message));
  }
  const json::value* result = codec::member(*parsed, "result");
  return result == nullptr ? json::value() : *result;
}

}  // namespace

std::filesystem::path socket_path(const std::filesystem::path& data_dir) {
  return data_dir / "run" / "control.sock";
}

boost::asio::awaitable<http::Response> handle(Core& core, async::BlockingPool& pool,
                                              http::Request& request, http::Body& body) {
  request.route = "control";
  const auto text = co_await body.read_all(kCommandLimitBytes);
  const auto command = text ? codec::parse_json(*text) : Result<json::value>(text.error());
  const auto result = command ? co_await pool.run([&] { return admin::execute(core, *command); })
                              : Result<json::value>(command.error());
  json::object answer;
  if (result) {
    answer["result"] = *result;
  } else {
    answer["error"] = result.error().message;
  }
  http::Response response(result ? 200 : 400);
  response.field("Content-Type", "application/json").text(json::serialize(answer));
  co_return response;
}

Result<json::value> run(const Options& options, const json::value& command) {
  const std::filesystem::path data_dir = options.data_dir;
  const std::string text = json::serialize(command);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    if (auto answered = ask(data_dir, text)) return *std::move(answered);
    auto folder = DataFolder::open(data_dir, DataFolder::IfMissing::fail);
    if (folder) {
      HF_TRY(const auto core, Core::open(*folder, options.core));
      return admin::execute(*core, command);
    }
    // Between the lock and the socket a server starts or ends, or another command is at it.
    const bool busy = folder.error().reason == kFolderInUse;
    if (!busy || std::chrono::steady_clock::now() >= deadline) return std::move(folder).error();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace holdfast::control
