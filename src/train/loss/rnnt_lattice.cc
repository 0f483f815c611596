#include "train/loss/rnnt_lattice.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace glossa::train {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kImpossible ? a : a + std::log1p(std::exp(b - a));
}

// alpha(t, u): all ways from the start to the node.
std::vector<double> forward_variables(const LatticeShape& shape, const LatticeArcs& arcs) {
  const std::int64_t width = shape.labels + 1;
  std::vector<double> alpha(static_cast<std::size_t>(shape.nodes()), kImpossible);
  alpha[0] = 0;
  for (std::int64_t t = 0; t < shape.frames; ++t) {
    for (std::int64_t u = 0; u < width; ++u) {
      const auto node = static_cast<std::size_t>(t * width + u);
      if (t > 0) {
        const std::size_t above = node - static_cast<std::size_t>(width);
        alpha[node] = alpha[above] + arcs.blank[above];
      }
      if (u > 0) alpha[node] = log_add(alpha[node], alpha[node - 1] + arcs.label[node - 1]);
    }
  }
  return alpha;
}

}  // namespace

double lattice_log_probability(const LatticeShape& shape, const LatticeArcs& arcs) {
  return forward_variables(shape, arcs).back() + arcs.blank[static_cast<std::size_t>(shape.nodes() - 1)];
}

double lattice_posteriors(const LatticeShape& shape, const LatticeArcs& arcs,
                          const ArcPosteriors& posteriors) {
  const std::vector<double> alpha = forward_variables(shape, arcs);
  const double log_z = alpha.back() + arcs.blank[static_cast<std::size_t>(shape.nodes() - 1)];
  // beta(t + 1, .), overwritten from the right by beta(t, .). Behind the last frame only the end of the last
  // label is allowed, so the last frame needs no case of its own.
  const auto width = static_cast<std::size_t>(shape.labels + 1);
  std::vector<double> beta(width, kImpossible);
  beta.back() = 0;
  for (std::int64_t t = shape.frames - 1; t >= 0; --t) {
    for (std::size_t u = width; u-- > 0;) {
      const std::size_t node = static_cast<std::size_t>(t) * width + u;
      const double by_blank = arcs.blank[node] + beta[u];
      posteriors.blank[node] = static_cast<float>(std::exp(alpha[node] + by_blank - log_z));
      posteriors.label[node] = 0;
      beta[u] = by_blank;
      if (u + 1 == width) continue;
      const double by_label = arcs.label[node] + beta[u + 1];
      posteriors.label[node] = static_cast<float>(std::exp(alpha[node] + by_label - log_z));
      beta[u] = log_add(by_blank, by_label);
    }
  }
  return log_z;
}

}  // namespace glossa::train
