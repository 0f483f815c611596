// Disks, shards, files and configurations that go wrong during training.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "data/shard_writer.h"
#include "train/training_fixture.h"

namespace glossa::testing {
namespace {

using ::testing::HasSubstr;

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

// Before there is a folder of the run.
TEST_F(Training, WhatIsWrongWithARunIsToldBeforeItBegins) {
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = plain(four(), "early", 2, 2);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const std::string absent = (folder_ / "absent.jsonl").string();
  EXPECT_EQ(with({"--validation", absent}), 3);
  EXPECT_EQ(with({"--validation", four(), "--probe", absent}), 3);
  EXPECT_THAT(err(), HasSubstr("absent.jsonl: no such file"));
  EXPECT_EQ(with({"--validation", four(), "--latency", "100ms"}), 2);
  EXPECT_THAT(err(), HasSubstr("got 100ms"));
  EXPECT_EQ(with({"--validation", four(), "--latency", "57,3"}), 2);
  EXPECT_THAT(err(), HasSubstr("got 57,3"));
  for (const char* name : {"a/b", "..", ".", ""}) {
    EXPECT_EQ(run({"--base", model(), "--data", four(), "--steps", "1", "--name", name}), 2) << name;
    EXPECT_EQ(run({"--base", model(), "--data", four(), "--steps", "1", "--version-name", name}), 2) << name;
    EXPECT_EQ(with({std::string("exp_manager.name=\"") + name + "\""}), 3) << name;
  }
  EXPECT_EQ(with({"exp_manager.version=../up"}), 3);
  EXPECT_THAT(err(), HasSubstr("exp_manager.version is '../up'"));
  EXPECT_FALSE(fs::exists(folder_ / "run")) << "no folder was made";
}

// What is left would be all that is learnt, silence, or a choice by nothing.
TEST_F(Training, WhatIsWrongWithItsDataEndsARunBeforeItBegins) {
  const auto with = [&](const std::string& data, std::vector<std::string> more) {
    std::vector<std::string> arguments = plain(data, "early", 2, 2);
    std::erase(arguments, "--quiet");
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  EXPECT_EQ(with(four(), {"--replay", four(), "model.train_ds.max_duration=0.1"}), 3);
  EXPECT_THAT(err(), HasSubstr("model.train_ds: no cut within the duration limits (expected 0 to 0.1 s)"));
  const std::string silent =
      manifest("silent.jsonl", {{{"audio_filepath", audio("en-US_0.wav")}, {"sentence", "Whatever."}}});
  EXPECT_EQ(with(silent, {}), 3);
  EXPECT_THAT(err(), HasSubstr("silent.jsonl:1: no text (expected what is said, \"\" where nothing is)"));
  EXPECT_EQ(with(four(), {"model.train_ds.noise_path=" + manifest("none.jsonl", {})}), 3);
  EXPECT_THAT(err(), HasSubstr("none.jsonl: no usable entry"));
  json moved = entry("en-US_0.wav", "The river was quiet before sunrise.", "en-US", "langID");
  json here = moved;
  moved["audio_filepath"] = "/nowhere/en-US_0.wav";
  EXPECT_EQ(with(four(), {"--validation", manifest("moved.jsonl", {moved, moved})}), 3);
  EXPECT_THAT(err(), HasSubstr("not one of 2 utterances to validate with can be used; the first: "));
  EXPECT_THAT(err(), HasSubstr("/nowhere/en-US_0.wav"));
  EXPECT_EQ(with(four(), {"--validation", manifest("half.jsonl", {moved, here})}), 0);
  EXPECT_THAT(err(), HasSubstr("1 of 2 utterances to validate with cannot be used and count nowhere"));
}

TEST_F(Training, RunsBegunInOneSecondHaveFoldersOfTheirOwn) {
  const std::vector<std::string> arguments = {"--base",
                                              model(),
                                              "--data",
                                              four(),
                                              "--steps",
                                              "1",
                                              "--exp-dir",
                                              folder_.string(),
                                              "--name",
                                              "run",
                                              "--threads",
                                              "1",
                                              "--quiet",
                                              "model.train_ds.batch_size=1",
                                              "model.train_ds.batch_duration=null"};
  std::vector<pid_t> runs;
  for (int each = 0; each < 3; ++each) runs.push_back(start(arguments));
  for (const pid_t each : runs) EXPECT_EQ(end_of(each), 0) << err();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "run"), {}), 3);
}

