// ManConvolve, ManConvolveGradient: a convolution with the batch normalisation behind it, and the one before it applied on the way.
//
#include <algorithm>
#include <cmath>

#include "operations.h"

namespace man {
namespace {

/// How the results are normalised: not at all, with the statistics of this batch, or with the running ones.
enum Norm { kNone, kBatch, kRunning };

/// `height` and `width` are those that x is resized to first; 0 leaves it as it is.
Convolution shapeOf(const Tensor& x, const Tensor& filter, int stride, int padding, int height, int width, int groups) {
  Call::require(x.rank() == 4, "x", "[n, height, width, channels]", "rank " + std::to_string(x.rank()));
  const bool isGrouped = groups > 0 && filter.rank() == 4 && filter.dim(2) * groups == x.dim(3) && filter.dim(3) % groups == 0;
  Call::require(isGrouped, "filter", "[height, width, " + std::to_string(x.dim(3)) + " / groups, out]", "another shape");
  Convolution s;
  s.n = x.dim(0), s.h = x.dim(1), s.w = x.dim(2), s.c = x.dim(3);
  s.kernelHeight = filter.dim(0), s.kernelWidth = filter.dim(1), s.filters = filter.dim(3);
  s.stride = stride, s.padding = padding, s.groups = groups;
  s.xPitch = s.c, s.yPitch = s.filters;
  s.resized = height > 0;
  s.outHeight = s.resized ? height : (s.h + 2 * padding - s.kernelHeight) / stride + 1;
  s.outWidth = s.resized ? width : (s.w + 2 * padding - s.kernelWidth) / stride + 1;
  Call::require(s.n > 0 && s.c > 0 && s.filters > 0 && s.h > 0 && s.w > 0, "x and filter", "no empty axis", "one");
  Call::require(s.kernelHeight * s.kernelWidth <= 256, "filter", "at most 256 taps", "more");
  const bool fits = s.resized ? s.kernelHeight == 3 && s.kernelWidth == 3 && stride == 1 && padding == 1
                              : s.h + 2 * padding >= s.kernelHeight && s.w + 2 * padding >= s.kernelWidth;
  Call::require(fits, "filter", s.resized ? "3x3 behind a resize" : "no larger than the padded input", "another");
  return s;
}

class Convolve {
 public:
  explicit Convolve(const Attributes& a)
      : stride_(a.whole("stride")), padding_(a.whole("padding")), height_(a.whole("height")), width_(a.whole("width")), groups_(a.whole("groups")), inputRelu_(a.flag("input_relu")), norm_(static_cast<Norm>(a.whole("norm"))),
        epsilon_(a.real("epsilon")), momentum_(a.real("momentum")) {}

  void run(const Call& call) const {
    const Tensor x = call.input(0), filter = call.input(2);
    const Convolution s = shapeOf(x, filter, stride_, padding_, height_, width_, groups_);
    const size_t f = s.filters, given = norm_ == kNone ? 0 : f;
    const Tensor inputCoefficients = call.input(1, static_cast<size_t>(kCoefficients) * s.c, "input_coefficients", true);
    const Tensor bias = call.input(3, f, "bias", true), weight = call.input(4, given, "weight"), shift = call.input(5, given, "shift");
    const Tensor runningMean = call.input(6, given, "running_mean"), runningVariance = call.input(7, given, "running_variance");
    const Tensor y = call.output(0, {s.n, s.outHeight, s.outWidth, s.filters});
    const Tensor coefficients = call.output(1, {kCoefficients, s.filters}, norm_ != kNone);
    const Tensor newMean = call.output(2, {s.filters}, norm_ == kBatch), newVariance = call.output(3, {s.filters}, norm_ == kBatch);
    std::vector<double> moments(norm_ == kBatch ? 2 * f : 0);
    kernels().convolve({s, x.data(), normalised(inputCoefficients, s.c, inputRelu_), filter.data(), bias.data(), y.data(),
                        norm_ == kBatch ? moments.data() : nullptr});
    const double count = static_cast<double>(s.n) * s.outHeight * s.outWidth;
    for (size_t i = 0; i < given; i++) {
      double mean = runningMean.data()[i], variance = runningVariance.data()[i];
      if (norm_ == kBatch) {
        mean = moments[i], variance = moments[f + i];
        newMean.data()[i] = static_cast<float>((1 - momentum_) * runningMean.data()[i] + momentum_ * mean);
        newVariance.data()[i] = static_cast<float>((1 - momentum_) * runningVariance.data()[i] + momentum_ * variance * count / (count - 1));
      }
      const double inverse = 1 / std::sqrt(variance + epsilon_), scale = weight.data()[i] * inverse;
      const double row[kCoefficients] = {mean, inverse, scale, shift.data()[i] - mean * scale};
      for (int k = 0; k < kCoefficients; k++) coefficients.data()[k * f + i] = static_cast<float>(row[k]);
    }
  }

