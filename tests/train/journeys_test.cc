// What a training run does, from the command to its files.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>

#include "support/closeness.h"
#include "support/golden.h"
#include "train/training_fixture.h"

namespace glossa::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

// Two utterances joined while training are one recording with silence before each.
TEST_F(Training, JoinedUtterancesAreOneRecording) {
  constexpr std::size_t kHeader = 44;
  std::string both_files = text_of(audio("en-US_0.wav")).substr(0, kHeader);
  for (const char* name : {"en-US_0.wav", "en-US_2.wav"})
    both_files += std::string(16000, '\0') + text_of(audio(name)).substr(kHeader);  // 0.5 s of silence
  const auto bytes = static_cast<std::uint32_t>(both_files.size() - kHeader);
  std::memcpy(both_files.data() + kHeader - 4, &bytes, 4);
  std::ofstream(folder_ / "both.wav", std::ios::binary) << both_files;
  json both = entry("en-US_0.wav", "A river. A sentence.", "en-US", "langID");
  both["audio_filepath"] = (folder_ / "both.wav").string();
  const std::string one = manifest("one.jsonl", {both});
  const std::string two = manifest("two.jsonl", {entry("en-US_0.wav", "A river.", "en-US", "langID"),
                                                 entry("en-US_2.wav", "A sentence.", "en-US", "langID")});
  std::vector<std::string> joining = plain(two, "joined", 1, 2);
  for (const char* option : {"glossa.join.share=1", "glossa.join.most=2", "glossa.join.pause=[0.5,0.5]"})
    joining.emplace_back(option);
  ASSERT_EQ(run(joining), 0) << err();
  ASSERT_EQ(run(plain(one, "one", 1, 2)), 0) << err();
  const std::vector<json> joined_steps = lines_of(of_run("joined", "metrics.jsonl"));
  const std::vector<json> steps = lines_of(of_run("one", "metrics.jsonl"));
  ASSERT_EQ(joined_steps.size(), 2u);
  for (std::size_t step = 0; step < 2; ++step) EXPECT_EQ(joined_steps[step]["loss"], steps[step]["loss"]);
}

TEST_F(Training, AKilledRunGoesOnAsIfNothingHadHappened) {
  const std::string data = four();
  for (const std::string rank : {"0", "4"}) {
    SCOPED_TRACE("rank " + rank);
    const auto arguments_of = [&](const std::string& version) {
      std::vector<std::string> arguments = plain(data, version + rank, 2, 8);
      arguments.insert(arguments.end(), {"--lora", rank});
      return arguments;
    };
    ASSERT_EQ(run(arguments_of("whole")), 0) << err();
    std::vector<std::string> arguments = arguments_of("killed");
    arguments.push_back("exp_manager.checkpoint_callback_params.every_n_train_steps=2");
    arguments.push_back("--resume");
    const fs::path metrics = of_run("killed" + rank, "metrics.jsonl");
    end_after(start(arguments), metrics, 5, SIGKILL);
    ASSERT_EQ(run(arguments), 0) << err();

    const std::vector<json> whole = lines_of(of_run("whole" + rank, "metrics.jsonl"));
    const std::vector<json> resumed = lines_of(metrics);
    ASSERT_EQ(whole.size(), 8u);
    ASSERT_EQ(resumed.size(), 8u);
    for (std::size_t index = 0; index < whole.size(); ++index) {
      for (const char* number : {"step", "loss", "lr", "grad_norm"})
        EXPECT_EQ(whole[index][number], resumed[index][number]) << number << " of step " << index + 1;
    }
    EXPECT_EQ(weights_of(of_run("whole" + rank, "run.nemo")),
              weights_of(of_run("killed" + rank, "run.nemo")));
  }
}

// What NeMo loads has no factors: they are in the matrices, and all else of the encoder is the base's.
TEST_F(Training, LowRankFactorsEndInTheMatrices) {
  std::vector<std::string> arguments = plain(four(), "factors", 2, 3);
  arguments.insert(arguments.end(), {"--lora", "4"});
  ASSERT_EQ(run(arguments), 0) << err();
  const auto base = weights_of(model());
  const auto trained = weights_of(of_run("factors", "run.nemo"));
  ASSERT_EQ(trained.size(), base.size());
  for (const auto& [name, values] : base) {
    ASSERT_TRUE(trained.contains(name)) << name;
    const bool is_matrix =
        name.find(".linear") != std::string::npos || name.find(".pointwise") != std::string::npos;
    if (name.starts_with("encoder.") && !(is_matrix && name.ends_with(".weight"))) {
      EXPECT_EQ(trained.at(name), values) << name;
    }
    if (name == "encoder.layers.0.self_attn.linear_q.weight" || name == "joint.enc.weight") {
      EXPECT_NE(trained.at(name), values) << name;
    }
  }

  // A resumed run needs the base that it began with, and its rank.
  const auto resumed = [&](const std::string& base_model, const std::string& rank) {
    std::vector<std::string> again = plain(four(), "factors", 2, 6);
    again.insert(again.end(), {"--resume", "--lora", rank});
    again[1] = base_model;
    return run(again);
  };
  EXPECT_EQ(resumed(of_run("factors", "run.nemo").string(), "4"), 3);
  EXPECT_THAT(err(), HasSubstr("expected the base and the glossa.lora.alpha that the run began with"));
  EXPECT_EQ(resumed(model(), "8"), 3);
  EXPECT_THAT(err(), HasSubstr("with the same model.aux_ctc, glossa.frame_label_weight and glossa.lora"));
  EXPECT_EQ(resumed(model(), "0"), 3);
  EXPECT_THAT(err(), HasSubstr("expected a state of a run with the same glossa.lora as this"));
  EXPECT_EQ(resumed(model(), "4"), 0) << err();
}

