// Polite interruption of long computations.
//
// The caller passes a function that says whether to stop (Ctrl-C). It may be slow (it takes the
// interpreter lock), so it is asked at most every 50 ms; a "yes" unwinds by an exception.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <utility>

namespace ilk {

struct Interrupted {};

class InterruptPoll {
 public:
  InterruptPoll() = default;
  explicit InterruptPoll(std::function<bool()> wants_stop) : wants_stop_(std::move(wants_stop)) {}

  // Throws Interrupted if the caller wants to stop.
  void operator()() {
    if (!wants_stop_) return;
    const std::int64_t now = milliseconds();
    if (now - last_ < 50) return;
    last_ = now;
    if (wants_stop_()) throw Interrupted{};
  }

 private:
  // A clock that is read in a few nanoseconds where there is one: polls come by the thousand.
  static std::int64_t milliseconds() {
#if defined(CLOCK_MONOTONIC_COARSE)
    std::timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return std::int64_t(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
#else
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
#endif
  }

  std::function<bool()> wants_stop_;
  std::int64_t last_ = -1000;
};

}  // namespace ilk
