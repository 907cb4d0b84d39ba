// Steps and products of the stage at hand.
#include "mpq/core/progress.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace mpq {
namespace {

using Clock = std::chrono::steady_clock;

/// Products come by the thousand a second: they are told this often at most.
constexpr std::chrono::milliseconds kInterval{200};

std::atomic<int64_t> counted{0};
thread_local Progress* innermost = nullptr;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

int64_t products_counted() { return counted.load(); }

void count_products(int64_t products) {
  counted.fetch_add(products);
  if (innermost == nullptr || innermost->products_ == 0) return;
  if (Clock::now() - innermost->reported_ >= kInterval) innermost->report();
}

Progress::Progress(std::string stage, int64_t total, int64_t done, int64_t products)
    : first_(done),
      products_(products),
      counted_before_(products_counted()),
      start_(Clock::now()),
      reported_(start_),
      outer_(std::exchange(innermost, this)) {
  event_.stage = std::move(stage);
  event_.total = total;
  event_.done = done;
}

Progress::~Progress() { innermost = outer_; }

void Progress::step(const std::string& note, int64_t steps) {
  check_interrupt(event_.stage.c_str());
  event_.done += steps;
  event_.note = note;
  report();
}

void Progress::report() {
  reported_ = Clock::now();
  event_.seconds = seconds_between(start_, reported_);
  const auto share = [](int64_t part, int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
  };
  const double done = products_ > 0 ? share(products_counted() - counted_before_, products_)
                                    : share(event_.done - first_, event_.total - first_);
  event_.seconds_left = done > 0 ? event_.seconds * std::max(0.0, 1 / done - 1) : -1;
  report_progress(event_);
}

}  // namespace mpq