TEST_F(Training, PathsAreTakenAsTheyAre) {
  const std::string odd = "a \"quoted\" \\ back: [slash].jsonl";
  fs::copy_file(four(), folder_ / odd);
  std::ofstream(folder_ / "c.yaml") << "init_from_nemo_model: " << model()
                                    << "\nmodel: {train_ds: {manifest_filepath: x, batch_size: 2}}\n"
                                       "trainer: {max_steps: 1, val_check_interval: 1}\n";
  ASSERT_EQ(run({"--config", (folder_ / "c.yaml").string(), "--data", (folder_ / odd).string(), "--exp-dir",
                 (folder_ / "runs: #1").string(), "--threads", "1"}),
            0)
      << err();
  EXPECT_TRUE(fs::exists(folder_ / "runs: #1/default"));
}

TEST_F(Training, WhoReadsMayLeave) {
  std::vector<std::string> arguments = plain(four(), "alone", 2, 3);
  std::erase(arguments, "--quiet");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);  // nobody reads
  const int saved = ::dup(STDERR_FILENO);
  std::string command = GLOSSA_TRAINER;
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  ::dup2(ends[1], STDERR_FILENO);
  const int status = std::system(command.c_str());
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(ends[1]);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(lines_of(of_run("alone", "metrics.jsonl")).size(), 3u);
}

TEST_F(Training, WhatIsDoubtfulAboutTheDataIsToldBeforeItBegins) {
  std::vector<json> loud;
  std::vector<json> held_out;
  for (int line = 0; line < 10; ++line) {
    loud.push_back(entry("en-US_0.wav", "the river was quiet " + std::to_string(line), "en-US", "langID"));
    held_out.push_back(entry("en-US_2.wav", "A sentence of its own.", "en-US", "langID"));
  }
  held_out[4] = entry("en-US_0.wav", "The river was quiet 7.", "en-US", "langID");
  std::vector<std::string> arguments = plain(manifest("lower.jsonl", loud), "doubtful", 2, 1);
  std::erase(arguments, "--quiet");
  const std::string other = manifest("held_out.jsonl", held_out);
  for (const std::string word : {"--validation", other.c_str(), "--latency", "80ms"})
    arguments.push_back(word);
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(),
              HasSubstr("lower.jsonl: leaked-audio: 10 lines, the first is 1: the file of " + other + ":5"));
  EXPECT_THAT(err(), HasSubstr("lower.jsonl: style-drift: 0 % of its en-US lines have capitals, in"));
  EXPECT_THAT(err(), HasSubstr("neither replay nor probe"));
}

// Parts of a recording are not all of it; nothing is validated with probes alone.
TEST_F(Training, WhatIsHeldOutIsNoLeakWhereItIsApart) {
  json part = entry("en-US_0.wav", "The river was quiet.", "en-US", "langID");
  part["offset"] = 0.0;
  part["duration"] = 1.0;
  json rest = part;
  rest["offset"] = 1.0;
  rest["text"] = "";
  const std::string held_out = manifest("rest.jsonl", {rest});
  std::vector<std::string> arguments = plain(manifest("part.jsonl", {part}), "parts", 1, 2);
  std::erase(arguments, "--quiet");
  std::vector<std::string> probed = arguments;
  probed[std::find(probed.begin(), probed.end(), "parts") - probed.begin()] = "probed";
  for (const char* word : {"--probe", "/no/such/probe.jsonl"}) probed.emplace_back(word);
  EXPECT_EQ(run(probed), 0) << err();
  EXPECT_THAT(err(), HasSubstr("neither replay nor probe"));
  for (const std::string word : {"--validation", held_out.c_str(), "--latency", "80ms"})
    arguments.push_back(word);
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(), Not(HasSubstr("leaked")));
  // Nothing was said, so there is no rate; the run goes on all the same.
  for (const char* word : {"--resume", "trainer.max_steps=3", "model.optim.sched.max_steps=3"})
    arguments.emplace_back(word);
  EXPECT_EQ(run(arguments), 0) << err();
}

