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
