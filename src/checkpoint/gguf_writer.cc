#include <algorithm>
#include <functional>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config_writer.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_layout.h"
#include "checkpoint/gguf_metadata.h"
#include "checkpoint/tensor_writer.h"
#include "features/log_mel.h"
#include "model/position_encoding.h"

namespace glossa::checkpoint {
namespace {

class GgufWriter {
 public:
  GgufWriter(const std::filesystem::path& path, const Checkpoint& checkpoint, DType dtype)
      : checkpoint_(checkpoint),
        dtype_(dtype),
        extras_(parse_config_extras(checkpoint.config_yaml(), checkpoint.source())) {
    check_languages();
    if (extras_.name.empty()) extras_.name = path.stem().string();
    const std::int64_t positions = 2 * std::int64_t{extras_.pos_emb_max_len} - 1;
    entries_.push_back({kGgufPositions, {positions, checkpoint.config().encoder.d_model}, DType::kF32});
    for (const model::TensorSpec& spec : model::tensor_specs(checkpoint.config())) {
      auto place = gguf_place(spec);
      if (!place) continue;
      const DType stored = gguf_dtype(*place, dtype);
      entries_.push_back({std::move(place->name), std::move(place->shape), stored, spec.name});
    }
  }

  std::vector<WrittenTensor> write(AtomicFile& file, const TensorDone& done) {
    file.write(header());
    pad(file);
    TensorWriter writer(checkpoint_, file);
    std::vector<WrittenTensor> written;
    for (const Entry& entry : entries_) {
      if (entry.name == kGgufPositions) {
        write_positions(file);
      } else {
        written.push_back(write_tensor(writer, entry));
      }
      pad(file);
      if (done && !entry.state_name.empty()) done(elements_of(entry));
    }
    return written;
  }

 private:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
    DType dtype = DType::kF32;
    std::string state_name;  // in the state dict
  };

  void check_languages() const {
    for (const auto& [language, slot] : checkpoint_.config().prompt.dictionary) {
      if (!is_writable_language(language)) {
        fail_invalid_argument("{}: a .gguf cannot hold the prompt language '{}' (expected printable ASCII)",
                              checkpoint_.source(), printable(language));
      }
    }
  }

  static std::int64_t elements_of(const Entry& entry) {
    std::int64_t product = 1;
    for (const std::int64_t size : entry.shape) product *= size;
    return product;
  }

  static std::uint64_t padding(std::uint64_t size) {
    return (kGgufAlignment - size % kGgufAlignment) % kGgufAlignment;
  }
  static void pad(AtomicFile& file) { file.write(std::string(padding(file.written()), '\0')); }

  // Everything before the numbers.
  std::string header() const {
    const GgufMetadata metadata = gguf_metadata(checkpoint_, extras_, dtype_);
    std::string out(kGgufMagic);
    append_u32(out, kGgufVersion);
    append_u64(out, entries_.size());
    append_u64(out, metadata.count());
    out += metadata.bytes();
    std::uint64_t offset = 0;
    for (const Entry& entry : entries_) {
      append_text(out, entry.name);
      append_u32(out, static_cast<std::uint32_t>(entry.shape.size()));
      for (std::size_t axis = entry.shape.size(); axis-- > 0;)
        append_u64(out, static_cast<std::uint64_t>(entry.shape[axis]));
      append_u32(out, ggml_type(entry.dtype));
      append_u64(out, offset);
      const std::uint64_t size = stored_bytes(entry.dtype, elements_of(entry));
      offset += size + padding(size);
    }
    return out;
  }

  // Row r is position max_len - 1 - r.
  void write_positions(AtomicFile& file) const {
    const int d_model = checkpoint_.config().encoder.d_model;
    std::vector<float> row(static_cast<std::size_t>(d_model));
    for (int position = extras_.pos_emb_max_len - 1; position > -extras_.pos_emb_max_len; --position) {
      model::encode_position(position, d_model, row.data());
      file.write(std::as_bytes(std::span(row)));
    }
  }

  WrittenTensor write_tensor(TensorWriter& writer, const Entry& entry) const {
    const TensorView* tensor = checkpoint_.find(entry.state_name);
    std::vector<float> filters;
    TensorView computed{entry.state_name, DType::kF32, entry.shape, {}};
    if (tensor == nullptr) {  // the one tensor that is optional and has a place
      filters = features::slaney_filters(checkpoint_.config().features);
      computed.bytes = std::as_bytes(std::span(filters));
      tensor = &computed;
    }
    return writer.write(*tensor, entry.dtype);
  }

  const Checkpoint& checkpoint_;
  DType dtype_;
  ConfigExtras extras_;
  std::vector<Entry> entries_;
};

}  // namespace

std::vector<WrittenTensor> write_gguf(const std::filesystem::path& path, const Checkpoint& checkpoint,
                                      DType dtype, const TensorDone& done, const FileDone& check) {
  GgufWriter writer(path, checkpoint, dtype);
  AtomicFile file(path);
  auto written = writer.write(file, done);
  if (check) check(file.flushed(), written);
  file.commit();
  return written;
}

}  // namespace glossa::checkpoint
