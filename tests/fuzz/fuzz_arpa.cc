// An ARPA language model: an Error or an automaton whose every state can be asked and left.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "glossa/error.hpp"
#include "lm/arpa.h"
#include "lm/ngram_automaton.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kVocabulary = 64;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  try {
    const glossa::lm::NgramAutomaton automaton(glossa::lm::read_arpa(in, "fuzz", kVocabulary), kVocabulary,
                                               "fuzz");
    std::vector<float> all(kVocabulary);
    int state = automaton.start();
    for (int step = 0; step < 200; ++step) {
      const int label = (step * 7) % kVocabulary;
      automaton.log_probs(state, all);
      if (all[static_cast<std::size_t>(label)] != automaton.log_prob(state, label)) std::abort();
      if (std::isnan(all[static_cast<std::size_t>(label)])) std::abort();
      state = automaton.next(state, label);
    }
  } catch (const glossa::Error&) {
  }
  return 0;
}
