// Temporary names of what is being written: ".NAME.PID-NUMBER.partial" beside NAME.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glossa::checkpoint {

inline constexpr std::string_view kPartial = ".partial";

std::filesystem::path folder_of(const std::filesystem::path& path);

// How the temporary names of `path` begin; of a long name the beginning.
std::string partial_prefix(const std::filesystem::path& path);
// One that this process has not made before.
std::filesystem::path new_partial(const std::filesystem::path& path);
bool is_partial(std::string_view name, std::string_view prefix);

}  // namespace glossa::checkpoint
