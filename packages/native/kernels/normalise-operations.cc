// ManNormalise, ManResize, ManSigmoidCrossEntropy and their gradients, ManAdd, ManScale: what stands between and behind convolutions.
#include "operations.h"

namespace man {
namespace {

/// relu?(normalised x + residual), the residual perhaps normalised too; with `pool` the mean over each picture.
class Normalise {
 public:
  explicit Normalise(const Attributes& a) : relu_(a.flag("relu")), pool_(a.flag("pool")) {}

  void run(const Call& call) const {
    const Tensor x = call.input(0), coefficients = call.input(1), residual = call.input(2), others = call.input(3);
    const NormaliseCall s = read(x, coefficients, residual, others);
    const Tensor y = call.output(0, pool_ ? std::vector<int64_t>{x.dim(0), x.dim(3)} : x.shape());
    NormaliseCall all = s;
    all.y = y.data();
    kernels().normalise(all);
  }

 protected:
  NormaliseCall read(const Tensor& x, const Tensor& coefficients, const Tensor& residual, const Tensor& others) const {
    Call::require(x.rank() == 4, "x", "[n, height, width, channels]", "rank " + std::to_string(x.rank()));
    const int c = x.dim(3);
    const size_t all = static_cast<size_t>(kCoefficients) * c;
    Call::require(coefficients.size() == all, "coefficients", "[4, channels]", "another shape");
    Call::require(residual.size() == 0 || residual.size() == x.size(), "residual", "the shape of x", "another");
    Call::require(others.size() == 0 || (others.size() == all && residual.size() > 0), "residual_coefficients", "[4, channels]", "another shape");
    const Normalised second = normalised(others, c, false);
    return {x.size() / c, c, pool_ ? x.dim(1) * x.dim(2) : 1, x.data(), normalised(coefficients, c, relu_), residual.data(), second.scale,
            second.shift, nullptr};
  }

  bool relu_, pool_;
};

class NormaliseGradient : Normalise {
 public:
  using Normalise::Normalise;

  void run(const Call& call) const {
    const Tensor x = call.input(1), coefficients = call.input(2), residual = call.input(3), others = call.input(4);
    const NormaliseCall forward = read(x, coefficients, residual, others);
    const Tensor dy = call.input(0, x.size() / forward.pool, "dy");
    const bool both = others.size() > 0, changes = relu_ || pool_;
    const Tensor dz = call.output(0, x.shape(), changes), sum = call.output(1, {forward.c}), product = call.output(2, {forward.c});
    const Tensor otherProduct = call.output(3, {forward.c}, both);
    std::vector<double> sums(static_cast<size_t>(3) * forward.c);
    kernels().normaliseGradient({forward, dy.data(), coefficients.data() + kMean * forward.c,
                                 both ? others.data() + kMean * forward.c : nullptr, dz.data(), sums.data()});
    writeSums(sums.data(), coefficients.data(), sum, product);
    for (int i = 0; both && i < forward.c; i++)
      otherProduct.data()[i] = static_cast<float>(sums[2 * forward.c + i] * others.data()[kInverse * forward.c + i]);
  }
};

class SigmoidCrossEntropy {
 public:
  explicit SigmoidCrossEntropy(const Attributes&) {}

  void run(const Call& call) const {
    const Tensor logits = call.input(0), targets = call.input(1, logits.size(), "targets");
    const Tensor loss = call.output(0, {}), slope = call.output(1, logits.shape());
    loss.data()[0] = static_cast<float>(kernels().sigmoidCrossEntropy(logits.size(), logits.data(), targets.data(), slope.data()));
  }
};

/// x + other, or x · other where that is a single number.
template <bool Scales>
class Combine {
 public:
  explicit Combine(const Attributes&) {}

  void run(const Call& call) const {
    const Tensor x = call.input(0), other = call.input(1, Scales ? 1 : x.size(), "other");
    const Tensor y = call.output(0, x.shape());
    kernels().combine(x.size(), x.data(), Scales ? nullptr : other.data(), Scales ? other.data()[0] : 0, y.data());
  }
};

/// To `height` × `width`; the gradient back to that size.
template <bool Gradient>
class Resize {
 public:
  explicit Resize(const Attributes& a) : height_(a.whole("height")), width_(a.whole("width")) {}

  void run(const Call& call) const {
    const Tensor x = call.input(0);
    Call::require(x.rank() == 4, "x", "[n, height, width, channels]", "rank " + std::to_string(x.rank()));
    const int n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
    const Tensor y = call.output(0, {n, height_, width_, c});
    if (Gradient) kernels().resizeGradient({n, c, height_, width_, h, w, x.data(), y.data()});
    else kernels().resize({n, c, h, w, height_, width_, x.data(), y.data()});
  }

 private:
  int height_, width_;
};

}  // namespace

void registerNormalisations() {
  registerOperation<Normalise>("ManNormalise", {"x: float", "coefficients: float", "residual: float", "residual_coefficients: float"},
                               {"y: float"}, {"relu: bool", "pool: bool"});
  registerOperation<NormaliseGradient>(
      "ManNormaliseGradient", {"dy: float", "x: float", "coefficients: float", "residual: float", "residual_coefficients: float"},
      {"dz: float", "sum: float", "product: float", "residual_product: float"}, {"relu: bool", "pool: bool"});
  registerOperation<SigmoidCrossEntropy>("ManSigmoidCrossEntropy", {"logits: float", "targets: float"}, {"loss: float", "slope: float"}, {});
  registerOperation<Combine<false>>("ManAdd", {"x: float", "other: float"}, {"y: float"}, {});
  registerOperation<Combine<true>>("ManScale", {"x: float", "factor: float"}, {"y: float"}, {});
  registerOperation<Resize<false>>("ManResize", {"x: float"}, {"y: float"}, {"height: int", "width: int"});
  registerOperation<Resize<true>>("ManResizeGradient", {"dy: float"}, {"dx: float"}, {"height: int", "width: int"});
}

}  // namespace man
