// One training or evaluation example before its sound is read: where the sound lies and what was said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace glossa::data {

struct Cut;

struct CutPart {
  const Cut* cut = nullptr;
  double pause = 0;  // seconds of silence before it
};

struct Cut {
  std::string id;               // unique within its source; for messages
  std::filesystem::path audio;  // the sound file, or the tar that holds it
  std::string member;           // name within the tar; empty: `audio` is the sound file itself
  double offset = 0;            // seconds into the sound
  double duration = 0;          // seconds; 0: to the end (the reader finds out)
  std::string text;             // reference, without an appended language tag; may be empty (noise)
  std::string target_lang;      // as in the manifest; empty: unknown
  std::string
      frame_labels;  // a printable character for each 40 ms, its class of sound; space: none; may be empty
  std::string prompt_mode;     // "langID", "auto", "unified", or empty: the dataset's default
  std::string source;          // manifest or shard it comes from, for messages
  int line = 0;                // 1-based line of `source`
  std::vector<CutPart> parts;  // of a joined cut, whose sound is theirs; else empty
};

}  // namespace glossa::data
