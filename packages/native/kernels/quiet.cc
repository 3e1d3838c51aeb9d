// A module of its own, without TensorFlow in it: loads TensorFlow's library with standard error turned away.
//
// While it loads, TensorFlow 2.21 writes notices that no setting turns off. Whoever loads the library next finds it loaded already.
#include <node_api.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

class Silence {
 public:
  Silence() : kept_(dup(STDERR_FILENO)) {
    const int nowhere = open("/dev/null", O_WRONLY);
    if (kept_ >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  ~Silence() {
    std::fflush(stderr);
    if (kept_ < 0) return;
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }

 private:
  const int kept_;
};

/// load(path): whether the library could be loaded; why not is for whoever loads it for use to say.
napi_value load(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  char path[4096];
  size_t length = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  bool loaded = false;
  if (count == 1 && napi_get_value_string_utf8(env, argument, path, sizeof path, &length) == napi_ok) {
    const Silence silence;
    loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL) != nullptr;
  }
  napi_get_boolean(env, loaded, &result);
  return result;
}

napi_value start(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, load, nullptr, &function);
  napi_set_named_property(env, exports, "load", function);
  return exports;
}

}  // namespace

NAPI_MODULE(man_quiet, start)