TEST_F(Training, SigtermSavesAndEndsCleanly) {
  std::vector<std::string> arguments = plain(four(), "stopped", 2, 100000);
  for (const char* word : {"--resume", "--json"}) arguments.emplace_back(word);
  const fs::path metrics = of_run("stopped", "metrics.jsonl");
  ASSERT_EQ(end_after(start(arguments), metrics, 3, SIGTERM), 0) << err();
  const std::size_t steps = lines_of(metrics).size();
  EXPECT_GE(steps, 3u);
  EXPECT_TRUE(fs::exists(
      of_run("stopped", "checkpoints") /
      ("step-" + std::string(8 - std::to_string(steps).size(), '0') + std::to_string(steps) + ".state")));
  EXPECT_FALSE(fs::exists(of_run("stopped", "run.nemo"))) << "the run did not come to its end";
  const json told = json::parse(out());
  EXPECT_TRUE(told["stopped"]);
  EXPECT_EQ(told["model"], nullptr);
  EXPECT_EQ(told["steps"], steps);
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

TEST_F(Training, ProcessesThatDoNotShareAFolderDoNotGoOn) {
  ASSERT_EQ(run(plain(four(), "two", 2, 2)), 0) << err();
  const std::string port = std::to_string(20000 + (::getpid() + 1) % 20000);
  std::vector<pid_t> processes;
  for (const std::string rank : {"0", "1"}) {
    std::vector<std::string> arguments = plain(four(), "two", 1, 4);
    arguments.push_back("--resume");
    if (rank == "1") *(std::ranges::find(arguments, "--exp-dir") + 1) = (folder_ / "elsewhere").string();
    processes.push_back(start(arguments, {"RANK=" + rank, "WORLD_SIZE=2", "LOCAL_RANK=" + rank,
                                          "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port}));
  }
  for (const pid_t process : processes) EXPECT_EQ(end_of(process), 3);
  EXPECT_THAT(err(), HasSubstr("processes would go on from step 0 and from step 2"));
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
  for (const char* part : {"<svg", "Forgetting", "de-DE", "Configuration", "words in silence"})
    EXPECT_THAT(report, HasSubstr(part));
  EXPECT_TRUE(fs::exists(of_run("validated", "run.nemo")));
}

// What is deployed has a figure of its own: no step's, and not that of the mean before the base was mixed in.
TEST_F(Training, WhatIsMixedWithTheBaseIsValidatedAsItIsWritten) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "mixed", 2, 4);
  std::erase(arguments, "--quiet");
  for (const std::string word :
       {"--validation", data.c_str(), "--latency", "80ms", "trainer.val_check_interval=2",
        "glossa.average_best=2", "glossa.base_share=0.5", "--json"})
    arguments.push_back(word);
  ASSERT_EQ(run(arguments), 0) << err();
  const std::vector<json> validations = lines_of(of_run("mixed", "validation.jsonl"));
  ASSERT_EQ(validations.size(), 5u) << "the base, steps 2 and 4, their mean, and what is written";
  EXPECT_EQ(validations[3]["averaged"], 2);
  EXPECT_EQ(validations[3]["base_share"], 0);
  EXPECT_EQ(validations[4]["base_share"], 0.5);
  EXPECT_THAT(err(), HasSubstr("mixed with 50 % of the base: word error rate"));
  EXPECT_THAT(text_of(of_run("mixed", "report.html")), HasSubstr("50 % base"));
  const json told = json::parse(out());
  EXPECT_EQ(told["model"], of_run("mixed", "run.nemo").string());
  EXPECT_THAT(told["candidate"].get<std::string>(), ::testing::EndsWith(", mixed with 50 % of the base"));
  EXPECT_EQ(told["val_wer"], validations[4]["val_wer"]);
  EXPECT_EQ(told["base_val_wer"], validations[0]["val_wer"]);
  EXPECT_EQ(told["steps"], 4);
  EXPECT_FALSE(told["stopped"]);

  // As the base of another run it has the same figure.
  std::vector<std::string> again = plain(data, "again", 2, 1);
  for (const std::string word : {"--validation", data.c_str(), "--latency", "80ms"}) again.push_back(word);
  again[1] = of_run("mixed", "run.nemo").string();
  ASSERT_EQ(run(again), 0) << err();
  EXPECT_EQ(lines_of(of_run("again", "validation.jsonl"))[0]["val_wer"], validations[4]["val_wer"]);
}

TEST_F(Training, AModelThatIsNoBetterThanItsBaseIsCalledThat) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "worse", 2, 2);
  std::erase(arguments, "--quiet");
  for (const std::string word : {"--validation", data.c_str(), "--latency", "80ms", "model.optim.lr=0.3",
                                 "model.optim.sched.name=constant", "model.optim.sched.min_lr=0"})
    arguments.push_back(word);
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(), HasSubstr("what was written is no better than the base: word error rate "));
}

