// Which algorithm computes a convolution.
#pragma once

#include "direct.h"
#include "resized.h"
#include "winograd.h"

namespace man {
namespace MAN_ISA {

static void convolve(const ConvolveCall& call) {
  const Convolution& s = call.shape;
  const Source source = sourceOf(s, call.x, call.input);
  const Sink sink = {s.outHeight, s.outWidth, s.filters, call.y, call.bias, nullptr, nullptr, nullptr, nullptr, nullptr, false, nullptr, call.moments != nullptr};
  if (s.resized) convolveResized(s, source, call.filter, sink, call.moments);
  else if (isWinograd(s)) convolveWinograd(s, source, call.filter, false, sink, call.moments);
  else convolveDirect(s, source, call.filter, sink, call.moments);
}

static void convolveGradient(const ConvolveGradientCall& call) {
  const Convolution& s = call.shape;
  const Source input = sourceOf(s, call.x, call.input), gradient = gradientSource(call);
  const bool isNormalised = call.input.scale != nullptr;
  const Sink sink = {s.h, s.w, s.c, call.dx, nullptr, call.addend, call.otherAddend, isNormalised ? call.x : nullptr, call.input.scale, call.input.shift,
                     call.input.relu, call.mean, call.sums != nullptr};
  if (s.resized) return gradientResized(call, input, gradient, sink);
  if (isWinograd(s)) return gradientWinograd(call, input, gradient, sink);
  if (call.filterGradient) filterGradientDirect(s, input, gradient, call.filterGradient);
  if (call.dx) inputGradientDirect(s, gradient, call.filter, sink, call.sums);
}

}  // namespace MAN_ISA
}  // namespace man
