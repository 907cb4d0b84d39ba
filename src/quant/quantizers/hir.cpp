// High-impact channels at a higher width (arXiv 2511.17801; methods.md, 3): AdaRound for them,
// learned clipping for the rest, trained together on the block's output.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>

#include "mpq/quant/gptq_solver.h"
#include "mpq/quant/learned.h"

namespace mpq {
namespace {

class Hir final : public Quantizer {
 public:
  struct Options {
    int bits = 2;
    int high = 0;
    double ratio = 0.1;
    int group = 128;
    bool sym = false;
    int iterations = 400;
    double lambda = 0.01;
    bool gptq = false;
    template <class Field>
    void visit(Field&& field) {
      field("bits", bits, "code width of most channels, 2 to 8");
      field("high", high, "code width of the high-impact channels, bits to 8; 0: one above bits");
      field("ratio", ratio, "share of the input channels that are high-impact, by Fisher diagonal");
      field("group", group, "channels that share a scale within each part; 0: all");
      field("sym", sym, "symmetric grids, no zero points");
      field("iterations", iterations, "steps of Adam for rounding and clipping; 0: nearest");
      field("lambda", lambda, "weight of AdaRound's regulariser");
      field("gptq", gptq,
            "ours: round on the learned grids with GPTQ's error compensation instead of AdaRound");
    }
  };

  explicit Hir(const Options& options) : options_(options) {
    if (options.high == 0) options_.high = std::min(options.bits + 1, 8);
    require(options.bits >= 2 && options_.high >= options.bits && options_.high <= 8,
            ErrorCode::Usage, "hir: expected 2 <= bits <= high <= 8, found bits={}, high={}",
            options.bits, options.high);
    require(options.ratio > 0 && options.ratio < 1, ErrorCode::Usage,
            "hir: option ratio: expected above 0 and below 1, found {}", options.ratio);
    require(options.group >= 0 && options.iterations >= 0 && options.lambda >= 0, ErrorCode::Usage,
            "hir: group, iterations and lambda are 0 or more");
  }

  Scheme scheme() const override {
    return {.bits = options_.bits,
            .group = options_.group,
            .symmetric = options_.sym,
            .high_bits = options_.high,
            .high_ratio = options_.ratio};
  }
  InputNeeds needs() const override {
    return {.hessian = true, .block = options_.iterations > 0, .fisher = true};
  }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    require(at::isfinite(problem.weight).all().item<bool>(), ErrorCode::Numeric,
            "{}: the weights hold inf or NaN; the checkpoint is damaged or overflowed",
            problem.name);
    std::vector<Part> parts;
    const at::Tensor order = channel_order(problem);
    const at::Tensor ordered = problem.weight.index_select(1, order);
    int64_t begin = 0;
    for (const Piece& piece : pieces_of(scheme(), ordered.size(1), problem.name)) {
      parts.emplace_back(ordered.narrow(1, begin, piece.columns).contiguous(), piece.scheme,
                         begin >= ordered.size(1) - high_channels(scheme(), ordered.size(1)),
                         problem);
      begin += piece.columns;
    }
    const QuantizedLinear nearest = assemble(order, parts, [](Part& p) { return p.nearest(); });
    QuantizedLinear learned = nearest;
    if (options_.iterations > 0) {
      train(problem, order, parts);
      learned = assemble(order, parts, [](Part& p) { return p.rounded(); });
    }
    if (options_.gptq) compensate(problem, learned);
    if (!problem.block_error) return better_rows(problem, learned, nearest);
    return error_of(problem, learned) <= error_of(problem, nearest) ? learned : nearest;
  }

 private:
  /// One piece on its way: learned rounding on a fixed grid, or a learned range.
  class Part {
   public:
    Part(at::Tensor weight, const Scheme& scheme, bool high, const QuantProblem& problem)
        : weight_(std::move(weight)),
          options_{scheme, false, problem.scale_dtype},
          grid_(choose_grid(weight_, options_, problem.name)),
          high_(high) {
      if (high_) {
        rounding_.emplace(weight_, grid_, scheme);
      } else {
        clipping_.emplace(weight_, options_, problem.name);
      }
    }
    std::vector<Adam::Parameter> parameters() {
      constexpr double kRoundingRate = 1e-3;
      constexpr double kClippingRate = 1e-2;
      std::vector<Adam::Parameter> result;
      if (high_) {
        result.push_back({rounding_->parameter(), kRoundingRate});
      } else {
        for (const auto& logits : clipping_->parameters())
          result.push_back({logits, kClippingRate});
      }
      return result;
    }
    at::Tensor weight() const { return high_ ? rounding_->weight() : clipping_->weight(); }
    const LearnedRounding* rounding() const { return high_ ? &*rounding_ : nullptr; }
    QuantizedLinear rounded() const { return high_ ? rounding_->rounded() : clipping_->rounded(); }
    QuantizedLinear nearest() const { return round_to_grid(weight_, grid_, options_.scheme); }

