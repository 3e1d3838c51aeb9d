// What the TensorFlow operations ask of the kernels, which are compiled once per instruction set.
//
// Tensors are dense float32, [n, height, width, channels]. A convolution may read its input through a normalisation that is
// applied on the way (`scale`, `shift`, then ReLU), so that normalised activations need no memory of their own; the gradient of
// a normalisation is applied on the way too. Sums over pixels are taken in the same order whatever the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace man {

/// Shapes of a convolution with equal padding on all sides.
struct Convolution {
  int n, h, w, c;               // input
  int kernelHeight, kernelWidth;
  int outHeight, outWidth, filters;
  int stride, padding;
  int groups;  // channels and filters are cut into as many that do not see each other; filters are [height, width, c / groups, filters]
  int xPitch, yPitch;  // floats from one pixel to the next: c and filters, but for a group that is looked at by itself
  bool resized;  // a 3×3 convolution of x enlarged to outHeight × outWidth, bilinearly with corners on corners
};

/// y ← scale · x + shift per channel, then maybe ReLU; no `scale` means x itself.
struct Normalised {
  const float* scale;
  const float* shift;
  bool relu;
};

struct ConvolveCall {
  Convolution shape;
  const float* x;
  Normalised input;
  const float* filter;  // [kernelHeight, kernelWidth, c, filters]
  const float* bias;    // [filters] or null
  float* y;
  /// Mean and biased variance of y per filter, [2, filters]; null when nobody asks.
  double* moments;
};

struct ConvolveGradientCall {
  Convolution shape;
  const float* x;
  Normalised input;
  const float* filter;
  /// The gradient of the convolution's output is dy · dyScale + y · yScale + offset per filter; without dyScale dy itself.
  const float* dy;
  const float* y;
  const float *dyScale, *yScale, *offset;
  /// Gradient of x before `input`, or of x itself where there is none; with ReLU already masked. Null when nobody asks.
  float* dx;
  /// Added to dx, e.g. what comes back through a shortcut; null for nothing, the second one too without the first.
  const float *addend, *otherAddend;
  /// Per channel Σ dx and Σ dx · (x - mean), [2, c], where x is normalised on the way; null when nobody asks.
  double* sums;
  const float* mean;
  /// [kernelHeight, kernelWidth, c, filters]; null when nobody asks.
  float* filterGradient;
};

/// y = relu?(scale · x + shift + residual), the residual itself maybe normalised; `pool` > 1 averages that many pixels.
struct NormaliseCall {
  size_t pixels;
  int c, pool;
  const float* x;
  Normalised input;  // relu: behind the sum
  const float* residual;
  const float *residualScale, *residualShift;
  float* y;
};

struct NormaliseGradientCall {
  NormaliseCall forward;  // its y is not needed
  const float* dy;
  const float* mean;
  const float* residualMean;  // null where the residual is not normalised
  float* dz;                  // gradient of the sum before ReLU; null where that is dy
  double* sums;               // [3, c]: Σ dz, Σ dz · (x - mean), Σ dz · (residual - residualMean)
};

struct ResizeCall {
  int n, c, fromHeight, fromWidth, toHeight, toWidth;
  const float* from;
  float* to;
};

/// The kernels of one instruction set.
struct Kernels {
  const char* instructions;
  void (*convolve)(const ConvolveCall&);
  void (*convolveGradient)(const ConvolveGradientCall&);
  void (*normalise)(const NormaliseCall&);
  void (*normaliseGradient)(const NormaliseGradientCall&);
  /// Mean of the sigmoid cross-entropy, and its gradient.
  double (*sigmoidCrossEntropy)(size_t size, const float* logits, const float* targets, float* gradient);
  void (*resize)(const ResizeCall&);
  void (*resizeGradient)(const ResizeCall&);  // `from` is the gradient, of the larger size `to…`; `to` that of the input
  /// y = a + b, or a · factor where b is null.
  void (*combine)(size_t size, const float* a, const float* b, float factor, float* y);
  void (*columnSums)(size_t rows, int columns, const float* x, float* sums);
};

/// Those for the processor this runs on.
const Kernels& kernels();

}  // namespace man
