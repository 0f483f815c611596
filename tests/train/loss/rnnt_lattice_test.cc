// Oracle: enumeration of all alignments in f64.
#include "train/loss/rnnt_lattice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "train/loss/logit_rows.h"

namespace glossa::train {
namespace {

struct Lattice {
  LatticeShape shape;
  std::vector<float> blank, label;
  LatticeArcs arcs() const { return {blank, label}; }
};

Lattice random_lattice(LatticeShape shape, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> log_prob(-5, -0.01F);
  Lattice lattice{.shape = shape};
  for (std::int64_t node = 0; node < shape.nodes(); ++node) {
    lattice.blank.push_back(log_prob(random));
    lattice.label.push_back(log_prob(random));
  }
  return lattice;
}

struct Sums {
  double all = 0;
  std::vector<double> blank, label;  // of the alignments through each arc
};

// Walks every alignment; an alignment is the list of its arcs.
Sums enumerate(const Lattice& lattice) {
  Sums sums;
  sums.blank.resize(lattice.blank.size());
  sums.label.resize(lattice.label.size());
  std::vector<double*> taken;
  const std::function<void(std::int64_t, std::int64_t, double)> walk = [&](std::int64_t t, std::int64_t u,
                                                                           double log_prob) {
    if (t == lattice.shape.frames) {
      if (u != lattice.shape.labels) return;
      sums.all += std::exp(log_prob);
      for (double* sum : taken) *sum += std::exp(log_prob);
      return;
    }
    const auto node = static_cast<std::size_t>(t * (lattice.shape.labels + 1) + u);
    taken.push_back(&sums.blank[node]);
    walk(t + 1, u, log_prob + lattice.blank[node]);
    taken.back() = &sums.label[node];
    if (u < lattice.shape.labels) walk(t, u + 1, log_prob + lattice.label[node]);
    taken.pop_back();
  };
  walk(0, 0, 0);
  return sums;
}

class SmallLattice : public ::testing::TestWithParam<LatticeShape> {};

TEST_P(SmallLattice, EqualsTheSumOverAllAlignments) {
  const Lattice lattice = random_lattice(GetParam(), 7);
  std::vector<float> blank(lattice.blank.size()), label(lattice.label.size());
  const Sums expected = enumerate(lattice);
  const double log_z = lattice_posteriors(lattice.shape, lattice.arcs(), {blank, label});
  EXPECT_NEAR(log_z, std::log(expected.all), 1e-10);
  EXPECT_EQ(lattice_log_probability(lattice.shape, lattice.arcs()), log_z);
  for (std::size_t node = 0; node < blank.size(); ++node) {
    EXPECT_NEAR(blank[node], expected.blank[node] / expected.all, 1e-6) << node;
    EXPECT_NEAR(label[node], expected.label[node] / expected.all, 1e-6) << node;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, SmallLattice,
                         ::testing::Values(LatticeShape{1, 0}, LatticeShape{1, 3}, LatticeShape{5, 0},
                                           LatticeShape{2, 1}, LatticeShape{4, 3}, LatticeShape{6, 5}));

// Every alignment crosses each frame once by blank and emits each label once.
TEST(RnntLattice, LargeLatticesKeepTheirProbability) {
  Lattice lattice = random_lattice({400, 90}, 3);
  for (float& log_prob : lattice.blank) log_prob *= 2000;
  std::vector<float> blank(lattice.blank.size()), label(lattice.label.size());
  lattice_posteriors(lattice.shape, lattice.arcs(), {blank, label});
  const std::size_t width = 91;
  for (std::size_t t = 0; t < 400; ++t) {
    double sum = 0;
    for (std::size_t u = 0; u < width; ++u) sum += blank[t * width + u];
    ASSERT_NEAR(sum, 1, 1e-5) << "frame " << t;
  }
  for (std::size_t u = 0; u < width; ++u) {
    double sum = 0;
    for (std::size_t t = 0; t < 400; ++t) sum += label[t * width + u];
    ASSERT_NEAR(sum, u + 1 < width ? 1 : 0, 1e-5) << "label " << u;
  }
}

// Oracle: the same in f64 with the standard library's functions.
TEST(LogitRows, NormaliseAsInDoublePrecision) {
  std::mt19937 random(5);
  for (const std::int64_t classes : {2, 3, 17, 1025, 13088}) {
    for (const float spread : {0.0F, 1.0F, 30.0F, 1e4F}) {
      std::uniform_real_distribution<float> value(-spread, spread);
      std::vector<float> logits, bias;
      for (std::int64_t k = 0; k < classes; ++k) {
        logits.push_back(value(random));
        bias.push_back(value(random));
      }
      std::vector<double> sums;
      for (std::int64_t k = 0; k < classes; ++k)
        sums.push_back(logits[k] + bias[k]);  // rounded to f32, as there
      const double largest = *std::max_element(sums.begin(), sums.end());
      double sum = 0;
      for (const double x : sums) sum += std::exp(x - largest);
      const double log_sum = largest + std::log(sum);
      std::vector<float> row = logits;
      const RowLogProbs probs = normalise_row(row.data(), bias.data(), classes, 1);
      const double tolerance = 1e-6 + 2e-7 * (std::abs(largest) + spread);
      EXPECT_NEAR(probs.log_sum, log_sum, tolerance) << classes << " " << spread;
      EXPECT_NEAR(probs.blank, sums.back() - log_sum, tolerance);
      EXPECT_NEAR(probs.label, sums[1] - log_sum, tolerance);
      const RowPosteriors posteriors{.log_sum = probs.log_sum, .blank = 0.25F, .label = 0.5F, .target = 0};
      std::vector<float> gradient(row.size());
      gradient_row(row.data(), nullptr, classes, posteriors, 2, -1, gradient.data());
      for (std::int64_t k = 0; k < classes; ++k) {
        const double softmax = std::exp(sums[k] - probs.log_sum);
        const double expected = 2 * (0.75 * softmax - (k == classes - 1 ? 0.25 : 0) - (k == 0 ? 0.5 : 0));
        ASSERT_NEAR(gradient[k], expected, 1e-7 + 1e-6 * softmax * (1 + std::abs(sums[k] - log_sum)));
      }
    }
  }
}

TEST(LogitRows, DropoutKeepsItsShareAndForgetsNoRow) {
  const std::vector<float> ones(4000, 1), zeros(4000, 0);
  std::vector<float> first(4000), again(4000), other(4000);
  const HiddenDropout dropout{.probability = 0.2, .seed = 1};
  hidden_row(ones.data(), zeros.data(), 4000, dropout, 12, first.data());
  hidden_row(ones.data(), zeros.data(), 4000, dropout, 12, again.data());
  hidden_row(ones.data(), zeros.data(), 4000, dropout, 13, other.data());
  EXPECT_EQ(first, again);
  const auto dropped = std::count(first.begin(), first.end(), 0.0F);
  EXPECT_NEAR(static_cast<double>(dropped), 800,
              5 * std::sqrt(4000 * 0.2 * 0.8));  // five standard deviations
  EXPECT_EQ(*std::max_element(first.begin(), first.end()), 1.25F);
  std::int64_t both = 0;
  for (std::size_t h = 0; h < 4000; ++h) both += first[h] == 0 && other[h] == 0 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(both), 160, 5 * std::sqrt(4000 * 0.04 * 0.96));  // independent
}

}  // namespace
}  // namespace glossa::train