 private:
  int stride_, padding_, height_, width_, groups_;
  bool inputRelu_;
  Norm norm_;
  double epsilon_, momentum_;
};

class ConvolveGradient {
 public:
  explicit ConvolveGradient(const Attributes& a)
      : stride_(a.whole("stride")), padding_(a.whole("padding")), height_(a.whole("height")), width_(a.whole("width")), groups_(a.whole("groups")), inputRelu_(a.flag("input_relu")), wantsInput_(a.flag("wants_input")),
        wantsFilter_(a.flag("wants_filter")), wantsBias_(a.flag("wants_bias")) {}

  void run(const Call& call) const {
    const Tensor x = call.input(0), filter = call.input(2), dy = call.input(3);
    const Convolution s = shapeOf(x, filter, stride_, padding_, height_, width_, groups_);
    const size_t c = s.c, f = s.filters, pixels = static_cast<size_t>(s.n) * s.outHeight * s.outWidth;
    const Tensor inputCoefficients = call.input(1, kCoefficients * c, "input_coefficients", true);
    const Tensor coefficients = call.input(5, kCoefficients * f, "coefficients", true);
    Call::require(dy.size() == pixels * f, "dy", "the shape of the results", "another");
    const bool wasNormalised = coefficients.size() > 0, isNormalised = inputCoefficients.size() > 0;
    const Tensor y = call.input(4, wasNormalised ? pixels * f : 0, "y");
    const Tensor sum = call.input(6, wasNormalised ? f : 0, "sum"), product = call.input(7, wasNormalised ? f : 0, "product");
    const Tensor addend = call.input(8, isNormalised ? 0 : x.size(), "addend", true);
    const Tensor otherAddend = call.input(9, addend.size(), "other_addend", true);
    const Tensor dx = call.output(0, x.shape(), wantsInput_);
    const Tensor dxSum = call.output(1, {s.c}, wantsInput_ && isNormalised), dxProduct = call.output(2, {s.c}, wantsInput_ && isNormalised);
    const Tensor filterGradient = call.output(3, filter.shape(), wantsFilter_), biasGradient = call.output(4, {s.filters}, wantsBias_);

    std::vector<float> linear(3 * f);
    if (wasNormalised) linearForm(coefficients.data(), sum, product, static_cast<double>(pixels), linear.data());
    const auto form = [&](size_t i) { return wasNormalised ? linear.data() + i * f : nullptr; };
    std::vector<double> sums(2 * dxSum.size());
    kernels().convolveGradient({s, x.data(), normalised(inputCoefficients, s.c, inputRelu_), filter.data(), dy.data(), y.data(), form(0),
                                form(1), form(2), dx.data(), addend.data(), otherAddend.data(), sums.empty() ? nullptr : sums.data(),
                                isNormalised ? inputCoefficients.data() + kMean * c : nullptr, filterGradient.data()});
    if (!sums.empty()) writeSums(sums.data(), inputCoefficients.data(), dxSum, dxProduct);
    // Behind a bias, a normalisation with the batch's statistics takes every mean away: nothing comes back.
    if (wantsBias_ && wasNormalised) std::fill_n(biasGradient.data(), f, 0.f);
    else if (wantsBias_) kernels().columnSums(pixels, s.filters, dy.data(), biasGradient.data());
  }

 private:
  /// Per filter what dy, y and 1 are multiplied with: the gradient of a normalisation is linear in them.
  static void linearForm(const float* k, const Tensor& sum, const Tensor& product, double count, float* to) {
    const size_t f = sum.size();
    for (size_t i = 0; i < f; i++) {
      const double scale = k[kScale * f + i], slope = -scale * k[kInverse * f + i] * product.data()[i] / count;
      to[i] = static_cast<float>(scale);
      to[f + i] = static_cast<float>(slope);
      to[2 * f + i] = static_cast<float>(-scale * sum.data()[i] / count - slope * k[kMean * f + i]);
    }
  }

  int stride_, padding_, height_, width_, groups_;
  bool inputRelu_, wantsInput_, wantsFilter_, wantsBias_;
};

}  // namespace

void registerConvolutions() {
  registerOperation<Convolve>(
      "ManConvolve",
      {"x: float", "input_coefficients: float", "filter: float", "bias: float", "weight: float", "shift: float", "running_mean: float",
       "running_variance: float"},
      {"y: float", "coefficients: float", "new_mean: float", "new_variance: float"},
      {"stride: int", "padding: int", "height: int", "width: int", "groups: int", "input_relu: bool", "norm: int", "epsilon: float", "momentum: float"});
  registerOperation<ConvolveGradient>(
      "ManConvolveGradient",
      {"x: float", "input_coefficients: float", "filter: float", "dy: float", "y: float", "coefficients: float", "sum: float",
       "product: float", "addend: float", "other_addend: float"},
      {"dx: float", "dx_sum: float", "dx_product: float", "filter_gradient: float", "bias_gradient: float"},
      {"stride: int", "padding: int", "height: int", "width: int", "groups: int", "input_relu: bool", "wants_input: bool", "wants_filter: bool", "wants_bias: bool"});
}

}  // namespace man
