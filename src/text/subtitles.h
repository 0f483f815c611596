// Transcripts as subtitles: SubRip (.srt) and WebVTT (.vtt).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::text {

struct Cue {
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  std::vector<std::string> lines;  // one or two, UTF-8, unescaped
};

// Sentences cut to at most two lines of 42 characters and 7 seconds, at the times of their words; text
// without spaces is cut between characters, at times in proportion. Cues are in order, last at least 1 ms and
// never overlap.
std::vector<Cue> make_cues(const Transcript& transcript);

// Whole files. Without words an empty SRT, and a VTT of its header alone.
std::string to_srt(const Transcript& transcript);
std::string to_vtt(const Transcript& transcript);

// Of a recording with a speaker on each channel: the cues of all in order of time, where those of two
// channels may overlap. Each tells its channel, from 1: "1: ..." in SRT, the voice <v 1> in VTT.
std::string conversation_to_srt(std::span<const Transcript> channels);
std::string conversation_to_vtt(std::span<const Transcript> channels);

}  // namespace glossa::text
