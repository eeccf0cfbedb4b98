#include <chrono>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string>
#include <unistd.h>

#include "worker/launcher.hpp"
#include "worker/process.hpp"
#include "worker/protocol.hpp"

namespace holdfast::worker {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A shell stands for a worker that a stranger's bytes took over.
class ProcessTest : public testing::Test {
 protected:
  Result<void> shell(const std::string& script, const std::string& input = "") {
    answer_.clear();
    std::size_t at = 0;
    return run(
        {"/bin/sh", {"-c", script}},
        [&](std::span<std::byte> into) -> Result<std::size_t> {
          const std::size_t size = std::min(into.size(), input.size() - at);
          std::copy_n(reinterpret_cast<const std::byte*>(input.data()) + at, size, into.data());
          at += size;
          return size;
        },
        limits_,
        [&](std::string_view piece) -> Result<void> {
          answer_ += piece;
          return {};
        },
        [&] { return stop_; });
  }
  Error problem(const std::string& script, const std::string& input = "") {
    const auto outcome = shell(script, input);
    EXPECT_FALSE(outcome) << script;
    return outcome ? Error{} : outcome.error();
  }

  Limits limits_{.deadline = 20s, .answer_bytes = 1 << 20};
  bool stop_ = false;
  std::string answer_;
};

TEST_F(ProcessTest, GivesWhatComesAndTakesWhatIsAnswered) {
  const std::string large(3 << 18, 'x');
  ASSERT_TRUE(shell("cat", large));
  EXPECT_EQ(answer_, large);
  ASSERT_TRUE(shell("exec <&-; echo done", large)) << "it need not read to the end";
  EXPECT_EQ(answer_, "done\n");
}

TEST_F(ProcessTest, HasNothingOfTheServers) {
  ::setenv("HOLDFAST_ADMIN_PASSWORD", "secret", 1);
  const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(shell("/usr/bin/env; ls /proc/$$/fd"));
  ::close(opened);
  EXPECT_THAT(answer_, testing::Not(HasSubstr("HOLDFAST")));
  EXPECT_THAT(answer_, HasSubstr("0\n1\n2\n"));
  EXPECT_THAT(answer_, testing::Not(HasSubstr("\n" + std::to_string(opened) + "\n")));
}

TEST_F(ProcessTest, EachEndHasItsError) {
  EXPECT_EQ(problem("echo no tar >&2; exit 10").reason, kUnreadable);
  EXPECT_EQ(problem("echo no tar >&2; exit 10").message, "no tar");
  EXPECT_EQ(problem("exit 11").reason, kTooLarge);
  EXPECT_EQ(problem("exit 12").reason, kSandboxMissing);
  EXPECT_EQ(problem("exit 13").reason, kTooLarge);
  EXPECT_EQ(problem("exit 1").reason, kWorkerDied);
  EXPECT_THAT(problem("kill -SEGV $$").message, HasSubstr("ended by SIGSEGV"));
  EXPECT_THAT(problem("kill -SYS $$").message, HasSubstr("a forbidden system call"));
  EXPECT_THAT(problem("printf 'a\\033[31mb\\nsecond' >&2; kill -KILL $$").message,
              HasSubstr("SIGKILL (a?[31mb)"));
}

TEST_F(ProcessTest, AHangEndsAtTheDeadline) {
  limits_.deadline = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(problem("trap '' TERM; while :; do sleep 1; done").reason, kWorkerTimeout);
  EXPECT_EQ(problem("exec >&- 2>&-; sleep 60").reason, kWorkerTimeout) << "closed, and still there";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(ProcessTest, AWishToStopEndsIt) {
  stop_ = true;
  EXPECT_EQ(problem("sleep 60").reason, kWorkerTimeout);
}

TEST_F(ProcessTest, AnAnswerWithoutEndIsCut) {
  EXPECT_EQ(problem("yes").reason, kTooLarge);
  EXPECT_LE(answer_.size(), limits_.answer_bytes);
}

TEST_F(ProcessTest, AnErrorOfTheSourceEndsIt) {
  const auto outcome = run(
      {"/bin/sh", {"-c", "sleep 60"}},
      [](std::span<std::byte>) -> Result<std::size_t> {
        return fail(ErrorCode::unavailable, "away", "the store is away");
      },
      limits_, [](std::string_view) { return Result<void>(); }, [] { return false; });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, "away");
}

TEST_F(ProcessTest, AProgramThatIsMissing) {
  Launcher launcher("/nowhere/holdfast-scan");
  const auto probed = launcher.probe();
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().reason, kWorkerMissing);
  EXPECT_THAT(probed.error().message, HasSubstr("/nowhere/holdfast-scan"));
}

// The real one.
class WorkerTest : public testing::Test {
 protected:
  static Source from(std::string bytes) {
    return [bytes = std::move(bytes),
            at = std::size_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
      const std::size_t size = std::min(into.size(), bytes.size() - at);
      std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()) + at, size, into.data());
      at += size;
      return size;
    };
  }
  Launcher launcher_{HOLDFAST_SCAN_PROGRAM};
};

TEST_F(WorkerTest, IsShutIn) {
  const auto sandbox = launcher_.probe();
  ASSERT_TRUE(sandbox) << describe(sandbox.error());
  EXPECT_TRUE(sandbox->seccomp);
}

TEST_F(WorkerTest, AnEmptyLayerHasNothing) {
  const auto layer = launcher_.read_layer(
      [] { return Result<Source>(from(std::string(1024, '\0'))); }, {.deadline = 30s});
  ASSERT_TRUE(layer) << describe(layer.error());
  EXPECT_TRUE(layer->packages.empty());
  EXPECT_EQ(layer->size_bytes, 1024U);
}

TEST_F(WorkerTest, WhatIsNoLayerSaysSo) {
  const auto layer = launcher_.read_layer(
      [] { return Result<Source>(from(std::string(5000, 'x'))); }, {.deadline = 30s});
  ASSERT_FALSE(layer);
  EXPECT_EQ(layer.error().reason, kUnreadable);
  EXPECT_THAT(layer.error().message, HasSubstr("cannot be unpacked"));
}

TEST_F(WorkerTest, MembersOfAnArchive) {
  // Two stored members of a zip, made by hand.
  const auto member = [](std::string name, std::string bytes) {
    const auto number = [](std::size_t value, int size) {
      std::string out;
      for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
      return out;
    };
    return "PK\x03\x04" + number(20, 2) + std::string(12, '\0') + number(bytes.size(), 4) +
           number(bytes.size(), 4) + number(name.size(), 2) + number(0, 2) + name + bytes;
  };
  const std::string zip = member("a.json", "{}") + member("b/c.json", std::string(3'000'000, 'x')) +
                          member("empty", "");
  std::vector<std::string> names;
  std::size_t size = 0;
  const auto read = launcher_.read_archive(
      from(zip), 4 << 20, {.deadline = 30s}, [&](const Launcher::Piece& piece) {
        size += piece.bytes.size();
        if (!piece.is_last) return Result<void>();
        names.push_back(std::string(piece.name) + " " + std::to_string(std::exchange(size, 0)));
        return Result<void>();
      });
  EXPECT_THAT(names, testing::ElementsAre("a.json 2", "b/c.json 3000000", "empty 0"));
  const auto small = launcher_.read_archive(from(zip), 1000, {.deadline = 30s},
                                            [](const Launcher::Piece&) { return Result<void>(); });
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().reason, kTooLarge);
}

}  // namespace
}  // namespace holdfast::worker
