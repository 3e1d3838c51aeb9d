// The little of TensorFlow's C interface that an operation needs, with exceptions for errors.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "arena.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_datatype.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

// What is used of tensorflow/c/kernels.h, which includes C++ headers that no more than these declarations would be needed of.
extern "C" {
struct TF_KernelBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
TF_KernelBuilder* TF_NewKernelBuilder(const char* operation, const char* device, void* (*create)(TF_OpKernelConstruction*),
                                      void (*compute)(void*, TF_OpKernelContext*), void (*remove)(void*));
void TF_RegisterKernelBuilder(const char* name, TF_KernelBuilder* builder, TF_Status* status);
void TF_GetInput(TF_OpKernelContext* context, int i, TF_Tensor** tensor, TF_Status* status);
void TF_SetOutput(TF_OpKernelContext* context, int i, const TF_Tensor* tensor, TF_Status* status);
TF_Tensor* TF_AllocateOutput(TF_OpKernelContext* context, int i, TF_DataType type, const int64_t* dims, int rank, size_t bytes, TF_Status* status);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction* construction, TF_Status* status);
void TF_OpKernelContext_Failure(TF_OpKernelContext* context, TF_Status* status);
void TF_OpKernelConstruction_GetAttrInt64(TF_OpKernelConstruction* construction, const char* name, int64_t* value, TF_Status* status);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction* construction, const char* name, float* value, TF_Status* status);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction* construction, const char* name, unsigned char* value, TF_Status* status);
}

namespace man {

struct Status {
  TF_Status* const raw = TF_NewStatus();
  Status() = default;
  Status(const Status&) = delete;
  ~Status() { TF_DeleteStatus(raw); }
  void check() const {
    if (TF_GetCode(raw) != TF_OK) throw std::runtime_error(TF_Message(raw));
  }
};

/// The attributes of an operation, read when TensorFlow makes its kernel.
class Attributes {
 public:
  explicit Attributes(TF_OpKernelConstruction* from) : from_(from) {}
  int whole(const char* name) const {
    Status status;
    int64_t value = 0;
    TF_OpKernelConstruction_GetAttrInt64(from_, name, &value, status.raw);
    status.check();
    return static_cast<int>(value);
  }
  float real(const char* name) const {
    Status status;
    float value = 0;
    TF_OpKernelConstruction_GetAttrFloat(from_, name, &value, status.raw);
    status.check();
    return value;
  }
  bool flag(const char* name) const {
    Status status;
    unsigned char value = 0;
    TF_OpKernelConstruction_GetAttrBool(from_, name, &value, status.raw);
    status.check();
    return value != 0;
  }

 private:
  TF_OpKernelConstruction* from_;
};

/// A float32 tensor; an empty one stands for a tensor that is not given.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* raw) : raw_(raw) {}
  Tensor(const Tensor&) = delete;
  Tensor(Tensor&& other) noexcept : raw_(other.raw_) { other.raw_ = nullptr; }
  ~Tensor() {
    if (raw_ != nullptr) TF_DeleteTensor(raw_);
  }
  TF_Tensor* raw() const { return raw_; }
  float* data() const { return size() == 0 ? nullptr : static_cast<float*>(TF_TensorData(raw_)); }
  size_t size() const { return static_cast<size_t>(TF_TensorElementCount(raw_)); }
  int rank() const { return TF_NumDims(raw_); }
  int dim(int i) const { return static_cast<int>(TF_Dim(raw_, i)); }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> all;
    for (int i = 0; i < rank(); i++) all.push_back(TF_Dim(raw_, i));
    return all;
  }

 private:
  TF_Tensor* raw_;
};

/// One call of an operation: its inputs in order, and room for its outputs.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context) {}

  Tensor input(int i) const {
    Status status;
    TF_Tensor* raw = nullptr;
    TF_GetInput(context_, i, &raw, status.raw);
    status.check();
    return Tensor(raw);
  }

  /// Input `i` with `size` numbers, or null where it is empty and may be.
  Tensor input(int i, size_t size, const char* name, bool optional = false) const {
    Tensor tensor = input(i);
    require((optional && tensor.size() == 0) || tensor.size() == size, name, std::to_string(size) + " numbers", std::to_string(tensor.size()));
    return tensor;
  }

  Tensor output(int i, const std::vector<int64_t>& shape) const {
    Status status;
    size_t size = sizeof(float);
    for (int64_t d : shape) size *= static_cast<size_t>(d);
    const int rank = static_cast<int>(shape.size());
    void* block = size < kLeastBlock || size >= kLargeBlock ? nullptr : allocateBlock(size);
    if (block == nullptr) {
      TF_Tensor* raw = TF_AllocateOutput(context_, i, TF_FLOAT, shape.data(), rank, size, status.raw);
      status.check();
      return Tensor(raw);
    }
    const auto release = [](void* data, size_t, void*) { releaseBlock(data); };
    Tensor tensor(TF_NewTensor(TF_FLOAT, shape.data(), rank, block, size, release, nullptr));
    TF_SetOutput(context_, i, tensor.raw(), status.raw);
    status.check();
    return tensor;
  }

  /// An output for what nobody asked for is empty.
  Tensor output(int i, const std::vector<int64_t>& shape, bool wanted) const { return output(i, wanted ? shape : std::vector<int64_t>{0}); }

  static void require(bool good, const char* what, const std::string& expected, const std::string& got) {
    if (!good) throw std::invalid_argument(std::string(what) + ": expected " + expected + ", got " + got);
  }

 private:
  TF_OpKernelContext* context_;
};

/// Registers an operation, defined by a signature such as {"x: float"}, whose class reads Attributes and runs a Call.
template <class Operation>
void registerOperation(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
                       std::initializer_list<const char*> attributes) {
  Status status;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char* attribute : attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, TF_ShapeInferenceContextSetUnknownShape);
  TF_RegisterOpDefinition(definition, status.raw);
  status.check();
  const auto create = [](TF_OpKernelConstruction* construction) -> void* {
    try {
      return new Operation(Attributes(construction));
    } catch (const std::exception& error) {
      Status failed;
      TF_SetStatus(failed.raw, TF_INVALID_ARGUMENT, error.what());
      TF_OpKernelConstruction_Failure(construction, failed.raw);
      return nullptr;
    }
  };
  const auto compute = [](void* operation, TF_OpKernelContext* context) {
    try {
      static_cast<const Operation*>(operation)->run(Call(context));
    } catch (const std::exception& error) {
      Status failed;
      TF_SetStatus(failed.raw, TF_INVALID_ARGUMENT, error.what());
      TF_OpKernelContext_Failure(context, failed.raw);
    }
  };
  const auto remove = [](void* operation) { delete static_cast<Operation*>(operation); };
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, compute, remove), status.raw);
  status.check();
}

}  // namespace man
