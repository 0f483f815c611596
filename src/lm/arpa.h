// ARPA files, with NeMo's spelling of pieces: each is one character, U+0000 + its id + 100 (train_kenlm.py,
// NGPU-LM), so that KenLM and NeMo read what is written here, and what they wrote is read.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>

#include "lm/ngram_model.h"

namespace glossa::lm {

// Error kBadInput names the file, the line, what was expected and found: no ARPA file, words that are no
// pieces (an ARPA of words, or of another vocabulary), n-grams whose beginning is not in the file, counts
// that do not hold, probabilities above 1. `vocabulary`: pieces of the checkpoint.
NgramModel read_arpa(const std::filesystem::path& path, int vocabulary);
NgramModel read_arpa(std::istream& in, const std::string& name, int vocabulary);  // `name`: for messages

// Six decimals, n-grams in the order of the tables.
void write_arpa(const NgramModel& model, std::ostream& out);

}  // namespace glossa::lm
