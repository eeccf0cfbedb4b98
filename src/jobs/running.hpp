// One job while it runs: its thread, its log, and why it should stop. For this module only.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "jobs/claims.hpp"
#include "jobs/log_buffer.hpp"
#include "jobs/run.hpp"

namespace holdfast::jobs {

// Methods of Run are for the thread of the work; the others for the one that owns it.
class Running final : public Run {
 public:
  using Steady = std::chrono::steady_clock;
  enum class Why : std::uint8_t { none, canceled, deadline, shutdown, lost };

  // Starts the work on a thread of its own. `held_until` is moved on while the worker's heartbeat
  // goes well: beyond it, others may take the job for theirs. `on_end` is called on that thread.
  Running(Claim claim, Work work, const std::atomic<Steady::time_point>& held_until,
          std::function<void()> on_end);
  // Waits for the work.
  ~Running() override;

  const boost::json::object& parameters() const override { return claim_.parameters; }
  void log(std::string_view line) override { buffer_.add(line); }
  bool should_stop() const override;
  void give_up() override { gives_up_ = true; }

  // Of several reasons the first counts. Tells the work at its next question.
  void tell(Why why) const;
  [[nodiscard]] const Job& job() const { return claim_.job; }
  [[nodiscard]] LogBuffer& buffer() { return buffer_; }
  [[nodiscard]] bool ended() const { return ended_; }
  // When it has ended: how. The first call adds a last line to its log.
  [[nodiscard]] Ending ending();
  // Once: whether it goes on for longer than its stop timeout after it was told to stop.
  [[nodiscard]] bool is_overdue();

 private:
  [[nodiscard]] Ending decide();
  void work(const Work& work);
  [[nodiscard]] Why check() const;

  const Claim claim_;
  const std::atomic<Steady::time_point>& held_until_;
  const Steady::time_point deadline_;
  LogBuffer buffer_;
  mutable std::atomic<Why> why_{Why::none};
  mutable std::atomic<bool> told_{false};  // the work asked, and was told to stop
  Steady::time_point told_to_stop_{};      // is_overdue() counts from here
  bool overdue_ = false;
  std::atomic<bool> gives_up_{false};
  Result<void> outcome_;
  std::optional<Ending> ending_;
  std::atomic<bool> ended_{false};
  const std::function<void()> on_end_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace holdfast::jobs
