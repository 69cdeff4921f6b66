// Newton's method in the coefficients beta of all predictors, alone or jointly with the modes u, at
// fixed Lambda.
//
// The joint step solves
//     [ X'WX  B' ] [ dbeta ]   [ X'l'          ]
//     [ B     H  ] [ du    ] = [ Lambda'g - u  ],     B = Lambda'Z'WX,  W = -l'',
// by eliminating u cell by cell: S = X'WX - B'H^-1 B.
#pragma once

#include <vector>

#include "cell_set.h"

namespace ilk {

class JointNewton {
 public:
  JointNewton(CellSet& cells, const double* beta);

  const std::vector<double>& beta() const { return beta_; }
  // S at the last step, or X'WX where u was not eliminated, (P, P).
  const std::vector<double>& information() const { return information_; }
  void set_lam(const std::vector<double>& lam) { lam_ = lam; }

  // Steps until the decrement is small, shortened where the criterion sum l - u'u / 2 falls.
  void run(bool eliminate, int max_steps, double decrement);

 private:
  // One cell's part of the joint system.
  struct System {
    std::vector<double> information;  // (P, P): X'WX, after elimination of u: S
    std::vector<double> score;        // (P,): X'l', after elimination of u: X'l' - B'H^-1 r
    double value = 0.0;               // sum l - u'u / 2
    double decrement = 0.0;           // r'H^-1 r
    bool definite = true;
    std::vector<double> solved;  // H^-1 B (U, P)
    std::vector<double> newton;  // H^-1 r (U,)
    std::vector<double> step;    // of u
  };

  double linearize();
  bool assemble(bool eliminate);
  bool eliminate(LaplaceCell& cell, Scratch& scratch, System& system) const;
  double shorten(const std::vector<double>& step, bool eliminate) const;
  void move_modes_of_step(double scale, const std::vector<double>& dbeta);
  void move_modes(double fraction);

  CellSet& cells_;
  int P_;
  std::vector<double> beta_, lam_;
  std::vector<System> systems_;
  std::vector<double> sizes_;
  std::vector<double> information_, score_;
  double mode_decrement_ = 0.0;  // sum over cells of r'H^-1 r
};

// The root mean squares of the columns of X by coefficient, those of predictor 0 divided by the
// spread of its linear predictor where that exceeds 1: a step of 1 / size is a large one.
std::vector<double> coefficient_sizes(const CellSet& cells);

}  // namespace ilk
