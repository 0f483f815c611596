// How files and folders come to their names: written under ".NAME.PID-NUMBER.partial" first, renamed when
// they are whole.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace glossa::checkpoint {

inline constexpr std::string_view kPartial = ".partial";

std::filesystem::path folder_of(const std::filesystem::path& path);

// A temporary name beside `path` that this process has not made before.
std::filesystem::path new_partial(const std::filesystem::path& path);
// What there is in `folder` under temporary names of `path`; nothing where that cannot be looked at.
std::vector<std::filesystem::path> find_partials(const std::filesystem::path& folder,
                                                 const std::filesystem::path& path);

// Names, too, must survive a crash. Some file systems cannot sync folders; the data is safe all the same.
void sync_folder(const std::filesystem::path& folder);

}  // namespace glossa::checkpoint
