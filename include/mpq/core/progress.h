#pragma once
// Progress of a long stage, told by the products that the model's passes count themselves.
#include <chrono>
#include <string>

#include "mpq/core/log.h"

namespace mpq {

/// Multiply-adds of the blocks' linears, counted where they are made: a forward pass counts its
/// rows times its weights, a backward pass as much for each gradient. Told to the innermost
/// Progress of the thread.
void count_products(int64_t products);
/// All that this process has counted.
int64_t products_counted();

/// Reports the steps of one stage, and stops it when the user interrupts.
class Progress {
 public:
  /// `total` steps, `done` of them finished before. `products` is what the others are expected to
  /// take, from which the time left is told within a step too; 0: from the steps alone.
  explicit Progress(std::string stage, int64_t total, int64_t done = 0, int64_t products = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Throws Error(Interrupted) after request_interrupt().
  void step(const std::string& note = "", int64_t steps = 1);

 private:
  friend void count_products(int64_t products);
  void report();

  ProgressEvent event_;
  int64_t first_;           // steps finished before
  int64_t products_;        // expected
  int64_t counted_before_;  // by the process
  std::chrono::steady_clock::time_point start_, reported_;
  Progress* outer_;
};

}  // namespace mpq
