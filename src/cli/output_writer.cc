#include "cli/output_writer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/fail.h"

namespace glossa::cli {

namespace fs = std::filesystem;

OutputWriter::OutputWriter(OutputFormat format, fs::path folder, bool several)
    : format_(format), folder_(std::move(folder)), several_(several) {
  const bool subtitles = format_ == OutputFormat::kSrt || format_ == OutputFormat::kVtt;
  if (folder_.empty() && several_ && subtitles) {
    fail_invalid_argument("subtitles of several inputs cannot share stdout (expected --output-path DIR)");
  }
  if (!folder_.empty()) make_folder(folder_);
}

void OutputWriter::write(const Input& input, const Recognition& recognition) {
  write_text(input, format_recognition(recognition, format_));
}

void OutputWriter::write_conversation(const Input& input, std::span<const Recognition> channels) {
  write_text(input, format_conversation(channels, format_));
}

void OutputWriter::write_text(const Input& input, std::string text) {
  if (folder_.empty()) {
    if (several_ && format_ == OutputFormat::kText) {
      const std::string path = input.audio.string() + "\t";
      for (std::size_t line = 0; line < text.size();) {
        text.insert(line, path);
        line = text.find('\n', line + path.size()) + 1;  // the path may have one
      }
    }
    print_to_stdout(text);
    return;
  }
  const auto planned = planned_.find(input.name);
  write_file(planned != planned_.end() ? planned->second : file_for(input), text);
}

void OutputWriter::plan(std::span<const Input> inputs) {
  for (const Input& input : inputs) planned_.try_emplace(input.name, file_for(input));
}

fs::path OutputWriter::file_for(const Input& input) {
  const std::string extension(file_extension(format_));
  const std::string stem = input.is_stdin() ? "stdin" : input.audio.stem().string();
  fs::path path = folder_ / (stem + extension);
  if (taken_.contains(path)) path = folder_ / (input.audio.filename().string() + extension);
  for (int number = 2; taken_.contains(path); ++number) {
    path = folder_ / fmt::format("{}-{}{}", stem, number, extension);
  }
  taken_.insert(path);
  return path;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) {
    fail_bad_input("{}: cannot make the folder ({})", folder.string(),
                   error ? error.message() : "it is a file");
  }
}

void check_writable(const fs::path& file) {
  if (file.has_parent_path()) make_folder(file.parent_path());
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) return;  // a pipe
  const bool is_new = !fs::exists(status);
  if (is_new && fs::is_symlink(fs::symlink_status(file, ignored))) return;  // to a file that is not there yet
  errno = 0;
  const bool opened = std::ofstream(file, std::ios::binary | std::ios::app).is_open();
  const int reason = errno;
  if (is_new && fs::is_empty(file, ignored)) fs::remove(file, ignored);
  if (!opened) fail_bad_input("{}: cannot write the file ({})", file.string(), std::strerror(reason));
}

void write_file(const fs::path& path, const std::string& bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) fail_bad_input("{}: cannot write the file ({})", path.string(), std::strerror(errno));
}

void print_to_stdout(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail_bad_input("stdout: cannot write ({})", std::strerror(errno));
  }
}

}  // namespace glossa::cli