TEST_F(Training, ADiskThatIsTooSmallIsToldBeforeTheFirstStep) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "large", 2, 1'000'000'000);
  std::erase(arguments, "--quiet");
  for (const std::string word :
       {"--validation", data.c_str(), "--latency", "80ms", "trainer.val_check_interval=100",
        "exp_manager.checkpoint_callback_params.save_top_k=10000000"})
    arguments.push_back(word);
  EXPECT_EQ(end_after(start(arguments), of_run("large", "metrics.jsonl"), 1, SIGTERM), 0) << err();
  EXPECT_THAT(err(), HasSubstr("GB are free, and the run may need "));
}

TEST_F(Training, ASettingThatNothingUsesIsTold) {
  EXPECT_EQ(run({"--base", model(), "--data", four(), "--steps", "1", "--latency", "80ms", "--print-config"}),
            0);
  EXPECT_THAT(err(), HasSubstr("--latency says how to validate, but nothing is validated"));
  const std::string command = std::string(GLOSSA_TRAINER) + " --base " + model() + " --data " + four() +
                              " --steps 1 --print-config >/dev/full 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 3);
}

// No file may grow beyond a limit that lets logs through and stops checkpoints: what a full disk does.
TEST_F(Training, AFullDiskCostsCheckpointsAndNothingElse) {
  std::vector<std::string> arguments = plain(four(), "full", 2, 4);
  std::erase(arguments, "--quiet");
  arguments.push_back("exp_manager.checkpoint_callback_params.every_n_train_steps=2");
  ASSERT_EQ(run(arguments), 0) << err();
  const auto saved = weights_of(of_run("full", "checkpoints/step-00000004.nemo"));

  for (const char* word : {"--resume", "trainer.max_steps=8", "model.optim.sched.max_steps=8"})
    arguments.emplace_back(word);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);  // a write fails with an error instead, as on a full disk
  const rlimit small{.rlim_cur = 200'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int code = run(arguments);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, ignored);

  EXPECT_EQ(code, 3) << "the last checkpoint is what the run was for";
  EXPECT_THAT(err(), HasSubstr("checkpoint of step 6 not saved"));
  EXPECT_THAT(err(), HasSubstr("step-00000008"));
  EXPECT_EQ(lines_of(of_run("full", "metrics.jsonl")).size(), 8u) << "training went on";
  EXPECT_EQ(weights_of(of_run("full", "checkpoints/step-00000004.nemo")), saved);
  EXPECT_EQ(run(arguments), 0) << "with room again, from step 4: " << err();
}

TEST_F(Training, AFullDiskCostsLinesOfLogsAndNotTheRun) {
  std::vector<std::string> arguments = plain(four(), "full", 2, 20);
  ASSERT_EQ(run(arguments), 0) << err();
  std::erase(arguments, "--quiet");
  const fs::path metrics = of_run("full", "metrics.jsonl");
  for (const char* word : {"--resume", "trainer.max_steps=26", "model.optim.sched.max_steps=26"})
    arguments.emplace_back(word);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = fs::file_size(metrics) + 50, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int code = run(arguments);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, ignored);

  EXPECT_EQ(code, 3);
  EXPECT_THAT(err(), HasSubstr("the run goes on without what is not written"));
  EXPECT_THAT(err(), HasSubstr("step-00000026")) << "it came to its end, where the checkpoint has no room";
  EXPECT_TRUE(text_of(metrics).ends_with("}\n")) << "no line is there in part";
  EXPECT_EQ(lines_of(metrics).size(), 20u);
  EXPECT_EQ(run(arguments), 0) << err();
  EXPECT_EQ(lines_of(metrics).size(), 26u);
}

