// High-impact channels at a higher width (arXiv 2511.17801; methods.md, 3): AdaRound for them,
// learned clipping for the rest, trained together on the block's output.
#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "mpq/quant/gptq_solver.h"
#include "mpq/quant/learned.h"

namespace mpq {
namespace {

class Hir final : public Quantizer {
 public:
  struct Options {
    int iterations = 400;
    double lambda = 0.01;
    bool gptq = false;
    bool aim = false;
    template <class Field>
    void visit(Field&& field) {
      field("iterations", iterations, "steps of Adam for rounding and clipping; 0: none");
      field("lambda", lambda, "weight of AdaRound's regulariser");
      field("gptq", gptq,
            "ours: nothing is learned; both parts are rounded with GPTQ's error compensation");
      field("aim", aim, "as GPTQ's, with gptq");
    }
  };

  explicit Hir(const Options& options) : options_(options) {
    require(options.iterations >= 0 && options.lambda >= 0, ErrorCode::Usage,
            "hir: iterations and lambda are 0 or more");
    require(options.gptq || !options.aim, ErrorCode::Usage,
            "hir: option aim goes with option gptq; learned parts aim so of themselves");
  }

  /// Without a second width: one above the first, for a tenth of the channels.
  Encoding encoding(const Encoding& asked) const override {
    require(asked.uniform() && asked.zero != Zero::Real, ErrorCode::Usage,
            "hir: expected integers with float scales, found {}", to_string(asked));
    Encoding hybrid = asked;
    if (!hybrid.hybrid()) hybrid.high_bits = std::min(asked.bits + 1, 8);
    if (hybrid.high_ratio == 0) hybrid.high_ratio = 0.1;
    return hybrid;
  }
  InputNeeds needs() const override {
    return {.hessian = options_.gptq,
            .fisher = true,
            .aim = options_.aim,
            .steps = learns() ? options_.iterations : 0};
  }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    Learned learned(problem, options_);
    if (learns()) return learn_alone(problem, options_.iterations, learned);
    QuantizedLinear result = learned.rounded();
    if (options_.gptq) compensate(problem, result);
    return result;
  }
  std::unique_ptr<LearnedLinear> learn(const QuantProblem& problem) const override {
    return std::make_unique<Learned>(problem, options_);
  }

 private:
  bool learns() const { return options_.iterations > 0 && !options_.gptq; }

  /// One piece on its way: learned rounding on a fixed grid, or a learned range.
  class Part {
   public:
    Part(const at::Tensor& weight, const GridOptions& options, bool high, const std::string& name) {
      if (high) {
        rounding_.emplace(weight, choose_grid(weight, options, name), options.encoding);
      } else {
        clipping_.emplace(weight, options, name);
      }
    }
    /// AdaRound's rate is the published one for its 5000 steps; fewer steps go as far together.
    void add_parameters(int iterations, std::vector<Adam::Parameter>& parameters) {
      constexpr double kRoundingWay = 5000 * 1e-3;
      constexpr double kClippingRate = 1e-2;
      if (rounding_) {
        parameters.push_back({rounding_->parameter(), kRoundingWay / std::max(iterations, 1)});
      } else {
        for (const auto& logits : clipping_->parameters())
          parameters.push_back({logits, kClippingRate});
      }
    }
    const std::optional<LearnedRounding>& rounding() const { return rounding_; }
    at::Tensor weight() const { return rounding_ ? rounding_->weight() : clipping_->weight(); }
    QuantizedLinear rounded() const {
      return rounding_ ? rounding_->rounded() : clipping_->rounded();
    }

   private:
    std::optional<LearnedRounding> rounding_;
    std::optional<LearnedClipping> clipping_;
  };

