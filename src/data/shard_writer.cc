#include "data/shard_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <unordered_map>
#include <utility>

#include "audio/audio_file.h"
#include "audio/audio_info.h"
#include "audio/audio_writer.h"
#include "base/fail.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

struct ShardItem {
  const ManifestText* manifest = nullptr;
  const ManifestLine* line = nullptr;
  double duration = 0;  // seconds

  const ManifestEntry& entry() const { return *line->entry; }
  std::string place() const { return fmt::format("{}:{}", manifest->path.string(), line->line); }
};

// A file under a temporary name in its folder, removed unless it is committed.
class PartialFile {
 public:
  explicit PartialFile(fs::path path) : path_(std::move(path)), partial_(path_.string() + ".partial") {}
  ~PartialFile() {
    std::error_code ignored;
    if (!committed_) fs::remove(partial_, ignored);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const fs::path& partial() const { return partial_; }
  void write(const std::string& text) const {
    std::ofstream file(partial_, std::ios::binary);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) fail_bad_input("{}: cannot write the file", partial_.string());
  }
  void commit() {
    fs::rename(partial_, path_);
    committed_ = true;
  }

 private:
  fs::path path_;
  fs::path partial_;
  bool committed_ = false;
};

class Tar {
 public:
  explicit Tar(const fs::path& path)
      : archive_(archive_write_new(), &archive_write_free), path_(path.string()) {
    archive_write_set_format_pax_restricted(archive_.get());  // plain ustar where the names are short
    check(archive_write_open_filename(archive_.get(), path_.c_str()));
  }

  // The same bytes whoever writes them, and when.
  void add(const std::string& name, std::span<const std::byte> bytes) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                              &archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    check(archive_write_header(archive_.get(), entry.get()));
    if (archive_write_data(archive_.get(), bytes.data(), bytes.size()) !=
        static_cast<la_ssize_t>(bytes.size())) {
      check(ARCHIVE_FATAL);
    }
  }

  void close() { check(archive_write_close(archive_.get())); }

 private:
  void check(int result) const {
    if (result >= ARCHIVE_WARN) return;
    const char* why = archive_error_string(archive_.get());
    fail_bad_input("{}: cannot write the tar ({})", path_, why != nullptr ? why : "unknown reason");
  }

  std::unique_ptr<archive, decltype(&archive_write_free)> archive_;
  std::string path_;
};

double duration_of(const ShardItem& item) {
  if (item.entry().duration) return *item.entry().duration;
  const auto info = audio::read_audio_info(item.entry().audio_filepath);
  if (!info) fail_bad_input("{}: no duration, and the sound does not say how long it is", item.place());
  return std::max(info->seconds() - item.entry().offset.value_or(0), 0.0);
}

std::vector<ShardItem> collect(std::span<const ManifestText> manifests, const ShardOptions& options,
                               ShardReport& report) {
  std::vector<ShardItem> items;
  for (const ManifestText& manifest : manifests) {
    for (const ManifestLine& line : manifest.lines) {
      if (!line.entry) fail_bad_input("{}:{}: {}", manifest.path.string(), line.line, line.problem);
      ShardItem item{&manifest, &line};
      if (!fs::exists(item.entry().audio_filepath)) {
        fail_bad_input("{}: no such file (expected a sound file, got {})", item.place(),
                       item.entry().audio_filepath.string());
      }
      item.duration = duration_of(item);
      if (item.duration >= options.min_duration && item.duration < options.max_duration) {
        report.hours += item.duration / 3600;
        items.push_back(item);
      } else {
        ++report.left_out;
        report.hours_left_out += item.duration / 3600;
      }
    }
  }
  report.lines = static_cast<std::int64_t>(items.size());
  return items;
}

// Our own shuffle: std::shuffle's result is the library's affair.
void shuffle(std::vector<ShardItem>& items, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t count = items.size(); count > 1; --count)
    std::swap(items[count - 1], items[random() % count]);
}

std::vector<std::byte> read_bytes(const ShardItem& item) {
  const fs::path& path = item.entry().audio_filepath;
  std::vector<std::byte> bytes(fs::file_size(path));
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    fail_bad_input("{}: cannot read {}", item.place(), path.string());
  }
  return bytes;
}

