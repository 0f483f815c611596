// The members of a POSIX tar that is held in memory.
//
//   archive = { header[512] data, padded to 512 } zero-block zero-block ...
//
// Understood: ustar (with prefix), GNU (long names, base-256 sizes) and PAX (path and size records).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace glossa {

struct TarMember {
  std::string name;                  // relative, without "./"
  std::span<const std::byte> bytes;  // points into the archive
};

// The regular files of the archive in order; directories are skipped. Error kBadInput, naming `source`, for a
// damaged or truncated archive, absolute names, "..", links and devices, and names that occur twice.
std::vector<TarMember> read_tar(std::span<const std::byte> archive, const std::string& source);

struct TarContents {
  std::vector<TarMember> members;
  std::string damage;  // what read_tar() would have thrown; empty for a sound archive
};

// The same for archives of which a part is better than nothing: the members before the damage.
TarContents read_damaged_tar(std::span<const std::byte> archive, const std::string& source);

}  // namespace glossa
