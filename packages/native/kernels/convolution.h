// Which algorithm computes a convolution, and how its groups are taken apart.
#pragma once

#include "direct.h"
#include "resized.h"
#include "winograd.h"

namespace man {
namespace MAN_ISA {
namespace groups {

/// One group by itself: its channels and filters, between those of the others.
MAN_INLINE Convolution shapeOf(const Convolution& s) {
  Convolution one = s;
  one.c = s.c / s.groups, one.filters = s.filters / s.groups, one.groups = 1;
  return one;
}

template <class T>
MAN_INLINE T* at(T* tensor, int offset) { return tensor ? tensor + offset : nullptr; }

MAN_INLINE Normalised at(const Normalised& all, int offset) { return {at(all.scale, offset), at(all.shift, offset), all.relu}; }

/// The filters of group g, [taps, c, filters], from those of all, or to them.
static void copyFilters(const Convolution& all, const Convolution& one, int g, const float* from, float* to, bool back) {
  const int rows = one.kernelHeight * one.kernelWidth * one.c;
  for (int r = 0; r < rows; r++) {
    const size_t whole = static_cast<size_t>(r) * all.filters + g * one.filters, own = static_cast<size_t>(r) * one.filters;
    memcpy(to + (back ? whole : own), from + (back ? own : whole), sizeof(float) * one.filters);
  }
}

/// Two rows of numbers per channel of a group to those of all.
static void copySums(const double* own, int count, int offset, int all, double* to) {
  for (int row = 0; row < 2; row++) memcpy(to + row * all + offset, own + row * count, sizeof(double) * count);
}

}  // namespace groups

static void convolveOne(const ConvolveCall& call) {
  const Convolution& s = call.shape;
  const Source source = sourceOf(s, call.x, call.input);
  const Sink sink = {s.outHeight, s.outWidth, s.filters, s.yPitch, call.y, call.bias, nullptr, nullptr, nullptr, nullptr, nullptr, false,
                     nullptr,     call.moments != nullptr};
  if (s.resized) convolveResized(s, source, call.filter, sink, call.moments);
  else if (isWinograd(s)) convolveWinograd(s, source, call.filter, false, sink, call.moments);
  else convolveDirect(s, source, call.filter, sink, call.moments);
}

static void convolve(const ConvolveCall& call) {
  const Convolution& s = call.shape;
  if (s.groups == 1) return convolveOne(call);
  const Convolution one = groups::shapeOf(s);
  const size_t filterFloats = static_cast<size_t>(one.kernelHeight) * one.kernelWidth * one.c * one.filters;
  float* filter = scratch(6, filterFloats);
  double* moments = reinterpret_cast<double*>(scratch(7, static_cast<size_t>(4) * one.filters));
  for (int g = 0; g < s.groups; g++) {
    const int c = g * one.c, f = g * one.filters;
    groups::copyFilters(s, one, g, call.filter, filter, false);
    convolveOne({one, call.x + c, groups::at(call.input, c), filter, groups::at(call.bias, f), call.y + f, call.moments ? moments : nullptr});
    if (call.moments) groups::copySums(moments, one.filters, f, s.filters, call.moments);
  }
}

static void convolveGradientOne(const ConvolveGradientCall& call) {
  const Convolution& s = call.shape;
  const Source input = sourceOf(s, call.x, call.input), gradient = gradientSource(call);
  const bool isNormalised = call.input.scale != nullptr;
  const Sink sink = {s.h,          s.w,  s.c, s.xPitch, call.dx, nullptr, call.addend, call.otherAddend, isNormalised ? call.x : nullptr,
                     call.input.scale, call.input.shift, call.input.relu, call.mean, call.sums != nullptr};
  if (s.resized) return gradientResized(call, input, gradient, sink);
  if (isWinograd(s)) return gradientWinograd(call, input, gradient, sink);
  if (call.filterGradient) filterGradientDirect(s, input, gradient, call.filterGradient);
  if (call.dx) inputGradientDirect(s, gradient, call.filter, sink, call.sums);
}

static void convolveGradient(const ConvolveGradientCall& call) {
  const Convolution& s = call.shape;
  if (s.groups == 1) return convolveGradientOne(call);
  const Convolution one = groups::shapeOf(s);
  const size_t filterFloats = static_cast<size_t>(one.kernelHeight) * one.kernelWidth * one.c * one.filters;
  float* filter = scratch(6, 2 * filterFloats);
  double* sums = reinterpret_cast<double*>(scratch(7, static_cast<size_t>(4) * one.c));
  for (int g = 0; g < s.groups; g++) {
    using groups::at;
    const int c = g * one.c, f = g * one.filters;
    groups::copyFilters(s, one, g, call.filter, filter, false);
    convolveGradientOne({one, call.x + c, at(call.input, c), filter, call.dy + f, at(call.y, f), at(call.dyScale, f), at(call.yScale, f),
                         at(call.offset, f), at(call.dx, c), at(call.addend, c), at(call.otherAddend, c), call.sums ? sums : nullptr,
                         at(call.mean, c), call.filterGradient ? filter + filterFloats : nullptr});
    if (call.sums) groups::copySums(sums, one.c, c, s.c, call.sums);
    if (call.filterGradient) groups::copyFilters(s, one, g, filter + filterFloats, call.filterGradient, true);
  }
}

}  // namespace MAN_ISA
}  // namespace man
