#pragma once
// How large the inputs of every linear are on the calibration tokens, channel by channel.
#include <array>
#include <string>
#include <vector>

#include "mpq/calib/sequence_group.h"

namespace mpq {

/// Sums over tokens, of the task in row 0 and of general text in row 1.
struct InputSquares {
  /// [block][stage]: float64 [2, in], squares of what the stage's linears read.
  std::vector<std::array<at::Tensor, kStages>> blocks;
  at::Tensor head;                  // float64 [2, hidden], of what the head reads
  std::array<int64_t, 2> tokens{};  // summed over
  const at::Tensor& at(int64_t block, Stage stage) const;
};

/// One forward pass of the full-precision model. A killed one goes on from `state_folder`, which
/// stays until the caller has kept the result; empty: from its beginning. Throws Error(Numeric)
/// naming the stage whose inputs are not finite.
InputSquares input_squares(const Model& model, const std::vector<SequenceGroup>& groups,
                           MemoryBudget& memory, const std::string& state_folder = "");

/// E[x^2] by channel, float64 [in], of such sums. Task and text are brought to one mean square, the
/// task's, and blended by the text's share, as gather_moments() blends Hessians; a share of 0 or 1
/// leaves the other out, and so does a kind without tokens or of zeros.
at::Tensor blended_squares(const at::Tensor& sums, const std::array<int64_t, 2>& tokens,
                           double text_share);

void save_input_squares(const std::string& path, const InputSquares& squares);
/// Throws Error(Format) when the file does not hold the sums of this configuration.
InputSquares load_input_squares(const std::string& path, const ModelConfig& config);

}  // namespace mpq
