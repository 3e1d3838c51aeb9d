// 3×3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering F(4×4, 3×3): a quarter of the multiplications.
// Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, §4.1. The filter gradient is the transpose of
// the same algorithm: tiles of the input and of the gradient are transformed, multiplied element by element, and summed.
#pragma once

#include "chunks.h"
#include "gemm.h"

namespace man {
namespace MAN_ISA {
namespace winograd {

constexpr int kTile = 6;               // pixels of input per axis of a tile
constexpr int kStep = 4;               // pixels of output
constexpr int kPlaces = kTile * kTile;
constexpr int kSkew = 16;              // keeps the 36 planes of a transform out of the same cache sets

// The points 0, ±5/8, ±3/2 and infinity, chosen by measurement: results come three to four times nearer to exact ones than with the
// usual 0, ±1, ±2, and all factors but those of G are exact.
constexpr float kP = 5.f / 8, kP2 = kP * kP, kP3 = kP * kP2;
constexpr float kQ = 3.f / 2, kQ2 = kQ * kQ, kQ3 = kQ * kQ2;
constexpr float kBoth = kP2 * kQ2, kSum = kP2 + kQ2;
constexpr float kG0 = 1 / kBoth, kGP = 1 / (2 * kP2 * (kP2 - kQ2)), kGQ = 1 / (2 * kQ2 * (kQ2 - kP2));

/// Bᵀ, along one axis.
struct InputTransform {
  static constexpr int kFrom = 6, kTo = 6;
  MAN_INLINE void along(const Vec* d, Vec* to) {
    const Vec even1 = d[4] - kQ2 * d[2], odd1 = d[3] - kQ2 * d[1];
    const Vec even2 = d[4] - kP2 * d[2], odd2 = d[3] - kP2 * d[1];
    to[0] = kBoth * d[0] - kSum * d[2] + d[4];
    to[1] = even1 + kP * odd1;
    to[2] = even1 - kP * odd1;
    to[3] = even2 + kQ * odd2;
    to[4] = even2 - kQ * odd2;
    to[5] = kBoth * d[1] - kSum * d[3] + d[5];
  }
};

/// Aᵀ
struct OutputTransform {
  static constexpr int kFrom = 6, kTo = 4;
  MAN_INLINE void along(const Vec* m, Vec* to) {
    const Vec p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
    to[0] = m[0] + p + r;
    to[1] = kP * q + kQ * s;
    to[2] = kP2 * p + kQ2 * r;
    to[3] = kP3 * q + kQ3 * s + m[5];
  }
};

/// A
struct GradientTransform {
  static constexpr int kFrom = 4, kTo = 6;
  MAN_INLINE void along(const Vec* g, Vec* to) {
    const Vec even1 = g[0] + kP2 * g[2], odd1 = kP * g[1] + kP3 * g[3];
    const Vec even2 = g[0] + kQ2 * g[2], odd2 = kQ * g[1] + kQ3 * g[3];
    to[0] = g[0];
    to[1] = even1 + odd1;
    to[2] = even1 - odd1;
    to[3] = even2 + odd2;
    to[4] = even2 - odd2;
    to[5] = g[3];
  }
};

/// G
struct FilterTransform {
  static constexpr int kFrom = 3, kTo = 6;
  MAN_INLINE void along(const Vec* w, Vec* to) {
    const Vec even1 = w[0] + kP2 * w[2], even2 = w[0] + kQ2 * w[2];
    to[0] = kG0 * w[0];
    to[1] = kGP * (even1 + kP * w[1]);
    to[2] = kGP * (even1 - kP * w[1]);
    to[3] = kGQ * (even2 + kQ * w[1]);
    to[4] = kGQ * (even2 - kQ * w[1]);
    to[5] = w[2];
  }
};

/// Gᵀ
struct FilterGradientTransform {
  static constexpr int kFrom = 6, kTo = 3;
  MAN_INLINE void along(const Vec* u, Vec* to) {
    const Vec p = kGP * (u[1] + u[2]), q = kGP * (u[1] - u[2]), r = kGQ * (u[3] + u[4]), s = kGQ * (u[3] - u[4]);
    to[0] = kG0 * u[0] + p + r;
    to[1] = kP * q + kQ * s;
    to[2] = kP2 * p + kQ2 * r + u[5];
  }
};

/// Applies a transform along both axes: vectors from read(i, j), results to write(i, j, vector).
template <class Transform, class Read, class Write>
MAN_INLINE void transform(Read read, Write write) {
  constexpr int from = Transform::kFrom, to = Transform::kTo;
  Vec half[to][from];
  for (int j = 0; j < from; j++) {
    Vec column[from], along[to];
    for (int i = 0; i < from; i++) column[i] = read(i, j);
    Transform::along(column, along);
    for (int i = 0; i < to; i++) half[i][j] = along[i];
  }
  for (int i = 0; i < to; i++) {
    Vec along[to];
    Transform::along(half[i], along);
    for (int j = 0; j < to; j++) write(i, j, along[j]);
  }
}

/// How a batch of pictures is cut into bands of some rows of tiles of some pictures, about 16 tiles in all.
struct Plan {
  int n, h, w;
  int tilesX, tilesY;
  int pictures, rows;  // of a band; several pictures only with all of their rows
  int perPicture;      // bands of a picture
  int bands;
  int width;           // pixels of a row with its border

