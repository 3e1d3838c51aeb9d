// The operations, and what travels between them.
#pragma once

#include "kernels.h"
#include "operation.h"

namespace man {

/// A normalisation travels as its coefficients [4, channels]: y = scale · x + shift.
enum Coefficient { kMean, kInverse /* 1 / deviation */, kScale, kShift, kCoefficients };

inline Normalised normalised(const Tensor& coefficients, int c, bool relu) {
  const float* all = coefficients.data();
  if (all == nullptr) return {nullptr, nullptr, false};
  return {all + kScale * c, all + kShift * c, relu};
}

/// Σ dz and Σ dz · normalised x, the gradients of a normalisation's shift and weight, from Σ dz and Σ dz · (x - mean).
inline void writeSums(const double* sums, const float* coefficients, const Tensor& sum, const Tensor& product) {
  const size_t c = sum.size();
  for (size_t i = 0; i < c; i++) {
    sum.data()[i] = static_cast<float>(sums[i]);
    product.data()[i] = static_cast<float>(sums[c + i] * coefficients[kInverse * c + i]);
  }
}

void registerConvolutions();
void registerNormalisations();
void registerUpdates();

}  // namespace man