TEST_F(Training, ARunIsNotBegunInTheFolderOfAnother) {
  const std::vector<std::string> arguments = plain(four(), "same", 2, 4);
  ASSERT_EQ(run(arguments), 0) << err();
  const auto trained = weights_of(of_run("same", "run.nemo"));
  const auto steps = lines_of(of_run("same", "metrics.jsonl"));
  EXPECT_EQ(run(plain(four(), "same", 2, 2)), 3);
  EXPECT_THAT(err(), HasSubstr("--resume"));
  EXPECT_EQ(weights_of(of_run("same", "run.nemo")), trained);
  EXPECT_EQ(lines_of(of_run("same", "metrics.jsonl")), steps);
}

// An earlier run's models and scores would decide which model is given.
TEST_F(Training, NorWhereOnlyModelsAreLeft) {
  ASSERT_EQ(run(plain(four(), "same", 2, 2)), 0) << err();
  fs::remove(of_run("same", "checkpoints/step-00000002.state"));
  for (const char* resume : {"", "--resume"}) {
    std::vector<std::string> arguments = plain(four(), "same", 2, 2);
    if (*resume != '\0') arguments.emplace_back(resume);
    EXPECT_EQ(run(arguments), 3);
  }
  EXPECT_THAT(err(), HasSubstr("has models of a run and no .state"));
}

TEST_F(Training, BatchesThatCannotBeReadEndNothingWhereSomeCan) {
  std::ofstream(folder_ / "broken.wav") << "RIFF but no sound";
  std::vector<json> entries = {entry("en-US_0.wav", "The river was quiet.", "en-US", "langID")};
  json broken = entries.front();
  broken["audio_filepath"] = (folder_ / "broken.wav").string();
  broken["duration"] = 1;
  entries.insert(entries.end(), 24, broken);
  ASSERT_EQ(run(plain(manifest("few.jsonl", entries), "few", 1, 27)), 0) << err();
  const auto steps = lines_of(of_run("few", "metrics.jsonl"));
  ASSERT_EQ(steps.size(), 27u);
  EXPECT_EQ(steps[24]["skipped"], 1);
  EXPECT_EQ(steps[25]["skipped"], 0);
}

TEST_F(Training, ResumingGoesOnWithTheRunThatSavedLast) {
  ASSERT_EQ(run(plain(four(), "zulu", 2, 2)), 0) << err();
  ASSERT_EQ(run(plain(four(), "alpha", 2, 2)), 0) << err();
  fs::create_directories(of_run("zzz", "checkpoints"));  // of a run that ended before it saved
  std::vector<std::string> arguments = plain(four(), "", 2, 4);
  const auto version = std::find(arguments.begin(), arguments.end(), "--version-name");
  arguments.erase(version, version + 2);
  arguments.emplace_back("--resume");
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_EQ(lines_of(of_run("alpha", "metrics.jsonl")).size(), 4u);
  EXPECT_EQ(lines_of(of_run("zulu", "metrics.jsonl")).size(), 2u);
}

TEST_F(Training, AStepWhoseValidationWasCutOffIsValidatedWhenTheRunGoesOn) {
  const std::string data = four();
  std::vector<std::string> arguments = plain(data, "cut", 2, 4);
  for (const std::string word : {"--validation", data.c_str(), "--latency", "80ms", "--skip-base-validation"})
    arguments.push_back(word);
  arguments.push_back("trainer.val_check_interval=2");
  ASSERT_EQ(run(arguments), 0) << err();
  const fs::path file = of_run("cut", "checkpoints/scores.json");
  const json scores = json::parse(text_of(file));
  ASSERT_EQ(scores.size(), 2u);
  std::ofstream(file) << json::array({scores[0]});  // as SIGKILL leaves it
  fs::remove(of_run("cut", "run.nemo"));
  arguments.emplace_back("--resume");
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_EQ(json::parse(text_of(file)), scores);
  EXPECT_TRUE(fs::exists(of_run("cut", "run.nemo")));
}

