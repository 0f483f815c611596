#include "checkpoint/archive_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fail.h"
#include "base/little_endian.h"
#include "checkpoint/partial_name.h"

namespace glossa::checkpoint {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr std::size_t kTarBlock = 512;
constexpr std::uint64_t kRecordAlignment = 64;  // of the records of a torch zip
constexpr std::uint64_t kIn64 = 0xffffffff;

// "<length> <key>=<value>\n", the length counting itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  length = rest + std::to_string(length).size();
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string ustar_block(std::string_view name, std::uint64_t size, char type) {
  std::string block(kTarBlock, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  put(0, name);
  put(100, type == '5' ? "0000755" : "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", size));
  put(136, "00000000000");  // no time of writing: the same model gives the same file
  put(148, "        ");     // the checksum counts itself as blanks
  block[156] = type;
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum));
  block[154] = '\0';
  block[155] = ' ';
  return block;
}

// Alignment padding of torch: an extra field "FB" that ends where the record begins.
std::string alignment_field(std::uint64_t header_end) {
  const std::uint64_t padding = (kRecordAlignment - (header_end + 4) % kRecordAlignment) % kRecordAlignment;
  std::string field = "FB";
  append_number(field, padding, 2);
  return field + std::string(padding, 'Z');
}

// Local headers carry both sizes or none.
std::string local_zip64_field(std::uint64_t size) {
  if (size < kIn64) return {};
  std::string field("\x01\x00\x10\x00", 4);
  append_number(field, size, 8);
  append_number(field, size, 8);
  return field;
}

std::string local_extra(const std::string& name, std::uint64_t size, std::uint64_t offset) {
  constexpr std::uint64_t kLocalSize = 30;
  const std::string zip64 = local_zip64_field(size);
  return zip64 + alignment_field(offset + kLocalSize + name.size() + zip64.size());
}

std::uint64_t local_header_size(const std::string& name, std::uint64_t size, std::uint64_t offset) {
  return 30 + name.size() + local_extra(name, size, offset).size();
}

void append_common_fields(std::string& out, std::uint32_t crc32, std::uint64_t size) {
  append_number(out, 0x0800, 2);  // names are UTF-8
  append_number(out, 0, 2);       // stored
  append_number(out, 0, 2);       // time
  append_number(out, 0x21, 2);    // 1 January 1980
  append_number(out, crc32, 4);
  append_number(out, std::min(size, kIn64), 4);
  append_number(out, std::min(size, kIn64), 4);
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  buffer_.reserve(kBuffer);
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0 && errno == ENAMETOOLONG)  // the temporary one would do
    fail_bad_input("{}: cannot create the file: {}", path_.string(), std::strerror(errno));
  remove_leftovers();
  while (!create()) {
  }
}

// False: try again, under another name. A process of the same number may have been killed here before.
bool AtomicFile::create() {
  temporary_ = new_partial(path_);
  fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0 && errno == EEXIST) return false;
  if (fd_ < 0) fail_bad_input("{}: cannot create the file: {}", path_.string(), std::strerror(errno));
  // Before it was locked somebody may have taken it for a leftover. A file system that has no locks has none
  // for others either: they leave the file alone.
  struct stat status {};
  const bool taken = ::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (!taken && ::fstat(fd_, &status) == 0 && status.st_nlink > 0) return true;
  ::unlink(temporary_.c_str());
  ::close(fd_);
  fd_ = -1;
  return false;
}

// Of this very file, and not locked: whoever wrote it is gone.
void AtomicFile::remove_leftovers() const {
  for (const std::filesystem::path& path : find_partials(folder_of(path_), path_)) {
    const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ::flock(fd, LOCK_EX | LOCK_NB) == 0)
      ::unlink(path.c_str());
    ::close(fd);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::remove_half_written(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.ends_with(kPartial)) found.push_back(entry.path());
  }
  for (const std::filesystem::path& path : found) ::unlink(path.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (buffer_.size() + bytes.size() <= kBuffer) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return;
  }
  flush();
  if (bytes.size() <= kBuffer) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  } else {
    write_out(bytes);
  }
}

void AtomicFile::flush() {
  write_out(buffer_);
  buffer_.clear();
}

const std::filesystem::path& AtomicFile::flushed() {
  flush();
  return temporary_;
}

