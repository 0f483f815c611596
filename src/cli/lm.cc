// `glossa lm`: an n-gram language model over a checkpoint's pieces, from text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/data_commands.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "data/manifest.h"
#include "lm/arpa.h"
#include "lm/ngram_automaton.h"
#include "lm/ngram_estimate.h"
#include "text/json_text.h"
#include "text/lang_tag.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct LmCommand {
  ModelOptions model;
  std::vector<std::string> texts;
  fs::path output;
  std::vector<std::string> tests;
  lm::EstimateOptions estimate;
  bool json = false;
  bool quiet = false;
};

// Sentences as pieces.
struct Text {
  std::vector<std::vector<int>> sentences;
  std::int64_t pieces = 0;
  std::int64_t words = 0;
  std::int64_t unknown = 0;  // pieces that the checkpoint cannot write
};

class TextReader {
 public:
  TextReader(const text::SentencePiece& pieces, bool quiet) : pieces_(pieces), quiet_(quiet) {}

  Text read(std::span<const std::string> files, const std::string& title) const {
    Text text;
    const InterruptGuard interrupt;
    Progress progress(title, static_cast<double>(files.size()), quiet_);
    const auto add = [&](const std::string& line) {
      interrupt.check();
      append(text, line);
    };
    for (const std::string& file : files) {
      if (file == "-") {
        each_line(std::cin, add);
      } else if (file.ends_with(".json") || file.ends_with(".jsonl")) {
        for (const data::ManifestEntry& entry : data::read_manifest(file)) {
          if (entry.text) add(*entry.text);
        }
      } else {
        std::ifstream in(file, std::ios::binary);
        if (!in || !fs::is_regular_file(file))
          fail_bad_input("{}: no such file, or it cannot be read (expected text or a manifest)", file);
        each_line(in, add);
      }
      progress.update(static_cast<double>(&file - files.data() + 1),
                      counted(static_cast<std::int64_t>(text.sentences.size()), "sentence"));
    }
    if (text.sentences.empty()) fail_bad_input("{}: no sentence in it", fmt::join(files, ", "));
    return text;
  }

 private:
  template <class Add>
  static void each_line(std::istream& in, const Add& add) {
    std::string line;
    while (std::getline(in, line)) add(line);
  }

  // Tags are the recogniser's own.
  void append(Text& text, const std::string& line) const {
    const std::string sentence = text::strip_lang_tags(line);
    std::vector<int> labels = pieces_.encode(sentence);
    if (labels.empty()) return;
    text.pieces += static_cast<std::int64_t>(labels.size());
    text.unknown += std::count(labels.begin(), labels.end(), pieces_.unk_id());
    bool in_word = false;
    for (const char c : sentence) {
      const bool space = c == ' ' || c == '\t' || c == '\r';
      text.words += !space && !in_word ? 1 : 0;
      in_word = !space;
    }
    text.sentences.push_back(std::move(labels));
  }

  const text::SentencePiece& pieces_;
  bool quiet_;
};

// Natural logarithm of the probability of all of it, ends of sentences included.
double log_prob(const lm::NgramAutomaton& automaton, const Text& text) {
  double sum = 0;
  for (const std::vector<int>& sentence : text.sentences) {
    int state = automaton.start();
    for (const int label : sentence) {
      sum += automaton.log_prob(state, label);
      state = automaton.next(state, label);
    }
    sum += automaton.log_prob(state, lm::kSentenceEnd);
  }
  return sum;
}

