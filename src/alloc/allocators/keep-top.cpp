// The split of TAQO (arXiv 2511.06516; methods.md, 1.4): both ends and the top blocks stay, the
// rest gets low bits.
#include "mpq/alloc/block_split.h"

namespace mpq {
namespace {

struct KeepTopOptions {
  int first = 2;
  int last = 2;
  int top = 8;
  int keep = 16;
  int low = 4;

  template <class Field>
  void visit(Field&& field) {
    field("first", first, "blocks kept at the start");
    field("last", last, "blocks kept at the end");
    field("top", top, "further blocks kept, by score");
    field("keep", keep, "bits of the kept blocks");
    field("low", low, "bits of the others");
  }
};

class KeepTop : public Allocator {
 public:
  using Options = KeepTopOptions;

  explicit KeepTop(const Options& options) : options_(options) {
    require(options.first >= 0 && options.last >= 0 && options.top >= 0, ErrorCode::Usage,
            "keep-top: expected first, last and top >= 0, found {}, {} and {}", options.first,
            options.last, options.top);
  }

  Allocation solve(const AllocationProblem& problem) const override {
    std::map<int, int> plan;
    const auto middle = rank_blocks(problem, protect_ends(blocks_of(problem), options_.first,
                                                          options_.last, options_.keep, plan));
    for (size_t i = 0; i < middle.size(); ++i) {
      plan[middle[i]] = i < static_cast<size_t>(options_.top) ? options_.keep : options_.low;
    }
    return apply_block_bits(problem, plan, "keep-top", {options_.keep, options_.low});
  }

 private:
  Options options_;
};

MPQ_REGISTER(Allocator, KeepTop, "keep-top",
             "both ends and the most sensitive blocks at 16 bits, the rest at 4 (TAQO)");

}  // namespace
}  // namespace mpq