TEST_F(Training, ValidationHasItsOwnFieldsAndTheLanguageOfWhatNamesNone) {
  json first = entry("de-DE_6.wav", "Bitte lies die zweite Zeile noch einmal.", "de-DE", "langID");
  json second = entry("en-US_0.wav", "The river was quiet before sunrise.", "en-US", "langID");
  for (json* line : {&first, &second}) (*line)["sentence"] = (*line)["text"];
  first.erase("text");
  first.erase("target_lang");
  std::vector<std::string> arguments = plain(four(), "fields", 2, 1);
  const std::string held_out = manifest("held_out.jsonl", {first, second});
  for (const std::string word : {"--validation", held_out.c_str(), "--lang", "de-DE", "--latency", "56,0",
                                 "model.validation_ds.text_field=sentence"})
    arguments.push_back(word);
  ASSERT_EQ(run(arguments), 0) << err();
  const json scores = lines_of(of_run("fields", "validation.jsonl")).at(0)["target"];
  std::map<std::string, int> utterances;
  for (const json& score : scores) utterances[score["language"]] = score["utterances"];
  EXPECT_EQ(utterances, (std::map<std::string, int>{{"de-DE", 1}, {"en-US", 1}, {"all", 2}})) << scores;
}

TEST_F(Training, OptionsOverrideAFile) {
  const fs::path file = folder_ / "file.yaml";
  std::ofstream(file)
      << "init_from_nemo_model: none.nemo\n"
         "model:\n"
         "  train_ds: {manifest_filepath: none.jsonl, tarred_audio_filepaths: none.tar, batch_size: 2}\n"
         "  validation_ds: {manifest_filepath: none.jsonl, shar_path: cuts, batch_size: 2}\n"
         "trainer: {max_steps: 7, val_check_interval: 1}\n";
  ASSERT_EQ(run({"--config", file.string(), "--base", "a.nemo", "--data", "b.jsonl", "--validation",
                 "c.jsonl", "--replay", "d.jsonl", "--lang", "el-GR", "--steps", "9", "--print-config",
                 "trainer.max_steps=11"}),
            0)
      << err();
  for (const char* part : {"a.nemo", "b.jsonl", "c.jsonl", "d.jsonl", "el-GR", "max_steps: 11"})
    EXPECT_THAT(out(), HasSubstr(part));
  EXPECT_THAT(out(), Not(HasSubstr("none.")));
  EXPECT_THAT(err(), HasSubstr("model.validation_ds.shar_path"));
}

// From nothing to four recordings without an error, as the engine streams them at 80 ms.
TEST_F(Training, LearnsRecordingsByHeartFromScratch) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "learnt", 4, 800);
  for (const std::string word : {"--from-scratch", "--validation", data.c_str(), "--latency", "80ms"})
    arguments.push_back(word);
  for (const char* word :
       {"--skip-base-validation", "model.optim.lr=4e-3", "model.optim.sched.min_lr=2e-3",
        "model.optim.weight_decay=0", "model.encoder.att_context_size=[[56,0]]",
        "model.aux_ctc.ctc_loss_weight=0.5", "model.decoder.prednet.dropout=0.2",
        "trainer.val_check_interval=50", "glossa.validation.patience=0", "glossa.rehearsal_steps=3"})
    arguments.emplace_back(word);
  std::erase(arguments, "--quiet");
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(), HasSubstr("one of the largest batches: 4 utterances with 10 s of sound: "));
  EXPECT_THAT(err(), HasSubstr("GB of memory"));
  EXPECT_THAT(err(), HasSubstr("rehearsal: 3 steps on one batch of 4 utterances"));
  double best = 1;
  for (const json& validation : lines_of(of_run("learnt", "validation.jsonl")))
    best = std::min(best, validation["val_wer"].get<double>());
  EXPECT_EQ(best, 0) << err();
}

}  // namespace
}  // namespace glossa::testing
