#pragma once
// Gradients by the streams between blocks, from the backward pass to the candidates' pass.
#include "mpq/calib/sequence_group.h"

namespace mpq {

/// By block: in files, so that a killed scoring goes on, or in memory.
class KeptGradients {
 public:
  /// Of `draws`, each for `rows` tokens. `prefix`: of the files' paths; empty: in memory.
  KeptGradients(const ModelConfig& config, int64_t rows, int draws, std::string prefix,
                MemoryBudget& memory);
  /// Whether every block's are kept that is left to be scored.
  bool complete() const;
  /// Of the backward pass that makes them; empty in memory.
  std::string state_file() const;
  /// By draw, [rows, hidden].
  void keep(int64_t block, const Streams& gradients);
  /// Gives them back, and forgets those in memory. Throws Error(Format) when the file is not of
  /// this scoring.
  Streams take(int64_t block);

 private:
  std::string file(int64_t block) const;

  const ModelConfig* config_;
  int64_t rows_;
  size_t draws_;
  std::string prefix_;
  MemoryBudget* memory_;
  std::vector<Streams> kept_;
};

}  // namespace mpq
