// Running the built program the way a user does.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace glossa::testing {

struct ProgramRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// A folder for the files of one test, removed with it; commands run in it.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  // `glossa arguments...` with `input` on stdin.
  ProgramRun glossa(const std::vector<std::string>& arguments, const std::string& input = "") const;

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  std::string read(const std::string& name) const;
  void write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path folder_;
};

std::vector<std::string> lines_of(const std::string& text);

std::string golden_audio(const std::string& name);  // path of tests/data/golden/audio/<name>
std::string golden_model(const std::string& name);  // path of tests/data/golden/models/<name>.nemo
nlohmann::json golden_case(const std::string& model, const std::string& name);

}  // namespace glossa::testing
