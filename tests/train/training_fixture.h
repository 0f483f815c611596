// The built trainer, started as a user starts it, on the tiny golden model.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "support/golden.h"

extern char** environ;

namespace glossa::testing {

namespace fs = std::filesystem;
using nlohmann::json;

inline std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<json> lines_of(const fs::path& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    json parsed = json::parse(line, nullptr, false);
    if (!parsed.is_discarded()) lines.push_back(std::move(parsed));  // the last may be half written
  }
  return lines;
}

class Training : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              (std::string("glossa_train_") + test->name() + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string model() { return golden_model_path("tiny").string(); }
  static std::string audio(const std::string& name) { return (golden_dir() / "audio" / name).string(); }

  static json entry(const std::string& name, const std::string& text, const std::string& lang,
                    const std::string& mode) {
    return {{"audio_filepath", audio(name)}, {"text", text}, {"target_lang", lang}, {"prompt_mode", mode}};
  }

  std::string manifest(const std::string& name, const std::vector<json>& entries,
                       const std::string& rest = "") const {
    std::ofstream file(folder_ / name);
    for (const json& one : entries) file << one.dump() << "\n";
    file << rest;
    return (folder_ / name).string();
  }

  // Four utterances in their order, two a batch.
  std::string four() const {
    return manifest("four.jsonl",
                    {entry("en-US_0.wav", "The river was quiet before sunrise.", "en-US", "langID"),
                     entry("es-ES_5.wav", "El mapa muestra tres puentes y un barco.", "es-ES", "langID"),
                     entry("de-DE_6.wav", "Bitte lies die zweite Zeile noch einmal.", "de-DE", "langID"),
                     entry("en-US_2.wav", "A second sentence of the same speaker.", "en-US", "langID")});
  }

  // Nothing random: fixed order, one context, neither dropout nor augmentation.
  std::vector<std::string> plain(const std::string& data, const std::string& version, int batch_size,
                                 int steps) const {
    return {"--base",
            model(),
            "--data",
            data,
            "--steps",
            std::to_string(steps),
            "--exp-dir",
            folder_.string(),
            "--name",
            "run",
            "--version-name",
            version,
            "--quiet",
            "--threads",
            "1",
            "model.train_ds.shuffle=false",
            "model.train_ds.use_bucketing=false",
            "model.train_ds.batch_size=" + std::to_string(batch_size),
            "model.train_ds.batch_duration=null",
            "model.train_ds.perturb_speed=false",
            "model.train_ds.max_duration=100",
            "model.train_ds.min_duration=0",
            "model.encoder.dropout=0",
            "model.encoder.dropout_pre_encoder=0",
            "model.encoder.dropout_emb=0",
            "model.encoder.dropout_att=0",
            "model.decoder.prednet.dropout=0",
            "model.joint.jointnet.dropout=0",
            "model.spec_augment.freq_masks=0",
            "model.spec_augment.time_masks=0",
            "model.preprocessor.dither=0",
            "model.encoder.att_context_size=[[56,3]]",
            "model.encoder.att_context_probs=null",
            "glossa.freeze_subsampling=false",
            "glossa.learning_rate_scales.encoder=1",
            "glossa.learning_rate_scales.prompt_kernel=1",
            "glossa.learning_rate_scales.decoder=1",
            "glossa.learning_rate_scales.joint=1",
            "glossa.append_lang_tag=none",
            "glossa.average_best=1",
            "glossa.base_share=0",
            "model.loss.warprnnt_numba_kwargs.fastemit_lambda=0",
            "model.train_ds.default_prompt_mode=langID"};
  }

  pid_t start(const std::vector<std::string>& arguments,
              const std::vector<std::string>& variables = {}) const {
    std::vector<std::string> words = {GLOSSA_TRAINER};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> environment = variables;
    for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
    std::vector<char*> envp;
    for (std::string& variable : environment) envp.push_back(variable.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string err = (folder_ / "stderr").string();
    const std::string out = (folder_ / "stdout").string();
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0644);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0644);
    pid_t child = -1;
    EXPECT_EQ(::posix_spawn(&child, GLOSSA_TRAINER, &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }

  // The exit code, or minus the signal.
  static int end_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int run(const std::vector<std::string>& arguments) const { return end_of(start(arguments)); }
  std::string err() const { return text_of(folder_ / "stderr"); }
  std::string out() const { return text_of(folder_ / "stdout"); }
  fs::path of_run(const std::string& version, const std::string& name) const {
    return folder_ / "run" / version / name;
  }

  // Ends the run with `signal` as soon as that many steps are logged.
  static int end_after(pid_t child, const fs::path& metrics, std::size_t steps, int signal) {
    siginfo_t ended{};
    while (lines_of(metrics).size() < steps && ended.si_pid == 0) {
      ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ::kill(child, signal);
    return end_of(child);
  }

  fs::path folder_;
};

inline std::map<std::string, std::vector<float>> weights_of(const fs::path& model) {
  std::map<std::string, std::vector<float>> weights;
  const auto checkpoint = checkpoint::read_checkpoint(model);
  for (const checkpoint::TensorView& tensor : checkpoint->tensors()) weights[tensor.name] = tensor.to_f32();
  return weights;
}

}  // namespace glossa::testing
