// Polite interruption of long computations.
//
// The caller passes a function that says whether to stop (Ctrl-C). It may be slow (it takes the
// interpreter lock), so it is asked at most every 50 ms; a "yes" unwinds by an exception.
#pragma once

#include <chrono>
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
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    if (wants_stop_()) throw Interrupted{};
  }

 private:
  std::function<bool()> wants_stop_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace ilk
