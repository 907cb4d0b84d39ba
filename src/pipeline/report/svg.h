#pragma once
// Drawings in user units that scale with the page; colours come from the page's style.
#include <string>
#include <vector>

namespace mpq {

/// Collects shapes and closes them into an <svg> with a title for readers that cannot see it.
class Drawing {
 public:
  Drawing(double width, double height, std::string title);
  void line(double x1, double y1, double x2, double y2, const std::string& style);
  void polyline(const std::vector<std::pair<double, double>>& points, const std::string& style);
  void circle(double x, double y, double radius, const std::string& style);
  /// `opacity` of its fill; `tip` is shown when pointed at.
  void rectangle(double x, double y, double width, double height, const std::string& style,
                 double opacity = 1, const std::string& tip = "");
  /// `anchor`: start, middle or end.
  void text(double x, double y, const std::string& text, const std::string& anchor = "start",
            const std::string& style = "");
  std::string close() const;

 private:
  double width_, height_;
  std::string title_, shapes_;
};

/// From data to user units, linear or logarithmic.
struct Scale {
  double first = 0, last = 1;  // data
  double begin = 0, end = 1;   // user units
  bool logarithmic = false;
  double operator()(double value) const;
};

/// Round values within the scale to label: about `count` of them, or the decades.
std::vector<double> ticks(const Scale& scale, int count);

}  // namespace mpq
