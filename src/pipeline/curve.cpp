// The budget curve and the test of additivity.
#include "mpq/pipeline/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mpq/core/error.h"
#include "mpq/core/log.h"

namespace mpq {
namespace {

/// Ranks from 0; equal values share their mean rank.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (size_t i = first; i <= last; ++i) rank[order[i]] = static_cast<double>(first + last) / 2;
    first = last + 1;
  }
  return rank;
}

/// Bits of the smallest and the largest choice of every unit.
std::pair<double, double> range_of_bits(const AllocationProblem& problem) {
  double least = 0;
  double most = 0;
  double weights = 0;
  for (const auto& unit : problem.units) {
    const auto by_bytes = [](const Candidate& a, const Candidate& b) { return a.bytes < b.bytes; };
    const auto [low, high] =
        std::minmax_element(unit.candidates.begin(), unit.candidates.end(), by_bytes);
    least += static_cast<double>(low->bytes);
    most += static_cast<double>(high->bytes);
    weights += static_cast<double>(unit.weights);
  }
  return {8 * least / weights, 8 * most / weights};
}

/// What an allocator is predicted to lose at budgets of the whole range, without repeated plans.
Json predicted_losses(const Session& session, const ScoreOptions& scoring,
                      const Sensitivity& sensitivity, const std::string& allocator) {
  constexpr int kPoints = 25;
  const auto solver = Registry<Allocator>::instance().make(allocator);
  const auto [least, most] = range_of_bits(sensitivity.problem);
  const double weights = static_cast<double>(session.model->config().quantizable_weights());
  Json list = Json::array();
  double last_bits = -1;
  for (int i = 0; i < kPoints; ++i) {
    const double bits = least + (most - least) * i / (kPoints - 1) + 1e-6;
    Allocation allocation;
    try {
      allocation =
          solve_within(session, scoring, sensitivity, {"effective_bits", bits, ""}, *solver);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::Usage) throw;
      continue;  // no plan of this kind is that small
    }
    const double achieved = 8.0 * static_cast<double>(allocation.bytes) / weights;
    if (achieved == last_bits) continue;
    last_bits = achieved;
    list.push_back({{"effective_bits", achieved}, {"loss", allocation.predicted_loss}});
  }
  return list;
}

/// What was verified, by rising size.
std::vector<Prediction> predictions_of(const Json& plans) {
  std::vector<Prediction> pairs;
  for (const auto& plan : plans) {
    const Json verified = plan.value("verified", Json::object());
    for (const char* side : {"plan", "uniform"}) {
      const Json measured = verified.value(side, Json::object());
      if (measured.contains("predicted_loss"))
        pairs.push_back({measured.at("predicted_loss"), measured.at("measured_loss")});
    }
  }
  return pairs;
}

void warn_when_not_monotone(const Json& plans) {
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  double bits = -1;
  double kl = std::numeric_limits<double>::infinity();
  for (const auto& plan : plans) {
    const Json measured = plan.value("verified", Json::object()).value("plan", Json::object());
    if (!measured.contains("kl")) continue;
    const double now = plan.at("achieved").at("effective_bits");
    const auto noise = json_get_or<double>(measured, "kl_stderr", kUnknown, "plan");
    if (now > bits && measured.at("kl").get<double>() > kl + 2 * noise) {
      log_warning("the plan of {:.4g} bits measured worse than the smaller one of {:.4g} bits", now,
                  bits);
    }
    bits = now;
    kl = measured.at("kl");
  }
}

}  // namespace

double rank_correlation(const std::vector<Prediction>& pairs) {
  std::vector<double> a;
  std::vector<double> b;
  for (const auto& pair : pairs) {
    a.push_back(pair.predicted);
    b.push_back(pair.measured);
  }
  a = ranks(a);
  b = ranks(b);
  const double mean = (static_cast<double>(pairs.size()) - 1) / 2;
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  const bool known = pairs.size() >= 3 && aa > 0 && bb > 0;
  return known ? ab / std::sqrt(aa * bb) : std::numeric_limits<double>::quiet_NaN();
}

Json additivity(const std::vector<Prediction>& pairs) {
  std::vector<double> ratios;
  for (const auto& pair : pairs) {
    if (pair.predicted > 0) ratios.push_back(pair.measured / pair.predicted);
  }
  Json result = {{"plans", pairs.size()}, {"rank_correlation", nullptr}, {"ratio", nullptr}};
  const double correlation = rank_correlation(pairs);
  if (!std::isnan(correlation)) result["rank_correlation"] = correlation;
  if (!ratios.empty()) {
    std::sort(ratios.begin(), ratios.end());
    result["ratio"] = {
        {"min", ratios.front()}, {"median", ratios[ratios.size() / 2]}, {"max", ratios.back()}};
  }
  return result;
}

Json budget_curve(const Session& session, const ScoreOptions& scoring,
                  const Sensitivity& sensitivity, const AllocateOptions& options,
                  const Json& plans) {
  Json curve = {{"schema", "mpq-curve/1"},
                {"unit", sensitivity.header.at("unit")},
                {"plans", plans},
                {"additivity", additivity(predictions_of(plans))}};
  // Other allocators set their own size, or take too long for a curve.
  if (parse_spec(options.allocator).name == "mckp")
    curve["predicted"] = predicted_losses(session, scoring, sensitivity, options.allocator);
  curve["predicted_uniform"] = predicted_losses(session, scoring, sensitivity, "uniform");
  warn_when_not_monotone(plans);
  return curve;
}

}  // namespace mpq
