#include "parallel.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace man {
namespace {

int countThreads() {
  if (const char* set = std::getenv("TF_NUM_INTRAOP_THREADS")) {
    const int count = std::atoi(set);
    if (count > 0) return count;
  }
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  const int count = static_cast<int>(std::thread::hardware_concurrency());
  return count > 0 ? count : 1;
}

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// Turns of waiting awake, some tens of microseconds, before a thread goes to sleep: the next operation is mostly near.
constexpr int kSpins = 2000;

class Pool {
 public:
  explicit Pool(int threads) : workers_(threads - 1) {
    for (int i = 0; i < workers_; i++) std::thread([this] { work(); }).detach();
  }

  void run(int count, void (*body)(void*, int), void* context) {
    if (workers_ == 0 || count <= 1) {
      for (int i = 0; i < count; i++) body(context, i);
      return;
    }
    std::lock_guard<std::mutex> one(calls_);
    body_ = body;
    context_ = context;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(workers_, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take();
    for (int spins = 0; busy_.load(std::memory_order_acquire) > 0; spins++) {
      if (spins < kSpins) pause();
      else std::this_thread::yield();
    }
  }

 private:
  void take() {
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) body_(context_, i);
  }

  void work() {
    for (unsigned seen = 0;;) {
      for (int spins = 0; generation_.load(std::memory_order_acquire) == seen && spins < kSpins; spins++) pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      take();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  const int workers_;
  std::mutex calls_, mutex_;
  std::condition_variable wake_;
  std::atomic<unsigned> generation_{0};
  std::atomic<int> next_{0}, busy_{0};
  void (*body_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
};

struct Memory {
  float* data = nullptr;
  size_t floats = 0;
  ~Memory() { std::free(data); }
};

}  // namespace

int threadCount() {
  static const int count = countThreads();
  return count;
}

void parallelFor(int count, void (*body)(void*, int), void* context) {
  // Never destroyed: its threads may still wait when the process ends.
  static Pool* const pool = new Pool(threadCount());
  pool->run(count, body, context);
}

float* scratch(int slot, size_t floats) {
  thread_local Memory kept[8];
  Memory& memory = kept[slot];
  if (memory.floats < floats) {
    std::free(memory.data);
    memory.floats = 0;
    if (posix_memalign(reinterpret_cast<void**>(&memory.data), 64, floats * sizeof(float)) != 0) throw std::bad_alloc();
    memory.floats = floats;
  }
  return memory.data;
}

}  // namespace man
