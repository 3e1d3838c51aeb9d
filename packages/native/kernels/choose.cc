// Chooses the kernels of the widest instruction set that this processor has; MAN_INSTRUCTIONS names a smaller one.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace man {

#if defined(__x86_64__)
namespace avx512 { extern const Kernels table; }
namespace avx2 { extern const Kernels table; }
#endif
namespace portable { extern const Kernels table; }

namespace {

const Kernels& choose() {
  const char* set = std::getenv("MAN_INSTRUCTIONS");
  const auto allowed = [set](const Kernels& table) { return set == nullptr || std::strcmp(set, table.instructions) == 0; };
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq");
  if (wide && allowed(avx512::table)) return avx512::table;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && allowed(avx2::table)) return avx2::table;
#else
  (void)allowed;
#endif
  return portable::table;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace man
