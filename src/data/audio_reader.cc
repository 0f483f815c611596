#include "data/audio_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/tar_reader.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

// The index of a tar, which stays when its map goes.
class TarIndex {
 public:
  explicit TarIndex(fs::path path) : path_(std::move(path)) {}

  // Within `bytes`, the whole tar.
  std::span<const std::byte> find(const std::string& name, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (!indexed_) index(bytes);
    const auto place = std::lower_bound(places_.begin(), places_.end(), name,
                                        [](const Place& a, const std::string& b) { return a.name < b; });
    if (place == places_.end() || place->name != name) {
      fail_bad_input("{}: no member '{}'{}", path_.string(), printable(name),
                     damage_.empty() ? "" : fmt::format(" ({})", damage_));
    }
    // The file may have been replaced since it was indexed.
    if (place->offset > bytes.size() || place->size > bytes.size() - place->offset) {
      fail_bad_input("{}: the file has become shorter (expected at least {} bytes, got {})", path_.string(),
                     place->offset + place->size, bytes.size());
    }
    return bytes.subspan(place->offset, place->size);
  }

 private:
  struct Place {
    std::string name;
    std::size_t offset = 0;
    std::size_t size = 0;
  };

  void index(std::span<const std::byte> bytes) {
    TarContents contents = read_damaged_tar(bytes, path_.string());
    damage_ = std::move(contents.damage);
    places_.reserve(contents.members.size());
    for (TarMember& member : contents.members) {
      const auto offset = static_cast<std::size_t>(member.bytes.data() - bytes.data());
      places_.push_back({std::move(member.name), offset, member.bytes.size()});
    }
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.name < b.name; });
    indexed_ = true;
  }

  fs::path path_;
  std::mutex mutex_;  // of everything below
  bool indexed_ = false;
  std::vector<Place> places_;  // by name
  std::string damage_;
};

std::string name_of(const Cut& cut) {
  const std::string sound = cut.member.empty()
                                ? cut.audio.string()
                                : fmt::format("{}/{}", cut.audio.string(), printable(cut.member));
  return cut.source.empty() ? sound : fmt::format("{}:{}: {}", cut.source, cut.line, sound);
}

}  // namespace

class AudioReader::Impl {
 public:
  Impl(int sample_rate, int most_open) : sample_rate_(sample_rate), most_open_(most_open) {
    if (sample_rate < 1)
      fail_invalid_argument("unusable sample rate (expected 1 Hz or more, got {})", sample_rate);
    if (most_open < 1)
      fail_invalid_argument("unusable number of open tars (expected 1 or more, got {})", most_open);
  }

  int sample_rate() const { return sample_rate_; }

  std::vector<float> read(const Cut& cut) {
    std::vector<float> samples;
    double begin = 0;  // seconds, where manifests say right; a sound longer than that delays what follows
    for (const CutPart& part : cut.parts) {
      begin += part.pause;
      samples.resize(std::max(samples.size(), static_cast<std::size_t>(std::llround(begin * sample_rate_))));
      const std::vector<float> more = read(*part.cut);
      samples.insert(samples.end(), more.begin(), more.end());
      begin += part.cut->duration;
    }
    if (!samples.empty()) return samples;
    try {
      samples = decode(cut);
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("cut '{}' of {}: {}", printable(cut.id), name_of(cut), error.what()));
    }
    if (samples.empty()) {
      fail_bad_input("cut '{}' of {}: no sound at {} s (expected a longer sound)", printable(cut.id),
                     name_of(cut), cut.offset);
    }
    return samples;
  }

 private:
  std::vector<float> decode(const Cut& cut) {
    // A manifest's durations are rounded, and NeMo reads sound without an offset to its end: a cut that
    // leaves out less than kRounding of its sound is the whole.
    const bool from_start = cut.offset == 0 && cut.duration > 0;
    const audio::AudioPart part{cut.offset, cut.duration + (from_start ? kRounding : 0)};
    std::vector<float> samples = part_of(cut, part);
    const auto limit = static_cast<std::size_t>(std::llround(part.duration * sample_rate_));
    if (from_start && samples.size() >= limit)
      samples.resize(static_cast<std::size_t>(std::llround(cut.duration * sample_rate_)));
    return samples;
  }

  std::vector<float> part_of(const Cut& cut, const audio::AudioPart& part) {
    if (cut.member.empty()) return audio::read_audio(cut.audio, sample_rate_, part).samples;
    const auto [map, index] = open(cut.audio);
    const auto bytes = index->find(cut.member, map->bytes());
    std::vector<float> samples = audio::read_audio(bytes, cut.member, sample_rate_, part).samples;
    map->release_pages(bytes);
    return samples;
  }

  static constexpr double kRounding = 0.1;  // seconds

  using Map = std::shared_ptr<const MappedFile>;

  std::pair<Map, TarIndex*> open(const fs::path& path) {
    Map dropped;  // unmapped behind the lock; what another thread is reading stays until it is done
    const std::lock_guard lock(mutex_);
    auto [at, fresh] = tars_.try_emplace(path.native());
    Tar& tar = at->second;
    if (fresh) tar.index = std::make_unique<TarIndex>(path);
    if (!tar.map) {
      tar.map = std::make_shared<const MappedFile>(path);
      mapped_.push_front(&tar);
      tar.place = mapped_.begin();
    } else {
      mapped_.splice(mapped_.begin(), mapped_, tar.place);
    }
    if (mapped_.size() > static_cast<std::size_t>(most_open_)) {
      dropped = std::move(mapped_.back()->map);
      mapped_.pop_back();
    }
    return {tar.map, tar.index.get()};
  }

  struct Tar {
    std::unique_ptr<TarIndex> index;
    Map map;
    std::list<Tar*>::iterator place;  // in mapped_, while there is a map
  };

  const int sample_rate_;
  const int most_open_;
  std::mutex mutex_;
  std::unordered_map<std::string, Tar> tars_;
  std::list<Tar*> mapped_;  // the last used first
};

AudioReader::AudioReader(int sample_rate, int most_open)
    : impl_(std::make_unique<Impl>(sample_rate, most_open)) {}
AudioReader::~AudioReader() = default;

std::vector<float> AudioReader::read(const Cut& cut) const { return impl_->read(cut); }
int AudioReader::sample_rate() const { return impl_->sample_rate(); }

}  // namespace glossa::data