   private:
    at::Tensor weight_;
    GridOptions options_;
    Grid grid_;
    bool high_;
    std::optional<LearnedRounding> rounding_;
    std::optional<LearnedClipping> clipping_;
  };

  /// int64 [in]: the other channels, then the high-impact ones, each in ascending order. Without
  /// Fisher scores, channels count by their part of the output: diag(H) times the column's square.
  at::Tensor channel_order(const QuantProblem& problem) const {
    at::Tensor score = problem.channel_fisher;
    if (!score.defined()) {
      score = problem.weight.square().sum(0);
      if (problem.hessian != nullptr) score = score * problem.hessian->diagonal();
    }
    const int64_t in = problem.weight.size(1);
    const int64_t high = high_channels(scheme(), in);
    const auto ranked = std::get<1>(at::sort(score, /*stable=*/true, 0, /*descending=*/true));
    const auto top = std::get<0>(ranked.narrow(0, 0, high).sort());
    const auto rest = std::get<0>(ranked.narrow(0, high, in - high).sort());
    return at::cat({rest, top});
  }

  template <class Form>
  QuantizedLinear assemble(const at::Tensor& order, std::vector<Part>& parts, Form form) const {
    QuantizedLinear linear;
    linear.scheme = scheme();
    linear.order = order;
    for (auto& part : parts) linear.pieces.push_back(form(part));
    return linear;
  }

  void train(const QuantProblem& problem, const at::Tensor& order, std::vector<Part>& parts) const {
    const at::AutoGradMode gradients(true);
    const at::Tensor back = order.argsort();
    std::vector<Adam::Parameter> parameters;
    for (auto& part : parts) {
      for (const auto& parameter : part.parameters()) parameters.push_back(parameter);
    }
    Adam adam(parameters);
    for (int step = 0; step < options_.iterations; ++step) {
      std::vector<at::Tensor> columns;
      for (const auto& part : parts) columns.push_back(part.weight());
      at::Tensor loss = output_error(problem, at::cat(columns, 1).index_select(1, back), step);
      for (const auto& part : parts) {
        if (part.rounding() != nullptr)
          loss = loss + options_.lambda * part.rounding()->regulariser(step, options_.iterations);
      }
      adam.step(loss);
    }
  }

  /// GPTQ over all channels in their original order, each on the grid of its group and part.
  static void compensate(const QuantProblem& problem, QuantizedLinear& linear) {
    constexpr double kDamp = 0.01;
    const auto& factor = problem.hessian->factor(/*act_order=*/true, kDamp);
    if (!factor.upper.defined()) return;
    std::vector<at::Tensor> scales;
    std::vector<at::Tensor> zeros;
    std::vector<at::Tensor> indices;
    std::vector<at::Tensor> tops;
    int64_t grids = 0;
    for (const auto& piece : linear.pieces) {
      const int64_t columns = piece.codes.size(1);
      const ColumnGrids own = group_grids({piece.scale, piece.zero}, piece.scheme, columns);
      scales.push_back(piece.scale);
      zeros.push_back(piece.zero.to(at::kFloat));
      indices.push_back(own.index + grids);
      tops.push_back(own.top);
      grids += piece.scale.size(1);
    }
    const at::Tensor back = linear.order.argsort();
    const ColumnGrids all{{at::cat(scales, 1), at::cat(zeros, 1)},
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

  /// Mean over a few minibatches.
  static double error_of(const QuantProblem& problem, const QuantizedLinear& linear) {
    const at::NoGradGuard no_gradients;
    constexpr int kSteps = 4;
    const at::Tensor weight = dequantize(linear);
    double error = 0;
    for (int step = 0; step < kSteps; ++step)
      error += output_error(problem, weight, step).item<double>();
    return error;
  }

  Options options_;
};

MPQ_REGISTER(Quantizer, Hir, "hir",
             "high-impact channels at a higher width: AdaRound for them, learned clipping for the "
             "rest");

}  // namespace
}  // namespace mpq
