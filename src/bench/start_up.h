// From exec to the first output, in processes of their own.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/probe.h"
#include "glossa/recognizer.hpp"

namespace glossa::bench {

enum class StartKind {
  kPacking,  // no file of packed weights yet: they are packed and written
  kCold,     // the files are not in the page cache, as far as the system lets go of them
  kWarm,     // all files are in the page cache
};

struct StartUp {
  StartKind kind = StartKind::kWarm;
  double cached_share = 0;          // of the files' pages, in the page cache at exec
  double begin_seconds = 0;         // exec to the begin of the load: the program itself
  double load_seconds = 0;          // of Recognizer::load()
  double first_chunk_seconds = 0;   // exec to the first chunk decoded
  double first_token_seconds = -1;  // exec to the first token; negative: none came
};

// In the child: loads, decodes chunk by chunk until a token comes, for some seconds of sound at most.
ProbeValues probe_start(const RecognizerOptions& options, AttContext context);

struct StartUpOptions {
  std::filesystem::path model;
  std::vector<std::filesystem::path> model_files;  // that it is read from: itself, or those of a folder
  bool packs = true;                               // the weights' format is one that is packed
  // Runs probe_start() in a child whose packed weights lie in that folder.
  std::function<ProbeValues(const std::filesystem::path& weight_cache)> probe;
};

// The packed weights go to a folder that is made beside the model, or where temporary files go, and removed.
std::vector<StartUp> measure_start_up(const StartUpOptions& options);

// Part of the file's pages that are in the page cache.
double cached_share(const std::filesystem::path& file);

}  // namespace glossa::bench
