// The first version's split of arXiv 2511.06516 (methods.md, 1.4): both ends kept, the middle in
// three tiers by score.
#include "mpq/alloc/block_split.h"

namespace mpq {
namespace {

struct TiersOptions {
  int first = 2;
  int last = 2;
  double top = 0.15;
  double middle = 0.45;
  int keep = 16;
  int mid = 8;
  int low = 4;

  template <class Field>
  void visit(Field&& field) {
    field("first", first, "blocks kept at the start");
    field("last", last, "blocks kept at the end");
    field("top", top, "share of the other blocks, by score, that is kept too");
    field("middle", middle, "share of the other blocks, next by score, that gets the mid width");
    field("keep", keep, "bits of the kept blocks");
    field("mid", mid, "bits of the middle tier");
    field("low", low, "bits of the rest");
  }
};

class Tiers : public Allocator {
 public:
  using Options = TiersOptions;

  explicit Tiers(const Options& options) : options_(options) {
    require(options.first >= 0 && options.last >= 0, ErrorCode::Usage,
            "tiers: expected first and last >= 0, found {} and {}", options.first, options.last);
    require(options.top >= 0 && options.middle >= 0 && options.top + options.middle <= 1 + 1e-9,
            ErrorCode::Usage,
            "tiers: expected top and middle >= 0 and together at most 1, found {} and {}",
            options.top, options.middle);
  }

  Allocation solve(const AllocationProblem& problem) const override {
    std::map<int, int> plan;
    const auto ranked = rank_blocks(problem, protect_ends(blocks_of(problem), options_.first,
                                                          options_.last, options_.keep, plan));
    const size_t kept = round_half_up(options_.top, ranked.size());
    const size_t middle = round_half_up(options_.middle, ranked.size());
    for (size_t i = 0; i < ranked.size(); ++i) {
      plan[ranked[i]] = i < kept ? options_.keep : i < kept + middle ? options_.mid : options_.low;
    }
    return apply_block_bits(problem, plan, "tiers", {options_.keep, options_.mid, options_.low});
  }

 private:
  Options options_;
};

MPQ_REGISTER(Allocator, Tiers, "tiers",
             "both ends and the top 15 % at 16 bits, the next 45 % at 8, the rest at 4 (TAQ, v1)");

}  // namespace
}  // namespace mpq