int build(const LmCommand& command) {
  check_replaceable(command.output);
  const TextModel model = read_text_model(model_path(command.model));
  const TextReader reader(*model.tokenizer, command.quiet);
  const Text text = reader.read(command.texts, "reading");
  std::optional<Text> test;
  if (!command.tests.empty()) test = reader.read(command.tests, "reading the test");
  if (text.unknown > 0 && !command.quiet) {
    log::warning(fmt::format("{} of {} pieces are <unk>: the checkpoint cannot write their characters",
                             text.unknown, text.pieces));
  }
  const lm::NgramModel ngrams = lm::estimate(text.sentences, command.estimate);
  const fs::path partial = partial_of(command.output);
  errno = 0;
  std::ofstream file(partial, std::ios::binary);
  lm::write_arpa(ngrams, file);
  file.close();
  if (!file) {
    const int reason = errno;
    std::error_code ignored;
    fs::remove(partial, ignored);
    fail_bad_input("{}: cannot write the file ({})", partial.string(), std::strerror(reason));
  }
  put_in_place(command.output);

  ordered_json json = {{"sentences", text.sentences.size()},
                       {"words", text.words},
                       {"pieces", text.pieces},
                       {"unknown", text.unknown},
                       {"ngrams", ordered_json::array()},
                       {"bytes", fs::file_size(command.output)}};
  std::string lines = fmt::format("{}: {}, {}, {}\n", command.output.string(),
                                  counted(static_cast<std::int64_t>(text.sentences.size()), "sentence"),
                                  counted(text.words, "word"), counted(text.pieces, "piece"));
  for (const lm::NgramTable& table : ngrams.tables) {
    json["ngrams"].push_back(table.size());
    lines += fmt::format("{}-grams {:>12}\n", table.order, table.size());
  }
  if (test) {
    const lm::NgramAutomaton automaton(ngrams, model.tokenizer->size(), command.output.string());
    const double loss = -log_prob(automaton, *test);
    const auto ends = static_cast<double>(test->sentences.size());
    const double per_piece = std::exp(loss / (static_cast<double>(test->pieces) + ends));
    const double per_word = std::exp(loss / (static_cast<double>(test->words) + ends));
    json["test"] = {{"sentences", test->sentences.size()},
                    {"words", test->words},
                    {"pieces", test->pieces},
                    {"perplexity_of_pieces", per_piece},
                    {"perplexity_of_words", per_word}};
    lines += fmt::format("test: {}, perplexity {:.1f} a piece, {:.1f} a word\n", counted(test->words, "word"),
                         per_piece, per_word);
  }
  print_to_stdout(command.json ? text::json_text(json, 2) + "\n" : lines);
  return kDone;
}

}  // namespace

Command add_lm(CLI::App& program) {
  auto options = std::make_shared<LmCommand>();
  CLI::App* command = program.add_subcommand("lm", "Make a language model for --lm from text of one's own");
  command->footer(
      "An n-gram model over the checkpoint's pieces (modified Kneser-Ney smoothing) as an ARPA file, spelt "
      "as\n"
      "NeMo's train_kenlm.py spells it. The text should look as transcripts do: written out, cased, with\n"
      "punctuation. `glossa evaluate --lm FILE --lm-alpha X` says what it is worth.");
  command
      ->add_option(
          "texts", options->texts,
          "Text, a sentence on each line; manifests (.json, .jsonl), whose texts are taken; - for stdin")
      ->required()
      ->type_name("");
  command
      ->add_option(
          "--model", options->model.model,
          "Checkpoint whose pieces are counted (default: $GLOSSA_MODEL, else the bundled demo model)")
      ->type_name("PATH");
  command->add_option("--output", options->output, "The ARPA file to write")->required()->type_name("FILE");
  command->add_option("--order", options->estimate.order, "Pieces of the longest n-grams")
      ->check(between(1, lm::kMostOrder))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--prune", options->estimate.prune,
                   "Leave out n-grams seen this often or less: for lengths 1, 2, 3 and so on, the last for "
                   "longer ones, too, such as 0 0 1 (default: none)")
      ->type_name("COUNT ...");
  command->add_option("--test", options->tests, "Text that is not in the others: its perplexity is measured")
      ->type_name("FILE ...");
  command->add_flag("--json", options->json, "JSON instead of text");
  command->add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {command, [options] { return build(*options); }};
}

}  // namespace glossa::cli