// Of a segment, that part alone.
audio::AudioFile decode(const ShardItem& item) {
  const fs::path& path = item.entry().audio_filepath;
  const auto info = audio::read_audio_info(path);
  const std::optional<double> offset = item.entry().offset;
  audio::AudioFile sound;
  try {
    sound = audio::read_audio(path, info ? info->sample_rate : audio::kUnknownRate,
                              offset ? audio::AudioPart{*offset, item.duration} : audio::AudioPart{});
  } catch (const Error& error) {
    fail_bad_input("{}: {}", item.place(), error.what());
  }
  if (offset && sound.samples.empty()) {
    fail_bad_input("{}: the segment starts behind the sound's end (got {} s{})", item.place(), *offset,
                   info ? fmt::format(", expected less than {:.3f} s", info->seconds()) : "");
  }
  return sound;
}

std::string extension_of(const ShardItem& item, ShardCodec codec) {
  const std::string extension = item.entry().audio_filepath.extension().string();
  if (codec == ShardCodec::kFlac) return ".flac";
  return item.entry().offset && extension != ".wav" ? ".flac" : extension;
}

std::vector<std::byte> sound_of(const ShardItem& item, const std::string& extension) {
  const bool as_it_is = extension == item.entry().audio_filepath.extension().string();
  if (!item.entry().offset && as_it_is) return read_bytes(item);
  const audio::AudioFile sound = decode(item);
  const auto format = extension == ".wav" ? audio::SoundFormat::kWav : audio::SoundFormat::kFlac;
  return audio::encode_audio(sound.samples, sound.sample_rate, format);
}

std::string line_of(const ShardItem& item, const std::string& name, std::size_t shard) {
  JsonLine json(item.line->raw);
  json.set("audio_filepath", json_string(name));
  json.set("shard_id", fmt::format("{}", shard));
  if (!item.entry().duration) json.set("duration", fmt::format("{}", item.duration));
  if (item.entry().offset) json.rename("offset", "source_audio_offset");
  return json.text() + "\n";
}

std::string metadata_of(const ShardOptions& options, const ShardReport& report) {
  const auto seconds = [](double value) {
    return std::isinf(value) ? std::string("null") : fmt::format("{}", value);
  };
  return fmt::format(
      "version: 0\n"
      "num_samples_per_shard: {}\n"
      "is_concatenated_manifest: false\n"
      "dataset_config:\n"
      "  num_shards: {}\n"
      "  shuffle: {}\n"
      "  max_duration: {}\n"
      "  min_duration: {}\n"
      "  shuffle_seed: {}\n"
      "  sort_in_shards: false\n"
      "  shard_manifests: true\n"
      "  keep_files_together: false\n"
      "  force_codec: {}\n"
      "  slice_with_offset: true\n"
      "history: []\n",
      report.lines_per_shard.front(), options.shards, options.shuffle_seed.has_value(),
      seconds(options.max_duration), seconds(options.min_duration),
      options.shuffle_seed ? fmt::format("{}", *options.shuffle_seed) : "null",
      options.codec == ShardCodec::kFlac ? "flac" : "null");
}

void prepare_folder(const ShardOptions& options) {
  const fs::path marker = options.folder / "tarred_audio_manifest.json";
  if (fs::exists(marker) && !options.overwrite) {
    fail_invalid_argument("{}: already there (expected a folder without shards)", marker.string());
  }
  fs::create_directories(options.folder / "sharded_manifests");
}

// Names within one shard: the second line of a whole file shares its member, NeMo's "-sub1"; another file
// whose name would be the same gets one of its own.
class MemberNames {
 public:
  // {name in the manifest, whether its sound must be written}
  std::pair<std::string, bool> take(const ShardItem& item, const std::string& extension) {
    const fs::path& audio = item.entry().audio_filepath;
    const fs::path wanted(member_name(audio, item.entry().offset, item.duration, extension));
    for (int other = 1;; ++other) {
      const std::string stem =
          other == 1 ? wanted.stem().string() : fmt::format("{}_{}", wanted.stem().string(), other);
      Use& use = uses_[stem + extension];
      if (use.count > 0 && use.audio != audio) continue;
      use.audio = audio;
      const int before = use.count++;
      return {before == 0 ? stem + extension : fmt::format("{}-sub{}{}", stem, before, extension),
              before == 0};
    }
  }