void AtomicFile::copy_to(AtomicFile& other, std::uint64_t size) {
  std::vector<std::byte> part(kBuffer);
  const std::uint64_t stored = std::min(size, on_disk_);
  for (std::uint64_t at = 0; at < stored;) {
    const auto count =
        ::pread(fd_, part.data(), std::min<std::uint64_t>(stored - at, part.size()), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("cannot read what was written");
    other.write(std::span<const std::byte>(part).first(static_cast<std::size_t>(count)));
    at += static_cast<std::uint64_t>(count);
  }
  other.write(std::span<const std::byte>(buffer_).first(size - stored));
}

void AtomicFile::write_out(std::span<const std::byte> bytes) {
  const std::uint64_t after = on_disk_ + bytes.size();
  while (!bytes.empty()) {
    const ::ssize_t count = ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  on_disk_ = after;
}

void AtomicFile::commit() {
  flush();
  if (::fsync(fd_) != 0) fail("cannot write");
  // Network file systems tell some failures only at a close; the lock stays until the file has its name.
  const int other = ::dup(fd_);
  if (other < 0 || ::close(other) != 0) fail("cannot write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename the finished file");
  temporary_.clear();
  ::close(std::exchange(fd_, -1));
  sync_folder(folder_of(path_));
}

void AtomicFile::fail(std::string_view what) const {
  fail_bad_input("{}: {}: {}", path_.string(), what, std::strerror(errno));
}

std::string tar_header(std::string_view name, std::uint64_t size, char type) {
  constexpr std::size_t kLongestName = 100;
  constexpr std::uint64_t kLargestOctal = (std::uint64_t{1} << 33) - 1;
  std::string records;
  if (name.size() > kLongestName) records += pax_record("path", name);
  if (size > kLargestOctal) records += pax_record("size", std::to_string(size));
  std::string header;
  if (!records.empty()) {
    header = ustar_block("././@PaxHeader", records.size(), 'x') + records + tar_padding(records.size());
  }
  return header + ustar_block(name.substr(0, kLongestName), size > kLargestOctal ? 0 : size, type);
}

std::string tar_padding(std::uint64_t size) {
  return std::string((kTarBlock - size % kTarBlock) % kTarBlock, '\0');
}

void StoredZip::add(std::string name, std::uint64_t size) {
  const std::uint64_t offset = cursor_;
  cursor_ += local_header_size(name, size, offset) + size;
  entries_.push_back({std::move(name), size, offset, 0});
}

std::uint64_t StoredZip::size() const { return cursor_ + central_directory().size(); }

std::string StoredZip::local_header(std::size_t index, std::uint32_t crc32) {
  Entry& entry = entries_[index];
  entry.crc32 = crc32;
  const std::string extra = local_extra(entry.name, entry.size, entry.offset);
  std::string header = "PK\x03\x04";
  append_number(header, entry.size < kIn64 ? 20 : 45, 2);  // version needed
  append_common_fields(header, crc32, entry.size);
  append_number(header, entry.name.size(), 2);
  append_number(header, extra.size(), 2);
  return header + entry.name + extra;
}

std::string StoredZip::central_directory() const {
  std::string out;
  for (const Entry& entry : entries_) {
    std::string values;  // those that do not fit into 32 bits
    if (entry.size >= kIn64) {
      append_number(values, entry.size, 8);
      append_number(values, entry.size, 8);
    }
    if (entry.offset >= kIn64) append_number(values, entry.offset, 8);
    std::string extra;
    if (!values.empty()) {
      append_number(extra, 1, 2);
      append_number(extra, values.size(), 2);
      extra += values;
    }
    out += "PK\x01\x02";
    const int version = values.empty() ? 20 : 45;
    append_number(out, version, 2);
    append_number(out, version, 2);
    append_common_fields(out, entry.crc32, entry.size);
    append_number(out, entry.name.size(), 2);
    append_number(out, extra.size(), 2);
    append_number(out, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    append_number(out, std::min(entry.offset, kIn64), 4);
    out += entry.name + extra;
  }
  const std::uint64_t directory_size = out.size();
  // torch writes the zip64 records always; so the layout does not depend on the size of the model.
  out += "PK\x06\x06";
  append_number(out, 44, 8);
  append_number(out, 45, 2);
  append_number(out, 45, 2);
  append_number(out, 0, 4 + 4);  // disks
  append_number(out, entries_.size(), 8);
  append_number(out, entries_.size(), 8);
  append_number(out, directory_size, 8);
  append_number(out, cursor_, 8);
  out += "PK\x06\x07";
  append_number(out, 0, 4);
  append_number(out, cursor_ + directory_size, 8);
  append_number(out, 1, 4);
  out += "PK\x05\x06";
  append_number(out, 0, 2 + 2);
  const std::uint64_t entries16 = std::min<std::uint64_t>(entries_.size(), 0xffff);
  append_number(out, entries16, 2);
  append_number(out, entries16, 2);
  append_number(out, std::min(directory_size, kIn64), 4);
  append_number(out, std::min(cursor_, kIn64), 4);
  append_number(out, 0, 2);
  return out;
}

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(::crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace glossa::checkpoint
