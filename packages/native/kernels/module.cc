// The module for Node: loading it registers the operations with the TensorFlow that is loaded already.
#include <node_api.h>

#include "kernels.h"
#include "operations.h"
#include "parallel.h"

namespace {

/// Raised whenever an operation's signature changes, so that callers do not meet an older build.
constexpr int kVersion = 1;

napi_value load(napi_env env, napi_value exports) {
  try {
    man::registerConvolutions();
    man::registerNormalisations();
    man::registerUpdates();
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
  napi_value version, threads, instructions;
  napi_create_int32(env, kVersion, &version);
  napi_create_int32(env, man::threadCount(), &threads);
  napi_create_string_utf8(env, man::kernels().instructions, NAPI_AUTO_LENGTH, &instructions);
  napi_set_named_property(env, exports, "version", version);
  napi_set_named_property(env, exports, "threads", threads);
  napi_set_named_property(env, exports, "instructions", instructions);
  return exports;
}

}  // namespace

NAPI_MODULE(man_kernels, load)
