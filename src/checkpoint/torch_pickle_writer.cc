#include <limits>
#include <string_view>

#include "base/fail.h"
#include "base/little_endian.h"
#include "checkpoint/torch_pickle.h"

namespace glossa::checkpoint {
namespace {

class PickleWriter {
 public:
  PickleWriter() { out_ = "\x80\x02"; }

  std::string state_dict(std::span<const TensorView> tensors) {
    empty_ordered_dict();
    out_ += '(';
    for (std::size_t index = 0; index < tensors.size(); ++index)
      tensor(tensors[index], std::to_string(index));
    out_ += "u.";
    return std::move(out_);
  }

 private:
  // OrderedDict(): also the (empty) backward hooks of every tensor.
  void empty_ordered_dict() {
    shared(kOrderedDictType, "ccollections\nOrderedDict\n");
    out_ += ")R";
  }

  // name: _rebuild_tensor_v2(('storage', type, key, 'cpu', elements), 0, shape, stride, False, OrderedDict())
  void tensor(const TensorView& view, const std::string& key) {
    text(view.name);
    shared(kRebuild, "ctorch._utils\n_rebuild_tensor_v2\n");
    out_ += "((";
    shared(kStorageWord, text_code("storage"));
    storage_type(view.dtype);
    text(key);
    shared(kCpuWord, text_code("cpu"));
    integer(view.elements());
    out_ += "tQ";
    integer(0);
    out_ += '(';
    for (const std::int64_t size : view.shape) integer(size);
    out_ += "t(";
    for (std::size_t axis = 0; axis < view.shape.size(); ++axis) {
      std::int64_t stride = 1;
      for (std::size_t inner = axis + 1; inner < view.shape.size(); ++inner) stride *= view.shape[inner];
      integer(stride);
    }
    out_ += "t\x89";
    empty_ordered_dict();
    out_ += "tR";
  }

  void storage_type(DType dtype) {
    switch (dtype) {
      case DType::kF32:
        return shared(kF32Type, "ctorch\nFloatStorage\n");
      case DType::kF16:
        return shared(kF16Type, "ctorch\nHalfStorage\n");
      case DType::kBF16:
        return shared(kBF16Type, "ctorch\nBFloat16Storage\n");
      default:
        fail_invalid_argument("{} is no number format of PyTorch (expected f32, f16 or bf16)",
                              dtype_name(dtype));
    }
  }

  void integer(std::int64_t value) {  // never negative here
    if (value <= 0xff) return coded("K", value, 1);
    if (value <= 0xffff) return coded("M", value, 2);
    if (value <= std::numeric_limits<std::int32_t>::max()) return coded("J", value, 4);
    coded("\x8a\x08", value, 8);  // LONG1 with eight bytes
  }

  void coded(std::string_view code, std::int64_t value, int size) {
    out_ += code;
    append_number(out_, static_cast<std::uint64_t>(value), size);
  }

  static std::string text_code(const std::string& value) {
    std::string code = "X";
    append_number(code, value.size(), 4);
    return code + value;
  }
  void text(const std::string& value) { out_ += text_code(value); }

  // What occurs in every tensor is pickled once and remembered.
  enum Memo { kOrderedDictType, kRebuild, kStorageWord, kCpuWord, kF32Type, kF16Type, kBF16Type, kMemos };
  void shared(Memo memo, const std::string& code) {
    if (written_[memo]) {
      coded("h", memo, 1);
      return;
    }
    written_[memo] = true;
    out_ += code;
    coded("q", memo, 1);
  }

  std::string out_;
  bool written_[kMemos] = {};
};

}  // namespace

std::string write_state_dict(std::span<const TensorView> tensors) {
  return PickleWriter().state_dict(tensors);
}

}  // namespace glossa::checkpoint
