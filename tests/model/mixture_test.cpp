// Routers against one token at a time.
#include "mpq/model/mixture.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mpq {
namespace {

/// Weights [rows, experts], 0 where an expert was not chosen.
at::Tensor dense_weights(const Routing& routing, int64_t rows, int64_t experts) {
  auto dense = at::zeros({rows, experts});
  for (int64_t expert = 0; expert < experts; ++expert) {
    for (int64_t i = 0; i < routing.count(expert); ++i) {
      const int64_t pair = routing.first[static_cast<size_t>(expert)] + i;
      dense[routing.rows[pair].item<int64_t>()][expert] = routing.weights[pair];
    }
  }
  return dense;
}

/// The published rule, read off transformers' modules, for one token's logits.
std::vector<double> expected_weights(const RouterConfig& config, std::vector<double> logits,
                                     const std::vector<double>& bias) {
  const auto experts = static_cast<size_t>(config.experts);
  std::vector<double> scores(experts), ranks(experts);
  double sum = 0;
  for (size_t e = 0; e < experts; ++e) {
    if (!config.sigmoid && !bias.empty()) logits[e] += bias[e];
    scores[e] = config.sigmoid ? 1 / (1 + std::exp(-logits[e])) : std::exp(logits[e]);
    sum += scores[e];
  }
  for (size_t e = 0; e < experts; ++e) {
    if (!config.sigmoid) scores[e] /= sum;
    ranks[e] = scores[e] + (config.sigmoid && !bias.empty() ? bias[e] : 0);
  }
  const size_t each = experts / static_cast<size_t>(config.groups);
  std::vector<std::pair<double, size_t>> groups;
  for (size_t g = 0; g * each < experts; ++g) {
    std::vector<double> own(ranks.begin() + static_cast<std::ptrdiff_t>(g * each),
                            ranks.begin() + static_cast<std::ptrdiff_t>((g + 1) * each));
    std::sort(own.rbegin(), own.rend());
    groups.emplace_back(own[0] + (each > 1 ? own[1] : 0), g);
  }
  std::sort(groups.rbegin(), groups.rend());
  std::vector<std::pair<double, size_t>> order;
  for (int64_t i = 0; i < config.top_groups; ++i) {
    const size_t group = groups[static_cast<size_t>(i)].second;
    for (size_t e = group * each; e < (group + 1) * each; ++e) order.emplace_back(ranks[e], e);
  }
  std::sort(order.rbegin(), order.rend());
  std::vector<double> weights(experts, 0);
  double chosen = 0;
  for (int64_t i = 0; i < config.top_k; ++i) chosen += scores[order[static_cast<size_t>(i)].second];
  for (int64_t i = 0; i < config.top_k; ++i) {
    const size_t e = order[static_cast<size_t>(i)].second;
    weights[e] = scores[e] / (config.renormalise ? chosen : 1) * config.scale;
  }
  return weights;
}

void expect_routes(const RouterConfig& config, bool biased) {
  at::manual_seed(7);
  const int64_t rows = 19, hidden = 6;
  const auto input = at::randn({rows, hidden}), router = at::randn({config.experts, hidden});
  const auto bias = biased ? at::randn({config.experts}) * 0.5 : at::Tensor();
  const Routing routing = route(config, input, {router, bias});
  EXPECT_EQ(routing.first.back(), rows * config.top_k);
  const auto found = dense_weights(routing, rows, config.experts);
  const auto logits = at::linear(input, router);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> own, added;
    for (int64_t e = 0; e < config.experts; ++e) {
      own.push_back(logits[row][e].item<double>());
      if (biased) added.push_back(bias[e].item<double>());
    }
    const auto expected = expected_weights(config, own, added);
    for (int64_t e = 0; e < config.experts; ++e)
      EXPECT_NEAR(found[row][e].item<double>(), expected[static_cast<size_t>(e)], 1e-5)
          << row << " " << e;
  }
}

TEST(Routers, ChooseAsPublished) {
  for (const bool sigmoid : {false, true}) {
    for (const bool renormalise : {false, true}) {
      for (const bool biased : {false, true}) {
        RouterConfig config{
            .experts = 8, .top_k = 3, .sigmoid = sigmoid, .renormalise = renormalise, .scale = 1.5};
        expect_routes(config, biased);
        config.groups = 4;
        config.top_groups = 2;
        expect_routes(config, biased);
      }
    }
  }
}

TEST(Routers, RowsOfAnExpertAscendAndEveryTokenIsThereTopKTimes) {
  at::manual_seed(3);
  const RouterConfig config{.experts = 5, .top_k = 2};
  const Routing routing = route(config, at::randn({40, 4}), {at::randn({5, 4})});
  std::vector<int64_t> seen(40, 0);
  for (int64_t expert = 0; expert < 5; ++expert) {
    int64_t before = -1;
    for (int64_t i = 0; i < routing.count(expert); ++i) {
      const auto row = routing.rows[routing.first[static_cast<size_t>(expert)] + i].item<int64_t>();
      EXPECT_GT(row, before);
      before = row;
      ++seen[static_cast<size_t>(row)];
    }
  }
  EXPECT_EQ(seen, std::vector<int64_t>(40, 2));
}

TEST(Routers, OutputsAreSummedByTheirWeights) {
  at::manual_seed(5);
  const RouterConfig config{.experts = 4, .top_k = 2};
  const Routing routing = route(config, at::randn({9, 3}), {at::randn({4, 3})});
  const auto outputs = at::randn({18, 7});
  auto expected = at::zeros({9, 7});
  for (int64_t pair = 0; pair < 18; ++pair)
    expected[routing.rows[pair].item<int64_t>()] += outputs[pair] * routing.weights[pair];
  EXPECT_TRUE(at::allclose(combine(routing, outputs, 9), expected, 1e-5, 1e-6));
}

}  // namespace
}  // namespace mpq
