#include "bench/start_up.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "bench/fed_streams.h"
#include "bench/synthetic_speech.h"

namespace glossa::bench {
namespace {

namespace fs = std::filesystem;

// A new folder, removed with all that is in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& model) {
    std::error_code error;
    for (const fs::path& parent :
         {fs::absolute(model, error).parent_path(), fs::temp_directory_path(error)}) {
      std::string name = (parent / ".glossa-bench-XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) continue;
      path_ = name;
      return;
    }
    fail_bad_input("{}: no temporary folder can be made beside the model or in {}", model.string(),
                   fs::temp_directory_path(error).string());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

  std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path_)) files.push_back(entry.path());
    return files;
  }

 private:
  fs::path path_;
};

// Asks the system to forget the file's pages. It keeps those that another process has mapped.
void drop_from_page_cache(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ::fdatasync(file);  // pages not on the disk yet cannot be dropped
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

}  // namespace

double cached_share(const fs::path& file) {
  const MappedFile mapped(file);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> cached((mapped.bytes().size() + page - 1) / page);
  if (cached.empty()) return 1;
  auto* begin = const_cast<std::byte*>(mapped.bytes().data());
  if (::mincore(begin, mapped.bytes().size(), cached.data()) != 0) return 1;
  const auto count = std::count_if(cached.begin(), cached.end(), [](unsigned char in) { return in & 1; });
  return static_cast<double>(count) / static_cast<double>(cached.size());
}

ProbeValues probe_start(const RecognizerOptions& options, AttContext context) {
  ProbeValues values;
  values["begin"] = monotonic_seconds();
  const auto recognizer = Recognizer::load(options);
  values["loaded"] = monotonic_seconds();
  constexpr double kSoundSeconds = 6;
  const std::vector<float> sound = synthetic_speech(kSoundSeconds, recognizer->info().sample_rate, 1);
  FedStream fed(*recognizer, context, sound, 0);
  Stream* batch[] = {&fed.stream()};
  for (double heard = 0; heard < kSoundSeconds; heard += fed.chunk_seconds()) {
    fed.accept_chunk();
    recognizer->decode(batch);
    values.try_emplace("first_chunk", monotonic_seconds());
    if (fed.tokens() == 0) continue;
    values["first_token"] = monotonic_seconds();
    break;
  }
  return values;
}

std::vector<StartUp> measure_start_up(const StartUpOptions& options) {
  const TemporaryFolder folder(options.model);
  std::vector<StartUp> starts;
  for (const StartKind kind : {StartKind::kPacking, StartKind::kCold, StartKind::kWarm}) {
    if (kind == StartKind::kPacking && !options.packs) continue;
    std::vector<fs::path> files = folder.files();  // none yet for kPacking
    const auto& model = options.model_files;
    if (kind == StartKind::kPacking || !options.packs) files.insert(files.end(), model.begin(), model.end());
    if (kind == StartKind::kCold) {
      for (const fs::path& file : model) drop_from_page_cache(file);
      for (const fs::path& file : files) drop_from_page_cache(file);
    }
    StartUp start{.kind = kind, .cached_share = 1};
    for (const fs::path& file : files) start.cached_share = std::min(start.cached_share, cached_share(file));
    const ProbeValues probe = options.probe(folder.path());
    const double exec = probe.at("spawned");
    start.begin_seconds = probe.at("begin") - exec;
    start.load_seconds = probe.at("loaded") - probe.at("begin");
    start.first_chunk_seconds = probe.at("first_chunk") - exec;
    if (const auto token = probe.find("first_token"); token != probe.end())
      start.first_token_seconds = token->second - exec;
    starts.push_back(start);
  }
  return starts;
}

}  // namespace glossa::bench
