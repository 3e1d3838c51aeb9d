// ManSgd, ManMoveAverage: one operation for a whole list of parameters.
//
// Compiled without contraction to fused operations, so that every product and sum is rounded as in a loop written with tensors.
#include "operations.h"
#include "parallel.h"

namespace man {
namespace {

constexpr size_t kPiece = 1 << 16;

/// Runs f(from, count) over 0 … size - 1 in pieces, in parallel where there are several.
template <class F>
void inPieces(size_t size, F f) {
  parallelFor(static_cast<int>((size + kPiece - 1) / kPiece), [&](int i) {
    const size_t from = i * kPiece;
    f(from, size - from < kPiece ? size - from : kPiece);
  });
}

struct Settings {
  float learningRate, momentum, weightDecay;
};

/// In PyTorch's order of operations.
void sgd(size_t size, const Settings& s, bool nesterov, const float* weight, const float* gradient, const float* velocity,
         float* newWeight, float* newVelocity) {
  for (size_t i = 0; i < size; i++) {
    const float g = gradient[i] + weight[i] * s.weightDecay;
    const float v = velocity[i] * s.momentum + g;
    newVelocity[i] = v;
    newWeight[i] = weight[i] - (nesterov ? g + v * s.momentum : v) * s.learningRate;
  }
}

class Sgd {
 public:
  explicit Sgd(const Attributes& a) : n_(a.whole("n")), nesterov_(a.flag("nesterov")) {}

  void run(const Call& call) const {
    const Tensor velocity = call.input(2 * n_), settings = call.input(2 * n_ + 1, 3, "settings");
    const Tensor moved = call.output(n_, velocity.shape());
    const Settings rates = {settings.data()[0], settings.data()[1], settings.data()[2]};
    size_t at = 0;
    for (int i = 0; i < n_; i++) {
      const Tensor weight = call.input(i), gradient = call.input(n_ + i, weight.size(), "gradient");
      Call::require(at + weight.size() <= velocity.size(), "velocity", "a number for each parameter", "fewer");
      const Tensor to = call.output(i, weight.shape());
      inPieces(weight.size(), [&](size_t from, size_t count) {
        sgd(count, rates, nesterov_, weight.data() + from, gradient.data() + from, velocity.data() + at + from, to.data() + from,
            moved.data() + at + from);
      });
      at += weight.size();
    }
    Call::require(at == velocity.size(), "velocity", std::to_string(at) + " numbers", std::to_string(velocity.size()));
  }

 private:
  int n_;
  bool nesterov_;
};

class MoveAverage {
 public:
  explicit MoveAverage(const Attributes& a) : n_(a.whole("n")) {}

  void run(const Call& call) const {
    const Tensor weights = call.input(2 * n_, 2, "weights");
    const float kept = weights.data()[0], taken = weights.data()[1];
    for (int i = 0; i < n_; i++) {
      const Tensor average = call.input(i), source = call.input(n_ + i, average.size(), "source");
      const Tensor to = call.output(i, average.shape());
      const float *a = average.data(), *s = source.data();
      inPieces(average.size(), [&](size_t from, size_t count) {
        for (size_t k = from; k < from + count; k++) to.data()[k] = a[k] * kept + s[k] * taken;
      });
    }
  }

 private:
  int n_;
};

}  // namespace

void registerUpdates() {
  registerOperation<Sgd>("ManSgd", {"weights: n * float", "gradients: n * float", "velocity: float", "settings: float"},
                         {"new_weights: n * float", "new_velocity: float"}, {"n: int >= 1", "nesterov: bool"});
  registerOperation<MoveAverage>("ManMoveAverage", {"averages: n * float", "sources: n * float", "weights: float"},
                                 {"moved: n * float"}, {"n: int >= 1"});
}

}  // namespace man