  int tiles() const { return pictures * rows * tilesX; }
  int lines() const { return rows * kStep + 2; }
};

MAN_INLINE Plan planOf(int n, int h, int w) {
  Plan p;
  p.n = n, p.h = h, p.w = w;
  p.tilesX = (w + kStep - 1) / kStep;
  p.tilesY = (h + kStep - 1) / kStep;
  p.rows = most(1, least(p.tilesY, 16 / p.tilesX));
  p.pictures = p.rows < p.tilesY ? 1 : least(n, most(1, 16 / (p.rows * p.tilesX)));
  p.perPicture = (p.tilesY + p.rows - 1) / p.rows;
  p.bands = p.pictures > 1 ? (n + p.pictures - 1) / p.pictures : n * p.perPicture;
  p.width = p.tilesX * kStep + 2;
  return p;
}

/// Floats between two of the 36 planes of a transform.
MAN_INLINE int planeOf(int tiles, int channels) { return tiles * channels + kSkew; }

/// What one band covers: all of the plan's pictures and rows but perhaps at the end.
struct Band {
  int picture, pictures, row, rows;
};

MAN_INLINE Band bandOf(const Plan& p, int i) {
  if (p.pictures > 1) return {i * p.pictures, least(p.pictures, p.n - i * p.pictures), 0, p.rows};
  const int row = i % p.perPicture * p.rows;
  return {i / p.perPicture, 1, row, least(p.rows, p.tilesY - row)};
}

/// Reads the pixels below the tiles of a band, with a border of one: [pictures, lines, width, pitch].
static void loadBand(const Plan& p, const Band& band, const Source& from, float* to, int pitch) {
  for (int k = 0; k < band.pictures; k++) {
    float* line = to + k * p.lines() * p.width * pitch;
    for (int i = 0; i < band.rows * kStep + 2; i++, line += p.width * pitch)
      loadRow(from, band.picture + k, band.row * kStep - 1 + i, -1, p.width, line, pitch);
  }
}

/// Brings the pixels that the next band reads or writes nearer while this one is computed, a piece at a time.
class Ahead {
 public:
  Ahead(const Plan& p, int next) : p_(p), at_(bandOf(p, next)), isLast_(next >= p.bands) {}