 private:
  struct Use {
    fs::path audio;
    int count = 0;
  };
  std::unordered_map<std::string, Use> uses_;
};

}  // namespace

std::string member_name(const fs::path& audio, std::optional<double> offset, double duration,
                        const std::string& extension) {
  const auto squash = [](std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '/' || c == '.'; }, '_');
    return text;
  };
  const auto seconds = [&](double value) {
    const std::string text = fmt::format("{}", value);
    return squash(text.find('.') == std::string::npos ? text + ".0" : text);
  };
  fs::path stem = audio;
  std::string name = squash(stem.replace_extension().string());
  // A name that ends in "-sub1" would be taken for the second line of another member.
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  if (digits < name.size() && name.substr(0, digits).ends_with("-sub")) name[digits - 4] = '_';
  if (offset) name += fmt::format("_{}_{}", seconds(*offset), seconds(duration));
  return name + extension;
}

ShardReport write_shards(std::span<const ManifestText> manifests, const ShardOptions& options,
                         const ThreadPool& pool) {
  ShardReport report;
  std::vector<ShardItem> items = collect(manifests, options, report);
  if (items.empty()) {
    fail_bad_input(
        "nothing to pack (expected one line or more, got none{})",
        report.left_out > 0 ? fmt::format("; {} left out by their duration", report.left_out) : "");
  }
  if (options.shards < 1 || items.size() < static_cast<std::size_t>(options.shards)) {
    fail_invalid_argument("wrong number of shards (expected 1 to {}, the lines that are left, got {})",
                          items.size(), options.shards);
  }
  if (options.shuffle_seed) shuffle(items, *options.shuffle_seed);
  prepare_folder(options);

  const auto shards = static_cast<std::size_t>(options.shards);
  std::vector<std::unique_ptr<PartialFile>> files;
  const auto add_file = [&](const fs::path& name) {
    return files.emplace_back(std::make_unique<PartialFile>(options.folder / name)).get();
  };
  std::vector<const PartialFile*> tars;
  for (std::size_t shard = 0; shard < shards; ++shard)
    tars.push_back(add_file(fmt::format("audio_{}.tar", shard)));

  std::vector<std::string> shard_lines(shards);
  report.lines_per_shard.resize(shards);
  std::mutex mutex;
  std::int64_t done = 0;
  pool.parallel_for(options.shards, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto shard = static_cast<std::size_t>(first); shard < static_cast<std::size_t>(last); ++shard) {
      const std::size_t smallest = items.size() / shards;
      const std::size_t larger = items.size() % shards;  // shards with one line more
      const std::size_t begin = shard * smallest + std::min(shard, larger);
      const std::size_t count = smallest + (shard < larger ? 1 : 0);
      Tar tar(tars[shard]->partial());
      MemberNames names;
      for (const ShardItem& item : std::span(items).subspan(begin, count)) {
        const std::string extension = extension_of(item, options.codec);
        const auto [name, is_new] = names.take(item, extension);
        if (is_new) tar.add(name, sound_of(item, extension));
        shard_lines[shard] += line_of(item, name, shard);
        const std::scoped_lock lock(mutex);
        if (options.progress) options.progress(++done, report.lines);
      }
      tar.close();
      report.lines_per_shard[shard] = static_cast<std::int64_t>(count);
    }
  });

  std::string all;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    report.bytes += fs::file_size(tars[shard]->partial());
    add_file(fmt::format("sharded_manifests/manifest_{}.json", shard))->write(shard_lines[shard]);
    all += shard_lines[shard];
  }
  add_file("metadata.yaml")->write(metadata_of(options, report));
  add_file("tarred_audio_manifest.json")->write(all);  // last: it says that the rest is complete
  for (const auto& file : files) file->commit();
  return report;
}

}  // namespace glossa::data
