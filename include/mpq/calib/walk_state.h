#pragma once
// The hidden states between two blocks, on disk: a pass that was killed goes on from there.
#include <string>
#include <vector>

#include "mpq/calib/sequence_group.h"

namespace mpq {

class WalkState {
 public:
  /// One file, replaced after every block. Empty: nothing is kept.
  explicit WalkState(std::string path) : path_(std::move(path)) {}
  /// How many blocks are done; when any are, `hidden` becomes their output, one tensor [rows,
  /// hidden] each. Throws Error(Format) when the file does not hold states of so many `rows` of
  /// this model.
  int64_t restore(const ModelConfig& config, const std::vector<int64_t>& rows, GroupHidden& hidden,
                  MemoryBudget& memory) const;
  void keep(int64_t done, const GroupHidden& hidden) const;
  /// The pass is over.
  void clear() const;

 private:
  std::string path_;
};

/// Rows of every group.
std::vector<int64_t> rows_of(const std::vector<SequenceGroup>& groups);

}  // namespace mpq
