#pragma once
// Projection of a symmetric matrix to the positive semi-definite ones.
#include <vector>

namespace mpq {

/// Row-major [n, n].
struct PsdProjection {
  std::vector<double> matrix;
  double clipped = 0;  // sum of |negative eigenvalues|
  double kept = 0;     // sum of the positive ones
};

/// Nearest in Frobenius norm: negative eigenvalues become 0 (cyclic Jacobi rotations).
PsdProjection project_psd(const std::vector<double>& matrix, int n);

}  // namespace mpq
