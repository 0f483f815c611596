// The built trainer, as a user runs it, on the tiny golden model.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "support/closeness.h"
#include "support/golden.h"

extern char** environ;

namespace glossa::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<json> lines_of(const fs::path& path) {
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

  static std::string model() { return (golden_dir() / "models/tiny.nemo").string(); }
  static std::string audio(const std::string& name) { return (golden_dir() / "audio" / name).string(); }

  static json entry(const std::string& name, const std::string& text, const std::string& lang,
                    const std::string& mode) {
    return {{"audio_filepath", audio(name)},

            {"text", text},
            {"target_lang", lang},
            {"prompt_mode", mode}};
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

std::map<std::string, std::vector<float>> weights_of(const fs::path& model) {
  std::map<std::string, std::vector<float>> weights;
  const auto checkpoint = checkpoint::read_checkpoint(model);
  for (const checkpoint::TensorView& tensor : checkpoint->tensors()) weights[tensor.name] = tensor.to_f32();
  return weights;
}

// NeMo's own five steps on the same three utterances: learning rates, losses, gradient norms, and weights.
TEST_F(Training, FiveStepsAreNeMosFiveSteps) {
  for (const std::string schedule : {"cosine", "noam"}) {
    SCOPED_TRACE(schedule);
    const fs::path golden = golden_dir() / ("cases/train/optim_tiny_" + schedule);
    const json expected = json::parse(text_of(golden.string() + ".json"));
    const std::string data =
        manifest("golden.jsonl", {entry("en-US_0.wav", expected["text"][0], "en-US", "langID"),
                                  entry("es-ES_5.wav", expected["text"][1], "es-ES", "auto"),
                                  entry("de-DE_6.wav", expected["text"][2], "de-DE", "langID")});
    std::vector<std::string> arguments = plain(data, schedule, 3, static_cast<int>(expected["steps"].size()));
    const json& sched = expected["sched"];
    arguments.push_back("model.optim.lr=" + sched["lr"].dump());
    arguments.push_back("model.optim.sched.name=" + sched["name"].get<std::string>());
    for (const auto& [key, value] : sched["args"].items())
      arguments.push_back("model.optim.sched." + key + "=" + value.dump());
    arguments.push_back("~model.optim.sched.warmup_ratio");
    // The goldens were made with NeMo's default loss, which has FastEmit.
    arguments.push_back("model.loss.warprnnt_numba_kwargs.fastemit_lambda=0.005");
    arguments.push_back("model.optim.betas=" + expected["optimizer"]["betas"].dump());
    arguments.push_back("model.optim.weight_decay=" + expected["optimizer"]["weight_decay"].dump());
    arguments.push_back("model.encoder.att_context_size=[" + expected["att_context_size"].dump() + "]");
    arguments.push_back("trainer.gradient_clip_val=" + expected["clip_norm"].dump());
    ASSERT_EQ(run(arguments), 0) << err();

    const std::vector<json> steps = lines_of(of_run(schedule, "metrics.jsonl"));
    ASSERT_EQ(steps.size(), expected["steps"].size());
    for (std::size_t index = 0; index < steps.size(); ++index) {
      const json& golden_step = expected["steps"][index];
      const double loss = golden_step["loss"];
      const double norm = golden_step["grad_norm_before_clip"];
      EXPECT_EQ(steps[index]["step"], index + 1);
      EXPECT_NEAR(steps[index]["lr"].get<double>(), golden_step["lr"].get<double>(), 1e-12);
      EXPECT_NEAR(steps[index]["loss"].get<double>(), loss, 2e-4 * loss) << "step " << index + 1;
      if (norm > 0) {  // recorded where it was needed, for clipping
        EXPECT_NEAR(steps[index]["grad_norm"].get<double>(), norm, 5e-3 * norm) << "step " << index + 1;
      }
    }
    const auto trained = weights_of(of_run(schedule, "run.nemo"));
    int compared = 0;
    for (const auto& [name, tensor] : read_safetensors(golden.string() + ".safetensors")) {
      if (!name.starts_with("param.")) continue;
      const std::string parameter = name.substr(6);
      ASSERT_TRUE(trained.contains(parameter)) << parameter;
      EXPECT_LT(relative_l2(trained.at(parameter), tensor.values), 1e-4) << parameter;
      ++compared;
    }
    EXPECT_GT(compared, 5);
  }
}

TEST_F(Training, AKilledRunGoesOnAsIfNothingHadHappened) {
  const std::string data = four();
  ASSERT_EQ(run(plain(data, "whole", 2, 8)), 0) << err();
  std::vector<std::string> arguments = plain(data, "killed", 2, 8);
  arguments.push_back("exp_manager.checkpoint_callback_params.every_n_train_steps=2");
  arguments.push_back("--resume");
  const fs::path metrics = of_run("killed", "metrics.jsonl");
  end_after(start(arguments), metrics, 5, SIGKILL);
  ASSERT_EQ(run(arguments), 0) << err();

  const std::vector<json> whole = lines_of(of_run("whole", "metrics.jsonl"));
  const std::vector<json> resumed = lines_of(metrics);
  ASSERT_EQ(whole.size(), 8u);
  ASSERT_EQ(resumed.size(), 8u);
  for (std::size_t index = 0; index < whole.size(); ++index) {
    for (const char* number : {"step", "loss", "lr", "grad_norm"})
      EXPECT_EQ(whole[index][number], resumed[index][number]) << number << " of step " << index + 1;
  }
  EXPECT_EQ(weights_of(of_run("whole", "run.nemo")), weights_of(of_run("killed", "run.nemo")));
}

TEST_F(Training, SigtermSavesAndEndsCleanly) {
  std::vector<std::string> arguments = plain(four(), "stopped", 2, 100000);
  arguments.push_back("--resume");
  const fs::path metrics = of_run("stopped", "metrics.jsonl");
  ASSERT_EQ(end_after(start(arguments), metrics, 3, SIGTERM), 0) << err();
  const std::size_t steps = lines_of(metrics).size();
  EXPECT_GE(steps, 3u);
  EXPECT_TRUE(fs::exists(
      of_run("stopped", "checkpoints") /
      ("step-" + std::string(8 - std::to_string(steps).size(), '0') + std::to_string(steps) + ".state")));
  EXPECT_FALSE(fs::exists(of_run("stopped", "run.nemo"))) << "the run did not come to its end";
}

TEST_F(Training, TwoProcessesWithHalfTheBatchAreOneWithTheWhole) {
  const std::string data = four();
  ASSERT_EQ(run(plain(data, "one", 4, 4)), 0) << err();
  const std::string port = std::to_string(20000 + ::getpid() % 20000);
  std::vector<pid_t> processes;
  for (const std::string rank : {"0", "1"}) {
    processes.push_back(start(plain(data, "two", 2, 4), {"RANK=" + rank, "WORLD_SIZE=2", "LOCAL_RANK=" + rank,
                                                         "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port}));
  }
  for (const pid_t process : processes) ASSERT_EQ(end_of(process), 0) << err();
  const std::vector<json> one = lines_of(of_run("one", "metrics.jsonl"));
  const std::vector<json> two = lines_of(of_run("two", "metrics.jsonl"));
  ASSERT_EQ(one.size(), 4u);
  ASSERT_EQ(two.size(), 4u);
  for (std::size_t index = 0; index < one.size(); ++index) {
    const double loss = one[index]["loss"];
    EXPECT_NEAR(two[index]["loss"].get<double>(), loss, 1e-4 * loss) << "step " << index + 1;
  }
}

TEST_F(Training, ValidatesThroughTheEngineAndReports) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "validated", 2, 4);
  for (const std::string word : {"--validation", data.c_str(), "--latency", "80ms", "--latency", "320ms"})
    arguments.push_back(word);
  arguments.push_back("trainer.val_check_interval=2");
  ASSERT_EQ(run(arguments), 0) << err();
  const std::vector<json> validations = lines_of(of_run("validated", "validation.jsonl"));
  ASSERT_EQ(validations.size(), 3u) << "the base, steps 2 and 4";
  EXPECT_EQ(validations[0]["step"], 0);
  EXPECT_EQ(validations[2]["step"], 4);
  for (const json& validation : validations) {
    EXPECT_EQ(validation["target"][0]["att_context_size"], "[56,0]");
    EXPECT_GE(validation["val_wer"].get<double>(), 0);
  }
  const std::string report = text_of(of_run("validated", "report.html"));
  for (const char* part : {"<svg", "Forgetting", "de-DE", "Configuration"})
    EXPECT_THAT(report, HasSubstr(part));
  EXPECT_TRUE(fs::exists(of_run("validated", "run.nemo")));
}

TEST_F(Training, WhatCannotBeUsedIsNamedAndPassedOver) {
  std::ofstream(folder_ / "broken.wav") << "RIFF but no sound";
  json broken = entry("en-US_0.wav", "Never heard.", "en-US", "langID");
  broken["audio_filepath"] = (folder_ / "broken.wav").string();
  std::vector<std::string> arguments =
      plain(manifest("mixed.jsonl", {entry("en-US_0.wav", "The river was quiet.", "en-US", "langID"), broken},
                     "{\"audio_filepath\": \n"),
            "mixed", 2, 2);
  std::erase(arguments, "--quiet");
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(), HasSubstr("mixed.jsonl:3"));
  EXPECT_THAT(err(), HasSubstr("broken.wav"));
  EXPECT_EQ(lines_of(of_run("mixed", "metrics.jsonl")).size(), 2u);

  EXPECT_EQ(run(plain((folder_ / "absent.jsonl").string(), "absent", 2, 2)), 3);
  EXPECT_THAT(err(), HasSubstr("absent.jsonl"));
  std::vector<std::string> misspelt = plain(four(), "misspelt", 2, 2);
  misspelt.push_back("model.optim.weight_decai=0");
  EXPECT_EQ(run(misspelt), 3);
  EXPECT_THAT(err(), HasSubstr("weight_decay"));
}

}  // namespace
}  // namespace glossa::testing
