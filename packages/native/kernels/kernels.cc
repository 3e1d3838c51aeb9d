// Compiled once for each instruction set, as MAN_ISA.
#include "kernels.h"

#include "convolution.h"
#include "elementwise.h"
#include "normalise.h"
#include "resize.h"

#define MAN_TEXT(name) #name
#define MAN_NAME(name) MAN_TEXT(name)

namespace man {
namespace MAN_ISA {

extern const Kernels table;
const Kernels table = {MAN_NAME(MAN_ISA), convolve, convolveGradient, normaliseForward, normaliseBackward, sigmoidCrossEntropy,
                       resize,            resizeGradient, combine,     columnSums};

}  // namespace MAN_ISA
}  // namespace man