  class Learned final : public LearnedLinear {
   public:
    Learned(const QuantProblem& problem, const Options& options)
        : options_(options), encoding_(problem.encoding), order_(channel_order(problem)) {
      require(at::isfinite(problem.weight).all().item<bool>(), ErrorCode::Numeric,
              "{}: the weights hold inf or NaN; the checkpoint is damaged or overflowed",
              problem.name);
      const at::Tensor ordered = problem.weight.index_select(1, order_);
      const int64_t low = ordered.size(1) - high_channels(encoding_, ordered.size(1));
      std::vector<Adam::Parameter> parameters;
      int64_t begin = 0;
      for (const Piece& piece : pieces_of(encoding_, ordered.size(1), problem.name)) {
        parts_.emplace_back(ordered.narrow(1, begin, piece.columns).contiguous(),
                            GridOptions{piece.encoding}, begin >= low, problem.name);
        parts_.back().add_parameters(options.iterations, parameters);
        begin += piece.columns;
      }
      adam_.emplace(std::move(parameters));
    }

    at::Tensor weight() const override {
      std::vector<at::Tensor> columns;
      for (const auto& part : parts_) columns.push_back(part.weight());
      return at::cat(columns, 1).index_select(1, order_.argsort());
    }
    at::Tensor regulariser(int step) const override {
      at::Tensor sum;
      for (const auto& part : parts_) {
        if (!part.rounding()) continue;
        const at::Tensor own =
            options_.lambda * part.rounding()->regulariser(step, options_.iterations);
        sum = sum.defined() ? sum + own : own;
      }
      return sum;
    }
    void step(int step) override { adam_->step(late_decay(step, options_.iterations)); }
    QuantizedLinear rounded() const override {
      QuantizedLinear linear;
      linear.encoding = encoding_;
      linear.order = order_;
      for (const auto& part : parts_) linear.pieces.push_back(part.rounded());
      return linear;
    }

   private:
    Options options_;
    Encoding encoding_;
    at::Tensor order_;
    std::vector<Part> parts_;
    std::optional<Adam> adam_;
  };

  /// int64 [in]: the other channels, then the high-impact ones, each in ascending order. Without
  /// Fisher scores, channels count by their part of the output: diag(H) times the column's square.
  static at::Tensor channel_order(const QuantProblem& problem) {
    at::Tensor score = problem.channel_fisher;
    if (!score.defined()) {
      score = problem.weight.square().sum(0);
      if (problem.hessian != nullptr) score = score * problem.hessian->diagonal();
    }
    const int64_t in = problem.weight.size(1);
    const int64_t high = high_channels(problem.encoding, in);
    const auto ranked = std::get<1>(at::sort(score, /*stable=*/true, 0, /*descending=*/true));
    const auto top = std::get<0>(ranked.narrow(0, 0, high).sort());
    const auto rest = std::get<0>(ranked.narrow(0, high, in - high).sort());
    return at::cat({rest, top});
  }

  /// GPTQ over all channels in their original order, each on the grid of its group and part.
  static void compensate(const QuantProblem& problem, QuantizedLinear& linear) {
    constexpr double kDamp = 0.01;
    const auto& factor = problem.hessian->factor(/*act_order=*/true, kDamp);
    if (!factor.upper.defined()) return;
    std::vector<at::Tensor> scales, offsets, indices, tops;
    int64_t grids = 0;
    for (const auto& piece : linear.pieces) {
      const ColumnGrids own = group_grids(piece.grid, piece.encoding, piece.codes.size(1));
      scales.push_back(own.scale);
      offsets.push_back(own.offset);
      indices.push_back(own.index + grids);
      tops.push_back(own.top);
      grids += own.scale.size(1);
    }
    const at::Tensor back = linear.order.argsort();
    const ColumnGrids all{problem.encoding, at::cat(scales, 1), at::cat(offsets, 1),
                          at::cat(indices).index_select(0, back),
                          at::cat(tops).index_select(0, back)};
    const at::Tensor codes = gptq_solve(problem.weight, factor, all).index_select(1, linear.order);
    int64_t begin = 0;
    for (auto& piece : linear.pieces) {
      const int64_t columns = piece.codes.size(1);
      piece.codes = codes.narrow(1, begin, columns).contiguous();
      begin += columns;
    }
  }

  Options options_;
};

MPQ_REGISTER(Quantizer, Hir, "hir",
             "high-impact channels at a higher width: AdaRound for them, learned clipping for the "
             "rest");

}  // namespace
}  // namespace mpq
