// `glossa dump`: every stage of the recognition of one file, to compare with another implementation.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/npy.h"
#include "cli/output_writer.h"
#include "engine/stage_tap.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct DumpOptions {
  ModelOptions model{.weights = "f32"};  // what other implementations are compared with
  RecognitionOptions recognition{.final_silence_ms = 0};
  fs::path audio;
  fs::path folder;
  bool json = false;
};

// One file per stage, growing with every step.
class StageFiles {
 public:
  explicit StageFiles(fs::path folder) : folder_(std::move(folder)) {}

  void append(std::string_view stage, backend::Matrix<const float> rows) {
    auto writer = writers_.find(stage);
    if (writer == writers_.end()) {
      order_.emplace_back(stage);
      const fs::path path = folder_ / (std::string(stage) + ".npy");
      writer = writers_.emplace(stage, NpyWriter(path, rows.cols)).first;
    }
    for (std::int64_t row = 0; row < rows.rows; ++row) {
      writer->second.append({rows.row(row), static_cast<std::size_t>(rows.cols)});
    }
  }

  // {stage, rows}, in the order of the journey.
  std::vector<std::pair<std::string, std::int64_t>> finish() {
    std::vector<std::pair<std::string, std::int64_t>> stages;
    for (const std::string& stage : order_) {
      NpyWriter& writer = writers_.find(stage)->second;
      writer.finish();
      stages.emplace_back(stage, writer.rows());
    }
    return stages;
  }

 private:
  fs::path folder_;
  std::map<std::string, NpyWriter, std::less<>> writers_;
  std::vector<std::string> order_;
};

void write_tokens(const fs::path& path, const DumpOptions& options, const Transcript& transcript) {
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  for (const Token& token : transcript.tokens) {
    tokens.push_back({{"id", token.id},
                      {"frame", token.frame},
                      {"log_prob", token.log_prob},
                      {"confidence", token.confidence}});
  }
  const nlohmann::ordered_json object = {{"audio_filepath", options.audio.string()},
                                         {"text", transcript.text},
                                         {"language", transcript.language},
                                         {"duration", transcript.duration},
                                         {"score", transcript.score},
                                         {"tokens", tokens}};
  std::ofstream file(path, std::ios::binary);
  file << text::json_text(object, 1) << "\n";
  if (!file.flush()) fail_bad_input("{}: cannot write the file", path.string());
}

int dump(const DumpOptions& options) {
  check(options.recognition);
  const auto recognizer = load_recognizer(options.model, false);
  const auto stream = recognizer->create_stream(stream_options(options.recognition, *recognizer));
  const audio::AudioFile sound = audio::read_audio(options.audio, recognizer->info().sample_rate);
  make_folder(options.folder);
  StageFiles files(options.folder);
  stream->accept_waveform(sound.samples);
  stream->input_finished();
  Stream* ready[] = {stream.get()};
  while (stream->is_ready()) {
    engine::decode_with_tap(*recognizer, ready,
                            [&](std::string_view stage, std::size_t, backend::Matrix<const float> rows) {
                              files.append(stage, rows);
                            });
  }
  const auto stages = files.finish();
  write_tokens(options.folder / "tokens.json", options, stream->transcript());
  if (options.json) {
    nlohmann::ordered_json report = {{"folder", options.folder.string()},
                                     {"rows", nlohmann::ordered_json::object()}};
    for (const auto& [stage, rows] : stages) report["rows"][stage] = rows;
    report["tokens"] = stream->transcript().tokens.size();
    print_to_stdout(text::json_text(report, 2) + "\n");
    return kDone;
  }
  for (const auto& [stage, rows] : stages) print_to_stdout(fmt::format("{}.npy\t{} rows\n", stage, rows));
  print_to_stdout(fmt::format("tokens.json\t{} tokens\n", stream->transcript().tokens.size()));
  return kDone;
}

}  // namespace

Command add_dump(CLI::App& program) {
  auto options = std::make_shared<DumpOptions>();
  CLI::App* command = program.add_subcommand(
      "dump", "Every stage of one recognition as .npy, to compare with another program");
  command->footer(
      "Writes mel, subsampling, layer.0 and so on, encoder, prompt and joint.enc as float32 [frames, width], "
      "and\n"
      "tokens.json with id, frame, log_prob and confidence of every token.");
  command
      ->add_option("model", options->model.model,
                   "The checkpoint: a .nemo or .gguf file, or a folder of transformers")
      ->required()
      ->type_name("");
  command->add_option("audio", options->audio, "A sound file")->required()->type_name("");
  command->add_option("--output", options->folder, "Folder for the files")->required()->type_name("DIR");
  add_engine_options(*command, options->model);
  add_recognition_options(*command, options->recognition);
  command->add_flag("--json", options->json, "JSON instead of text");
  return {command, [options] { return dump(*options); }};
}

}  // namespace glossa::cli
