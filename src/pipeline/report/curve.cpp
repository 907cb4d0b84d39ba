// The budget curve on a logarithmic axis.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "html.h"
#include "sections.h"
#include "svg.h"

namespace mpq {
namespace {

struct Point {
  double bits = 0, loss = 0;
  double error = std::numeric_limits<double>::quiet_NaN();  // unknown
};

std::vector<Point> predicted(const Json& curve, const char* name) {
  std::vector<Point> points;
  for (const auto& entry : curve.value(name, Json::array())) {
    const double loss = entry.at("loss");
    if (loss > 0) points.push_back({entry.at("effective_bits"), loss});
  }
  return points;
}

/// Of the plans or of the uniform plans that they were verified against.
std::vector<Point> measured(const Json& curve, const char* side) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<Point> points;
  for (const auto& plan : curve.at("plans")) {
    const Json found = plan.value("verified", Json::object()).value(side, Json::object());
    const Json& size = found.contains("effective_bits") ? found : plan.at("achieved");
    const Json loss = found.value("measured_loss", found.value("kl", Json()));
    if (loss.is_number() && loss.get<double>() > 0)
      points.push_back({size.at("effective_bits"), loss,
                        json_get_or<double>(found, "kl_stderr", kUnknown, "curve")});
  }
  return points;
}

struct Axes {
  Scale x, y;
};

Axes axes_for(const std::vector<std::vector<Point>>& series) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Axes axes{{kInfinity, -kInfinity, 52, 408, false}, {kInfinity, -kInfinity, 222, 10, true}};
  for (const auto& points : series) {
    for (const auto& point : points) {
      axes.x.first = std::min(axes.x.first, point.bits);
      axes.x.last = std::max(axes.x.last, point.bits);
      axes.y.first = std::min(axes.y.first, point.loss);
      axes.y.last = std::max(axes.y.last, point.loss);
    }
  }
  axes.y.first /= 1.5;
  axes.y.last *= 1.5;
  return axes;
}

void draw_axes(const Axes& axes, Drawing& drawing) {
  for (const double value : ticks(axes.y, 5)) {
    drawing.line(axes.x.begin, axes.y(value), axes.x.end, axes.y(value), "grid");
    drawing.text(axes.x.begin - 5, axes.y(value) + 3, fmt::format("{:.0e}", value), "end");
  }
  for (const double value : ticks(axes.x, 7)) {
    drawing.line(axes.x(value), axes.y.begin, axes.x(value), axes.y.end, "grid");
    drawing.text(axes.x(value), axes.y.begin + 14, fmt::format("{:g}", value), "middle");
  }
  drawing.text((axes.x.begin + axes.x.end) / 2, axes.y.begin + 30, "bits a weight", "middle");
}

void draw_line(const Axes& axes, const std::vector<Point>& points, const std::string& style,
               Drawing& drawing) {
  std::vector<std::pair<double, double>> places;
  for (const auto& point : points) places.emplace_back(axes.x(point.bits), axes.y(point.loss));
  if (!places.empty()) drawing.polyline(places, "line " + style);
}

void draw_points(const Axes& axes, const std::vector<Point>& points, const std::string& style,
                 Drawing& drawing) {
  for (const auto& [bits, loss, error] : points) {
    if (std::isfinite(error)) {
      const double low = std::max(loss - error, axes.y.first);
      drawing.line(axes.x(bits), axes.y(low), axes.x(bits), axes.y(loss + error),
                   "whisker " + style);
    }
    drawing.circle(axes.x(bits), axes.y(loss), 3.5, "dot " + style);
  }
}

}  // namespace

std::string curve_section(const ReportFacts& facts) {
  if (facts.curve.is_null()) return "";
  const bool nats = facts.curve.at("unit") == "nats/token";
  const auto ours = nats ? predicted(facts.curve, "predicted") : std::vector<Point>{};
  const auto uniform = nats ? predicted(facts.curve, "predicted_uniform") : std::vector<Point>{};
  const auto plans = measured(facts.curve, "plan");
  const auto rivals = measured(facts.curve, "uniform");
  if (ours.size() + uniform.size() + plans.size() + rivals.size() < 2) return "";
  const Axes axes = axes_for({ours, uniform, plans, rivals});
  Drawing drawing(420, 262, "KL to full precision against bits a weight");
  draw_axes(axes, drawing);
  draw_line(axes, uniform, "rival", drawing);
  draw_line(axes, ours, "ours", drawing);
  draw_points(axes, rivals, "rival", drawing);
  draw_points(axes, plans, "ours", drawing);
  return html::section("Loss against size",
                       "<figure id=\"curve\">\n" + drawing.close() +
                           html::legend({{"ours", "allocated"}, {"rival", "uniform"}}) +
                           "<figcaption>KL to full precision, nats per token, as the scorer counts "
                           "it (the task, and "
                           "general text with its weight). Lines: the sum of the losses measured "
                           "unit by unit. Points: "
                           "measured on held-out prompts with all units quantized, ± one standard "
                           "error.</figcaption>\n</figure>\n");
}

}  // namespace mpq
