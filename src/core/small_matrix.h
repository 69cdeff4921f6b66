// Dense matrices of the size of the outer parameters: (n, n), column-major, n up to a few hundred.
#pragma once

#include <vector>

namespace ilk::small {

using Matrix = std::vector<double>;

// A = L L' in the lower triangle, in place. False if A is not numerically positive definite.
bool cholesky(Matrix& A, int n);

// x <- (L L')^-1 x.
void solve(const Matrix& L, int n, double* x);

// Cholesky factor of A + ridge * |diag A| with the smallest ridge (0, 1e-8, 1e-7, ...) for which it
// exists. Returns the ridge; L is the factor.
double ridged_cholesky(const Matrix& A, int n, Matrix& L);

// Inverse of A, ridged as above.
Matrix inverse(const Matrix& A, int n);

// A = V diag(values) V' for symmetric A, by Jacobi rotations; columns of V are the eigenvectors,
// values ascend.
void symmetric_eigen(Matrix A, int n, std::vector<double>& values, Matrix& V);

}  // namespace ilk::small
