#include "checkpoint/torch_pickle.h"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::checkpoint {
namespace {

constexpr std::size_t kLargestPickle = std::size_t{16} << 20;  // about 200 bytes per tensor are usual
constexpr std::size_t kDeepestStack = 1 << 20;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostObjects = 1 << 20;  // about 25 per tensor are usual; each takes up to 100 bytes
constexpr std::size_t kMostDimensions = 16;
constexpr std::size_t kLongestKey = 64;

enum Opcode : unsigned char {
  kProto = 0x80,
  kStop = '.',
  kMark = '(',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kBinUnicode = 'X',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kBinPersId = 'Q',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kReduce = 'R',
  kSetItem = 's',
  kSetItems = 'u',
  kBuild = 'b',
};

enum class Kind {
  kNone,
  kBool,
  kInteger,
  kString,
  kTuple,
  kDict,
  kFunction,
  kStorageType,
  kStorage,
  kTensor
};

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"None",      "a bool",  "an integer", "a string",
                                                       "a tuple",   "a dict",  "a function", "a storage type",
                                                       "a storage", "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

// Objects live in the machine's arenas and are never freed one by one: no recursion, however they are nested.
// They refer to each other by index, so that no short program makes many copies of a long object.
struct Value {
  Kind kind = Kind::kNone;
  std::int64_t number = 0;  // bool and integer: the value; else index into the arena of the kind
};

using Dict = std::vector<std::pair<Value, Value>>;

struct Storage {
  std::size_t type = 0;  // in kStorageTypes
  Value key;
  std::int64_t elements = 0;
};

struct Tensor {
  std::size_t storage = 0;
  std::int64_t offset = 0;
  Value shape;
  Value stride;
};

enum Function : std::int64_t { kOrderedDict, kRebuildTensor, kRebuildParameter };

constexpr std::array<std::string_view, 11> kStorageTypes = {
    "FloatStorage", "HalfStorage", "BFloat16Storage", "DoubleStorage", "LongStorage",        "IntStorage",
    "ShortStorage", "CharStorage", "ByteStorage",     "BoolStorage",   "ComplexFloatStorage"};

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> pickle, const std::string& source)
      : pickle_(pickle), source_(source) {}

  std::vector<PickledTensor> state_dict() {
    if (pickle_.size() > kLargestPickle) {
      fail_bad_input("{}: data.pkl has {} bytes (expected at most {})", source_, pickle_.size(),
                     kLargestPickle);
    }
    const Value result = run();
    if (result.kind != Kind::kDict) {
      fail_bad_input("{}: data.pkl holds {} (expected a state dict)", source_, kind_name(result.kind));
    }
    std::vector<PickledTensor> tensors;
    std::unordered_set<std::string_view> names;
    const Dict& entries = dicts_[index(result)];
    if (entries.size() > kMostTensors) {
      fail_bad_input("{}: the state dict has {} entries (expected at most {})", source_, entries.size(),
                     kMostTensors);
    }
    for (const auto& [key, value] : entries) {
      if (key.kind != Kind::kString)
        fail_bad_input("{}: the state dict has {} as a key", source_, kind_name(key.kind));
      const std::string& name = strings_[index(key)];
      if (value.kind != Kind::kTensor) {
        fail_bad_input("{}: state dict entry '{}' is {} (expected a tensor)", source_, printable(name),
                       kind_name(value.kind));
      }
      if (!names.insert(name).second)
        fail_bad_input("{}: tensor '{}' occurs twice", source_, printable(name));
      tensors.push_back(expanded(name, tensors_[index(value)]));
    }
    return tensors;
  }

 private:
  static std::size_t index(const Value& value) { return static_cast<std::size_t>(value.number); }

  [[noreturn]] void fail(std::string_view what) const {
    fail_bad_input("{}: data.pkl, byte {}: {}", source_, opcode_at_, what);
  }

  // ---- the program

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > pickle_.size() - position_) fail("the pickle is truncated");
    const auto bytes = pickle_.subspan(position_, size);
    position_ += size;
    return bytes;
  }

  std::uint64_t take_unsigned(std::size_t size) {
    const auto bytes = take(size);
    std::uint64_t value = 0;
    for (std::size_t at = size; at-- > 0;) value = value << 8 | static_cast<std::uint64_t>(bytes[at]);
    return value;
  }

  std::int64_t take_signed(std::size_t size) {
    if (size == 0) return 0;
    const std::uint64_t value = take_unsigned(size);
    const unsigned unused = 64 - 8 * static_cast<unsigned>(size);
    return static_cast<std::int64_t>(value << unused) >> unused;
  }

  std::string_view take_text(std::uint64_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string_view take_line() {
    const auto rest = pickle_.subspan(position_);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    if (end == rest.end()) fail("the pickle is truncated");
    const std::string_view line = take_text(static_cast<std::uint64_t>(end - rest.begin()));
    ++position_;
    return line;
  }

  Value run() {
    for (;;) {
      opcode_at_ = position_;
      const auto opcode = static_cast<unsigned char>(take_unsigned(1));
      if (opcode == kStop) {
        const Value result = pop();
        if (!stack_.empty() || !marks_.empty()) fail("objects are left over at the end");
        return result;
      }
      step(opcode);
    }
  }

  void step(unsigned char opcode) {
    switch (opcode) {
      case kProto:
        return check_protocol(take_unsigned(1));
      case kMark:
        return push_mark();
      case kNone:
        return push({Kind::kNone, 0});
      case kNewTrue:
        return push({Kind::kBool, 1});
      case kNewFalse:
        return push({Kind::kBool, 0});
      case kBinInt:
        return push({Kind::kInteger, take_signed(4)});
      case kBinInt1:
        return push({Kind::kInteger, static_cast<std::int64_t>(take_unsigned(1))});
      case kBinInt2:
        return push({Kind::kInteger, static_cast<std::int64_t>(take_unsigned(2))});
      case kLong1:
        return push_long();
      case kBinUnicode:
        return push(stored(Kind::kString, strings_, std::string(take_text(take_unsigned(4)))));
      case kEmptyDict:
        return push(stored(Kind::kDict, dicts_, {}));
      case kEmptyTuple:
        return push(stored(Kind::kTuple, tuples_, {}));
      case kTuple1:
        return push_tuple(1);
      case kTuple2:
        return push_tuple(2);
      case kTuple3:
        return push_tuple(3);
      case kTuple:
        return push_tuple(items_above_mark());
      case kBinPut:
        return remember(take_unsigned(1));
      case kLongBinPut:
        return remember(take_unsigned(4));
      case kBinGet:
        return recall(take_unsigned(1));
      case kLongBinGet:
        return recall(take_unsigned(4));
      case kGlobal:
        return push_global();
      case kBinPersId:
        return push_storage();
      case kReduce:
        return reduce();
      case kSetItem:
        return set_items(2);
      case kSetItems:
        return set_items(items_above_mark());
      case kBuild:
        return build();
      default:
        fail(fmt::format("opcode 0x{:02x} is not one that torch.save uses for a state dict", opcode));
    }
  }

  void check_protocol(std::uint64_t protocol) const {
    if (protocol != 2) fail(fmt::format("pickle protocol {} (expected 2, as torch.save writes)", protocol));
  }

  // ---- stack, marks, memo

  // A byte of the pickle may make an object, whose bytes are many.
  void count_objects(std::size_t count) {
    objects_ += count;
    if (objects_ > kMostObjects) fail(fmt::format("more than {} objects", kMostObjects));
  }

  template <class T>
  Value stored(Kind kind, std::deque<T>& arena, T object) {
    count_objects(1);
    arena.push_back(std::move(object));
    return {kind, static_cast<std::int64_t>(arena.size() - 1)};
  }

  void push(Value value) {
    if (stack_.size() >= kDeepestStack) fail("the stack grows too deep");
    stack_.push_back(value);
  }

  // Objects below a mark belong to whoever set it.
  void need(std::size_t count) const {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - floor < count) fail("an operation lacks its operands");
  }

  Value pop() {
    need(1);
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  void push_mark() {
    if (marks_.size() >= kDeepestStack) fail("the stack grows too deep");
    marks_.push_back(stack_.size());
  }

  std::size_t items_above_mark() {
    if (marks_.empty()) fail("an operation lacks its mark");
    const std::size_t count = stack_.size() - marks_.back();
    marks_.pop_back();
    return count;
  }

  void remember(std::uint64_t slot) {
    need(1);
    if (memo_.insert_or_assign(slot, stack_.back()).second) count_objects(1);
  }

  void recall(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail(fmt::format("memo entry {} is read before it is written", slot));
    push(found->second);
  }

  // ---- objects

  void push_long() {
    const std::uint64_t size = take_unsigned(1);
    if (size > 8) fail(fmt::format("an integer of {} bytes (expected at most 8)", size));
    push({Kind::kInteger, take_signed(size)});
  }

  void push_tuple(std::size_t count) {
    need(count);
    std::vector<Value> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    push(stored(Kind::kTuple, tuples_, std::move(items)));
  }

  void push_global() {
    const std::string_view module = take_line();
    const std::string_view name = take_line();
    if (module == "collections" && name == "OrderedDict") return push({Kind::kFunction, kOrderedDict});
    if (module == "torch._utils" && name == "_rebuild_tensor_v2")
      return push({Kind::kFunction, kRebuildTensor});
    if (module == "torch._utils" && name == "_rebuild_parameter")
      return push({Kind::kFunction, kRebuildParameter});
    if (module == "torch") {
      const auto type = std::find(kStorageTypes.begin(), kStorageTypes.end(), name);
      if (type != kStorageTypes.end()) return push({Kind::kStorageType, type - kStorageTypes.begin()});
    }
    fail(fmt::format("it asks for the Python object {}.{}, which a state dict does not need",
                     printable(module), printable(name)));
  }

  const std::vector<Value>& tuple(const Value& value, std::string_view what) const {
    if (value.kind != Kind::kTuple)
      fail(fmt::format("{} is {} (expected a tuple)", what, kind_name(value.kind)));
    return tuples_[index(value)];
  }

  const std::string& text(const Value& value, std::string_view what) const {
    if (value.kind != Kind::kString)
      fail(fmt::format("{} is {} (expected a string)", what, kind_name(value.kind)));
    return strings_[index(value)];
  }

  std::int64_t count(const Value& value, std::string_view what) const {
    if (value.kind != Kind::kInteger || value.number < 0) {
      fail(fmt::format("{} is {}{} (expected a number from 0 on)", what, kind_name(value.kind),
                       value.kind == Kind::kInteger ? fmt::format(" {}", value.number) : ""));
    }
    return value.number;
  }

  std::vector<std::int64_t> counts(const Value& value, std::string_view what) const {
    const auto& items = tuple(value, what);
    if (items.size() > kMostDimensions) fail(fmt::format("{} has {} dimensions", what, items.size()));
    std::vector<std::int64_t> result;
    for (const Value& item : items) result.push_back(count(item, what));
    return result;
  }

  // ('storage', type, key, location, elements)
  void push_storage() {
    const Value id = pop();
    const auto& items = tuple(id, "a persistent id");
    if (items.size() != 5 || text(items[0], "a persistent id") != "storage") {
      fail("a persistent id that is not ('storage', type, key, location, elements)");
    }
    if (items[1].kind != Kind::kStorageType) fail("a storage without a storage type");
    text(items[3], "a storage location");
    if (text(items[2], "a storage key").size() > kLongestKey) fail("a storage with an overlong key");
    push(stored(Kind::kStorage, storages_,
                Storage{index(items[1]), items[2], count(items[4], "a storage size")}));
  }

  void reduce() {
    const Value arguments = pop();
    const Value function = pop();
    if (function.kind != Kind::kFunction) fail(fmt::format("a call of {}", kind_name(function.kind)));
    const auto& items = tuple(arguments, "the arguments of a call");
    if (function.number == kOrderedDict) {
      if (!items.empty()) fail("OrderedDict with arguments (expected an empty one)");
      return push(stored(Kind::kDict, dicts_, {}));
    }
    if (function.number == kRebuildParameter) {  // (tensor, requires_grad, hooks)
      if (items.size() != 3 || items[0].kind != Kind::kTensor) fail("_rebuild_parameter without a tensor");
      return push(items[0]);
    }
    rebuild_tensor(items);
  }

  // (storage, offset, shape, stride, requires_grad, hooks[, metadata])
  void rebuild_tensor(const std::vector<Value>& items) {
    if (items.size() < 6 || items.size() > 7 || items[0].kind != Kind::kStorage) {
      fail("_rebuild_tensor_v2 without (storage, offset, shape, stride, requires_grad, hooks)");
    }
    push(stored(Kind::kTensor, tensors_,
                Tensor{index(items[0]), count(items[1], "a storage offset"), items[2], items[3]}));
  }

  void set_items(std::size_t count) {
    need(count + 1);
    if (count % 2 != 0) fail("a key without a value");
    const Value target = stack_[stack_.size() - count - 1];
    if (target.kind != Kind::kDict) fail(fmt::format("items are set on {}", kind_name(target.kind)));
    count_objects(count / 2);
    Dict& dict = dicts_[index(target)];
    for (std::size_t at = stack_.size() - count; at < stack_.size(); at += 2)
      dict.emplace_back(stack_[at], stack_[at + 1]);
    stack_.resize(stack_.size() - count);
  }

  // An OrderedDict carries attributes (_metadata: version numbers of the modules); nothing here needs them.
  void build() {
    const Value state = pop();
    need(1);
    if (state.kind != Kind::kDict || stack_.back().kind != Kind::kDict) {
      fail(fmt::format("attributes ({}) for {}", kind_name(state.kind), kind_name(stack_.back().kind)));
    }
  }

  PickledTensor expanded(const std::string& name, const Tensor& pickled) const {
    const Storage& storage = storages_[pickled.storage];
    PickledTensor tensor;
    tensor.name = name;
    tensor.storage_type = kStorageTypes[storage.type];
    tensor.storage_key = strings_[index(storage.key)];
    tensor.storage_elements = storage.elements;
    tensor.offset = pickled.offset;
    tensor.shape = counts(pickled.shape, "a shape");
    tensor.stride = counts(pickled.stride, "a stride");
    check_extent(tensor);
    return tensor;
  }

  void check_extent(const PickledTensor& tensor) const {
    const std::string& name = tensor.name;
    if (tensor.shape.size() != tensor.stride.size()) {
      fail_bad_input("{}: {}: {} dimensions but {} strides", source_, printable(name), tensor.shape.size(),
                     tensor.stride.size());
    }
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
    std::int64_t last = tensor.offset;
    const bool empty = std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end();
    for (std::size_t axis = 0; axis < tensor.shape.size() && !empty; ++axis) {
      const std::int64_t steps = tensor.shape[axis] - 1;
      const std::int64_t stride = tensor.stride[axis];
      if (last > kMost || (steps > 0 && stride > (kMost - last) / steps)) {
        fail_bad_input("{}: {}: the tensor reaches beyond its storage", source_, printable(name));
      }
      last += steps * stride;
    }
    if (!empty && last >= tensor.storage_elements) {
      fail_bad_input("{}: {}: the tensor reaches element {} of a storage of {}", source_, printable(name),
                     last, tensor.storage_elements);
    }
  }

  std::span<const std::byte> pickle_;
  const std::string& source_;
  std::size_t position_ = 0;
  std::size_t opcode_at_ = 0;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Value> memo_;
  std::size_t objects_ = 0;  // in the arenas, the memo and the dicts
  std::deque<std::string> strings_;
  std::deque<std::vector<Value>> tuples_;
  std::deque<Dict> dicts_;
  std::deque<Storage> storages_;
  std::deque<Tensor> tensors_;
};

}  // namespace

bool PickledTensor::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return true;
    if (shape[axis] == 1) continue;
    if (stride[axis] != expected) return false;
    // Cannot overflow: a tensor contiguous so far fits its storage.
    expected *= shape[axis];
  }
  return true;
}

std::vector<PickledTensor> read_state_dict(std::span<const std::byte> pickle, const std::string& source) {
  return PickleMachine(pickle, source).state_dict();
}

}  // namespace glossa::checkpoint