TEST_F(Training, ResumingIsExactWhereABatchCouldNotBeRead) {
  std::ofstream(folder_ / "broken.wav") << "RIFF but no sound";
  json broken = entry("en-US_0.wav", "Never heard.", "en-US", "langID");
  broken["audio_filepath"] = (folder_ / "broken.wav").string();
  broken["duration"] = 1;  // or it would be known as broken before the first step
  const std::string data =
      manifest("mixed.jsonl", {entry("en-US_0.wav", "The river was quiet.", "en-US", "langID"), broken,
                               entry("es-ES_5.wav", "El mapa muestra.", "es-ES", "langID"),
                               entry("de-DE_6.wav", "Bitte lies die Zeile.", "de-DE", "langID")});
  ASSERT_EQ(run(plain(data, "whole", 1, 8)), 0) << err();
  std::vector<std::string> arguments = plain(data, "halves", 1, 8);
  arguments.emplace_back("--resume");
  std::vector<std::string> half = arguments;
  half.emplace_back("trainer.max_steps=4");
  half.emplace_back("model.optim.sched.max_steps=8");
  ASSERT_EQ(run(half), 0) << err();
  ASSERT_EQ(run(arguments), 0) << err();
  const auto whole = lines_of(of_run("whole", "metrics.jsonl"));
  const auto halves = lines_of(of_run("halves", "metrics.jsonl"));
  ASSERT_EQ(whole.size(), 8u);
  ASSERT_EQ(halves.size(), 8u);
  for (std::size_t step = 0; step < 8; ++step)
    EXPECT_EQ(whole[step]["loss"], halves[step]["loss"]) << step + 1;
  EXPECT_EQ(whole[1]["skipped"], 1);
}

TEST_F(Training, DamagedNoiseIsNotMixedIn) {
  std::ofstream(folder_ / "hiss.wav") << "RIFF but no sound";
  const std::string noises =
      manifest("noise.jsonl", {{{"audio_filepath", (folder_ / "hiss.wav").string()}, {"duration", 1}}});
  std::vector<std::string> arguments = plain(four(), "noisy", 2, 3);
  std::erase(arguments, "--quiet");
  arguments.push_back("model.train_ds.noise_path=" + noises);
  arguments.push_back("model.train_ds.noise_mix_prob=1");
  ASSERT_EQ(run(arguments), 0) << err();
  EXPECT_THAT(err(), HasSubstr("hiss.wav"));
  EXPECT_EQ(lines_of(of_run("noisy", "metrics.jsonl")).size(), 3u);
}

TEST_F(Training, AnUnknownLanguageIsToldBeforeTheFirstStep) {
  const std::string data = manifest("odd.jsonl", {entry("en-US_0.wav", "The river.", "en-US", "langID"),
                                                  entry("es-ES_5.wav", "El mapa.", "es-ES", "langID"),
                                                  entry("de-DE_6.wav", "Die Zeile.", "xx-QQ", "langID")});
  EXPECT_EQ(run(plain(data, "odd", 1, 2)), 3);  // two steps would not draw it
  EXPECT_THAT(err(), HasSubstr("odd.jsonl:3: language 'xx-QQ'"));
}

TEST_F(Training, AShardThatVanishesDoesNotEndARunAndIsNamedWhenOneBegins) {
  const data::ManifestText manifest = data::read_manifest_text(four());
  data::ShardOptions options;
  options.folder = folder_ / "shards";
  options.shards = 2;
  data::write_shards(std::span(&manifest, 1), options, ThreadPool(1));
  std::vector<std::string> arguments =
      plain((options.folder / "sharded_manifests/manifest__OP_0..1_CL_.json").string(), "gone", 1, 60);
  std::erase(arguments, "--quiet");
  arguments.push_back("model.train_ds.tarred_audio_filepaths=[" +
                      (options.folder / "audio__OP_0..1_CL_.tar").string() + "]");
  const pid_t child = start(arguments);
  while (lines_of(of_run("gone", "metrics.jsonl")).size() < 3)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  fs::remove(options.folder / "audio_1.tar");
  EXPECT_EQ(end_of(child), 0) << err();
  EXPECT_EQ(lines_of(of_run("gone", "metrics.jsonl")).size(), 60u);

  arguments.push_back("exp_manager.version=again");
  EXPECT_EQ(run(arguments), 3);
  EXPECT_THAT(err(), HasSubstr("audio_1.tar"));
}

}  // namespace
}  // namespace glossa::testing
