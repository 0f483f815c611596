// Several threads on one recogniser. Run under ThreadSanitizer by the tsan preset; here the results must be
// equal, too.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "engine/test_streams.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

TEST(Concurrency, ThreadsDecodeDifferentStreamsOnOneRecognizer) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("glossa_concurrency_" + std::to_string(::getpid()));
  const auto recognizer =
      Recognizer::load({.model = write_tiny_model({.blank_bias = 1.0}, folder), .threads = 2});
  constexpr int kThreads = 4;
  constexpr int kUtterances = 3;
  std::vector<std::vector<Outcome>> outcomes(kThreads);
  const auto options_of = [](int index) {
    // Contexts beyond the checkpoint's grow the shared position table while others use it.
    constexpr AttContext kContexts[] = {{56, 0}, {56, 13}, {64, 31}, {96, 3}};
    return StreamOptions{.att_context = kContexts[index % 4]};
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int utterance = 0; utterance < kUtterances; ++utterance) {
          const auto stream = recognizer->create_stream(options_of(thread + utterance));
          const auto pcm = wandering_noise(40000, static_cast<std::uint32_t>(10 * thread + utterance));
          outcomes[static_cast<std::size_t>(thread)].push_back(run_whole(*recognizer, *stream, pcm));
        }
      });
    }
  }
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int utterance = 0; utterance < kUtterances; ++utterance) {
      const auto pcm = wandering_noise(40000, static_cast<std::uint32_t>(10 * thread + utterance));
      const Outcome alone =
          run_whole(*recognizer, *recognizer->create_stream(options_of(thread + utterance)), pcm);
      EXPECT_EQ(outcomes[static_cast<std::size_t>(thread)][static_cast<std::size_t>(utterance)], alone);
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace glossa::testing
