// Writes SVG elements.
#include "svg.h"

#include <fmt/format.h>

#include <cmath>

#include "html.h"

namespace mpq {

Drawing::Drawing(double width, double height, std::string title)
    : width_(width), height_(height), title_(std::move(title)) {}

void Drawing::line(double x1, double y1, double x2, double y2, const std::string& style) {
  shapes_ +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n",
                  x1, y1, x2, y2, style);
}

void Drawing::polyline(const std::vector<std::pair<double, double>>& points,
                       const std::string& style) {
  std::string list;
  for (const auto& [x, y] : points) list += fmt::format("{:.1f},{:.1f} ", x, y);
  shapes_ += fmt::format("<polyline points=\"{}\" class=\"{}\"/>\n", list, style);
}

void Drawing::circle(double x, double y, double radius, const std::string& style) {
  shapes_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"/>\n", x, y,
                         radius, style);
}

void Drawing::rectangle(double x, double y, double width, double height, const std::string& style,
                        double opacity, const std::string& tip) {
  shapes_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\" "
      "fill-opacity=\"{:.2f}\">",
      x, y, width, height, style, opacity);
  if (!tip.empty()) shapes_ += "<title>" + html::escape(tip) + "</title>";
  shapes_ += "</rect>\n";
}

void Drawing::text(double x, double y, const std::string& text, const std::string& anchor,
                   const std::string& style) {
  shapes_ +=
      fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x,
                  y, anchor, style, html::escape(text));
}

std::string Drawing::close() const {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n", width_,
      height_, html::escape(title_), shapes_);
}

double Scale::operator()(double value) const {
  const auto place = [&](double v) { return logarithmic ? std::log10(v) : v; };
  const double span = place(last) - place(first);
  const double share = span == 0 ? 0.5 : (place(value) - place(first)) / span;
  return begin + (end - begin) * share;
}

std::vector<double> ticks(const Scale& scale, int count) {
  std::vector<double> values;
  if (scale.logarithmic) {
    for (double decade = std::ceil(std::log10(scale.first) - 1e-9);
         decade <= std::floor(std::log10(scale.last) + 1e-9); ++decade)
      values.push_back(std::pow(10, decade));
    return values;
  }
  const double rough = (scale.last - scale.first) / count;
  if (rough <= 0) return {scale.first};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {2.0, 5.0, 10.0}) {
    if (step < rough) step = factor * power;
  }
  for (double value = std::ceil(scale.first / step - 1e-9) * step;
       value <= scale.last + 1e-9 * step; value += step)
    values.push_back(std::abs(value) < 1e-9 * step ? 0 : value);
  return values;
}

}  // namespace mpq
