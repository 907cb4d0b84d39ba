// The split of TAQ and TAQ-KL (arXiv 2511.06516; methods.md, 1.4): the top share of blocks at high
// bits, the rest at low.
#include "mpq/alloc/block_split.h"

namespace mpq {
namespace {

struct TopFractionOptions {
  double fraction = 0.25;
  int high = 8;
  int low = 4;

  template <class Field>
  void visit(Field&& field) {
    field("fraction", fraction, "share of the blocks, by score, that gets the high width");
    field("high", high, "bits of the most sensitive blocks");
    field("low", low, "bits of the others");
  }
};

class TopFraction : public Allocator {
 public:
  using Options = TopFractionOptions;

  explicit TopFraction(const Options& options) : options_(options) {
    require(options.fraction >= 0 && options.fraction <= 1, ErrorCode::Usage,
            "top-fraction: expected fraction in [0, 1], found {}", options.fraction);
  }

  Allocation solve(const AllocationProblem& problem) const override {
    const auto ranked = rank_blocks(problem, blocks_of(problem));
    const size_t count = round_half_up(options_.fraction, ranked.size());
    std::map<int, int> plan;
    for (size_t i = 0; i < ranked.size(); ++i) {
      plan[ranked[i]] = i < count ? options_.high : options_.low;
    }
    return apply_block_bits(problem, plan, "top-fraction", {options_.high, options_.low});
  }

 private:
  Options options_;
};

MPQ_REGISTER(Allocator, TopFraction, "top-fraction",
             "the most sensitive quarter of the blocks at 8 bits, the rest at 4 (TAQ, TAQ-KL)");

}  // namespace
}  // namespace mpq