  void add(const float* tensor, int channels) {
    if (isLast_ || tensor == nullptr) return;
    const size_t line = static_cast<size_t>(p_.w) * channels;
    const size_t first = (static_cast<size_t>(at_.picture) * p_.h + at_.row * kStep) * line;
    const size_t rows = at_.pictures > 1 ? static_cast<size_t>(at_.pictures) * p_.h : least(at_.rows * kStep, p_.h - at_.row * kStep);
    from_[count_] = reinterpret_cast<const char*>(tensor + first);
    piece_[count_++] = (rows * line * sizeof(float) + kPlaces - 1) / kPlaces;
  }

  MAN_MEMBER void step() {
    for (int i = 0; i < count_; i++)
      for (const char* end = from_[i] + piece_[i]; from_[i] < end; from_[i] += 64) __builtin_prefetch(from_[i], 0, 2);
  }

 private:
  const Plan& p_;
  Band at_;
  bool isLast_;
  int count_ = 0;
  const char* from_[8];
  size_t piece_[8];
};

/// Transforms every tile of a band whose pixels have a border of one: all 6×6 of them, or the 4×4 inside.
template <class Transform>
static void transformTiles(const Plan& p, const Band& band, const float* pixels, int pitch, float* to) {
  const int plane = planeOf(p.tiles(), pitch), line = p.width * pitch;
  const float* first = pixels + (kTile - Transform::kFrom) / 2 * (line + pitch);
  for (int k = 0; k < band.pictures; k++)
    for (int r = 0; r < band.rows; r++)
      for (int t = 0; t < p.tilesX; t++, to += pitch)
        for (int c = 0; c < pitch; c += kLanes) {
          const float* from = first + (k * p.lines() + r * kStep) * line + t * kStep * pitch + c;
          float* out = to + c;
          transform<Transform>([=](int i, int j) { return load(from + i * line + j * pitch); },
                               [=](int i, int j, Vec v) { store(out + (i * kTile + j) * plane, v); });
        }
}

/// Transforms products back to 4×4 pixels a tile: [pictures, rows, 4, 4 · tilesX, pitch].
static void transformProducts(const Plan& p, const Band& band, const float* products, int pitch, float* pixels) {
  const int plane = planeOf(p.tiles(), pitch), line = p.tilesX * kStep * pitch;
  for (int r = 0; r < band.pictures * band.rows; r++)
    for (int t = 0; t < p.tilesX; t++, products += pitch)
      for (int c = 0; c < pitch; c += kLanes) {
        const float* from = products + c;
        float* out = pixels + r * kStep * line + t * kStep * pitch + c;
        transform<OutputTransform>([=](int i, int j) { return load(from + (i * kTile + j) * plane); },
                                   [=](int i, int j, Vec v) { store(out + i * line + j * pitch, v); });
      }
}

/// Products of all tiles of a band with the transformed filters [36, steps, pitch], back to pixels, to the sink.
static void convolveBand(const Plan& p, const Band& band, const float* transformed, int steps, int stepPitch, const float* filters,
                         const Sink& sink, float* products, float* pixels, Sums& sums, Ahead& ahead) {
  const int tiles = band.pictures * band.rows * p.tilesX, pitch = padded(sink.c);
  const int from = planeOf(p.tiles(), stepPitch), to = planeOf(p.tiles(), pitch);
  for (int i = 0; i < kPlaces; i++) {
    multiply<false>({transformed + i * from, stepPitch, 1}, {filters + i * steps * pitch, pitch}, kOneTap, steps, products + i * to, pitch,
                    tiles, pitch);
    ahead.step();
  }
  transformProducts(p, band, products, pitch, pixels);
  const int line = p.tilesX * kStep * pitch;
  sums.begin();
  for (int k = 0; k < band.pictures; k++)
    for (int i = 0; i < band.rows * kStep; i++, pixels += line)
      if (band.row * kStep + i < p.h) storeRow(sink, band.picture + k, band.row * kStep + i, p.w, pixels, pitch, sums);
  sums.end();
}

/// Adds the products of a band's tiles to the transformed filter gradient.
static void multiplyTiles(const Plan& p, const Band& band, const float* input, int c, const float* gradient, int f, float* to, Ahead& ahead,
                          bool goesAhead) {
  const int tiles = band.pictures * band.rows * p.tilesX, cPitch = padded(c), fPitch = padded(f);
  for (int i = 0; i < kPlaces; i++) {
    multiply<true>({input + i * planeOf(p.tiles(), cPitch), 1, cPitch}, {gradient + i * planeOf(p.tiles(), fPitch), fPitch}, kOneTap, tiles,
                   to + static_cast<size_t>(i) * c * fPitch, fPitch, c, fPitch);
    if (goesAhead) ahead.step();
  }
}

/// G w Gᵀ for every pair of channels: [36, in, padded(out)]. `turned` swaps in and out and turns the filter by half a turn.
static void transformFilters(const float* filter, int in, int out, bool turned, float* to) {
  const int pitch = padded(out), plane = in * pitch;
  const auto read = [=](int c, int o, int i, int j) {
    if (!turned) return loadSome(filter + ((i * 3 + j) * in + c) * out + o, least(kLanes, out - o));
    Vec v{};
    for (int l = 0; l < kLanes && o + l < out; l++) v[l] = filter[(((2 - i) * 3 + 2 - j) * out + o + l) * in + c];
    return v;
  };
  parallelFor((in + 15) / 16, [&](int part) {
    for (int c = part * 16; c < least(in, part * 16 + 16); c++)
      for (int o = 0; o < pitch; o += kLanes)
        transform<FilterTransform>([&](int i, int j) { return read(c, o, i, j); },
                                   [&](int i, int j, Vec v) { store(to + (i * kTile + j) * plane + c * pitch + o, v); });
  });
}

/// Gᵀ (Σ over chunks of u) G for every pair of channels.
static void transformFilterGradient(const float* u, int chunks, int in, int out, float* to) {
  const int pitch = padded(out), plane = in * pitch;
  const size_t chunk = static_cast<size_t>(kPlaces) * plane;
  const auto read = [=](int c, int o, int i, int j) {
    const float* from = u + (i * kTile + j) * plane + c * pitch + o;
    Vec sum = load(from);
    for (int k = 1; k < chunks; k++) sum += load(from + k * chunk);
    return sum;
  };
  parallelFor((in + 3) / 4, [&](int part) {
    for (int c = part * 4; c < least(in, part * 4 + 4); c++)
      for (int o = 0; o < pitch; o += kLanes)
        transform<FilterGradientTransform>(
            [&](int i, int j) { return read(c, o, i, j); },
            [&](int i, int j, Vec v) { storeSome(to + ((i * 3 + j) * in + c) * out + o, v, least(kLanes, out - o)); });
  });
}

}  // namespace winograd

MAN_INLINE bool isWinograd(const Convolution& s) {
  return s.kernelHeight == 3 && s.kernelWidth == 3 && s.stride == 1 && s.padding == 1;
}

static void convolveWinograd(const Convolution& s, const Source& source, const float* filter, bool turned, Sink sink, double* sums) {
  using namespace winograd;
  const Plan p = planOf(s.n, sink.h, sink.w);
  const int in = source.c, inPitch = padded(in), pitch = padded(sink.c), chunks = least(p.bands, kMostChunks);
  float* filters = scratch(0, static_cast<size_t>(kPlaces) * in * pitch);
  transformFilters(filter, in, sink.c, turned, filters);
  const Partial partial = partialOf(sink, chunks);
  eachChunk(chunks, p.bands, [&](int chunk, int begin, int end) {
    const int t = p.tiles();
    const size_t pixelFloats = static_cast<size_t>(p.pictures) * p.lines() * p.width * most(inPitch, pitch);
    float* pixels = scratch(2, pixelFloats + static_cast<size_t>(kPlaces) * (planeOf(t, inPitch) + planeOf(t, pitch)) + Sums::floats(pitch));
    float* transformed = pixels + pixelFloats;
    float* products = transformed + kPlaces * planeOf(t, inPitch);
    Sums own(sink, pitch, products + kPlaces * planeOf(t, pitch), partial.of(chunk));
    for (int i = begin; i < end; i++) {
      const Band band = bandOf(p, i);
      Ahead ahead(p, i + 1);
      ahead.add(source.x, source.pitch);
      ahead.add(sink.y, sink.pitch);
      loadBand(p, band, source, pixels, inPitch);
      transformTiles<InputTransform>(p, band, pixels, inPitch, transformed);
      convolveBand(p, band, transformed, in, inPitch, filters, sink, products, pixels, own, ahead);
    }
  });
  finish(partial, sink, sums);
}

/// Both gradients in one go over the pictures, so that the incoming one is read once.
static void gradientWinograd(const ConvolveGradientCall& call, const Source& input, const Source& gradient, Sink sink) {
  using namespace winograd;
  const Convolution& s = call.shape;
  const Plan p = planOf(s.n, s.h, s.w);
  const int c = s.c, f = s.filters, cPitch = padded(c), fPitch = padded(f), t = p.tiles();
  // The filter gradient of a chunk must be worth the adding up; the same chunks without it, so that the sums are the same.
  const int chunks = least(p.bands, least(16, most(1, p.bands * t / 128)));
  const size_t filterFloats = static_cast<size_t>(kPlaces) * c * fPitch;
  float* filters = scratch(0, static_cast<size_t>(kPlaces) * f * cPitch);
  if (call.dx) transformFilters(call.filter, f, c, true, filters);
  const Partial partial = partialOf(sink, chunks);
  float* filterGradients = call.filterGradient ? scratch(3, chunks * filterFloats) : nullptr;
  eachChunk(chunks, p.bands, [&](int chunk, int begin, int end) {
    const size_t pixelFloats = static_cast<size_t>(p.pictures) * p.lines() * p.width * most(cPitch, fPitch);
    const size_t inFloats = static_cast<size_t>(kPlaces) * planeOf(t, cPitch), outFloats = static_cast<size_t>(kPlaces) * planeOf(t, fPitch);
    float* pixels = scratch(2, pixelFloats + inFloats + outFloats + Sums::floats(cPitch));
    float* ofInput = pixels + pixelFloats;
    float* ofGradient = ofInput + inFloats;
    Sums own(sink, cPitch, ofGradient + outFloats, partial.of(chunk));
    float* u = filterGradients ? filterGradients + chunk * filterFloats : nullptr;
    if (u) memset(u, 0, sizeof(float) * filterFloats);
    for (int i = begin; i < end; i++) {
      const Band band = bandOf(p, i);
      Ahead ahead(p, i + 1);
      ahead.add(gradient.x, gradient.pitch);
      ahead.add(gradient.other, gradient.pitch);
      ahead.add(sink.y, sink.pitch);
      ahead.add(u || sink.x ? input.x : nullptr, input.pitch);
      ahead.add(sink.addend, sink.pitch);
      ahead.add(sink.otherAddend, sink.pitch);
      if (u) {
        loadBand(p, band, input, pixels, cPitch);
        transformTiles<InputTransform>(p, band, pixels, cPitch, ofInput);
      }
      loadBand(p, band, gradient, pixels, fPitch);
      if (u) {
        transformTiles<GradientTransform>(p, band, pixels, fPitch, ofGradient);
        multiplyTiles(p, band, ofInput, c, ofGradient, f, u, ahead, call.dx == nullptr);
      }
      if (call.dx) {
        transformTiles<InputTransform>(p, band, pixels, fPitch, ofGradient);
        convolveBand(p, band, ofGradient, f, fPitch, filters, sink, ofInput, pixels, own, ahead);
      }
    }
  });
  finish(partial, sink, call.sums);
  if (call.filterGradient) transformFilterGradient(filterGradients, chunks, c, f, call.filterGradient);
}

}  // namespace MAN_ISA
}  // namespace man
