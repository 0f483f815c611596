// Keeps from libsndfile the Ogg Vorbis files that it refuses: version 1.2 forgets their memory, 5.8 kB or
// more each.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace glossa::audio {

// What is wrong with a file that libsndfile would refuse after it had begun with its Vorbis headers, or find
// no sound in because of them. Empty for all others, whatever they are.
std::string vorbis_fault(std::span<const std::byte> bytes);
std::string vorbis_fault(const std::filesystem::path& path);

}  // namespace glossa::audio
