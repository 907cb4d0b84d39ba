// Eigenvalues of small symmetric matrices by Jacobi rotations (Golub & Van Loan, 8.5).
#include "mpq/alloc/psd.h"

#include <cmath>
#include <cstddef>

namespace mpq {
namespace {

class Jacobi {
 public:
  Jacobi(std::vector<double> matrix, int n) : a_(std::move(matrix)), v_(a_.size(), 0), n_(n) {
    for (int i = 0; i < n; ++i) v_[at(i, i)] = 1;
  }

  void run() {
    constexpr int kSweeps = 60;
    double total = 0;
    for (const double x : a_) total += x * x;
    for (int sweep = 0; sweep < kSweeps && off_diagonal() > 1e-30 * total; ++sweep) {
      for (int p = 0; p < n_; ++p) {
        for (int q = p + 1; q < n_; ++q) rotate(p, q);
      }
    }
  }

  double eigenvalue(int i) const { return a_[at(i, i)]; }
  double component(int row, int i) const { return v_[at(row, i)]; }

 private:
  size_t at(int row, int column) const {
    return static_cast<size_t>(row) * static_cast<size_t>(n_) + static_cast<size_t>(column);
  }

  double off_diagonal() const {
    double sum = 0;
    for (int i = 0; i < n_; ++i) {
      for (int j = 0; j < i; ++j) sum += a_[at(i, j)] * a_[at(i, j)];
    }
    return sum;
  }

  /// Makes a_pq zero.
  void rotate(int p, int q) {
    const double apq = a_[at(p, q)];
    if (apq == 0) return;
    const double theta = (a_[at(q, q)] - a_[at(p, p)]) / (2 * apq);
    const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1.0));
    const double c = 1 / std::hypot(t, 1.0);
    const double s = t * c;
    for (int k = 0; k < n_; ++k) turn(a_[at(k, p)], a_[at(k, q)], c, s);
    for (int k = 0; k < n_; ++k) turn(a_[at(p, k)], a_[at(q, k)], c, s);
    for (int k = 0; k < n_; ++k) turn(v_[at(k, p)], v_[at(k, q)], c, s);
  }

  static void turn(double& x, double& y, double c, double s) {
    const double before = x;
    x = c * before - s * y;
    y = s * before + c * y;
  }

  std::vector<double> a_, v_;
  int n_;
};

}  // namespace

PsdProjection project_psd(const std::vector<double>& matrix, int n) {
  Jacobi jacobi(matrix, n);
  jacobi.run();
  PsdProjection result;
  for (int i = 0; i < n; ++i) {
    const double value = jacobi.eigenvalue(i);
    (value < 0 ? result.clipped : result.kept) += std::abs(value);
  }
  if (result.clipped == 0) {
    result.matrix = matrix;
    return result;
  }
  result.matrix.assign(matrix.size(), 0);
  for (int i = 0; i < n; ++i) {
    if (jacobi.eigenvalue(i) <= 0) continue;
    for (int row = 0; row < n; ++row) {
      for (int column = 0; column < n; ++column) {
        result.matrix[static_cast<size_t>(row * n + column)] +=
            jacobi.eigenvalue(i) * jacobi.component(row, i) * jacobi.component(column, i);
      }
    }
  }
  return result;
}

}  // namespace mpq
