// `glossa data segment`: long recordings and their transcripts into utterances to train with.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/fail.h"
#include "cli/common_options.h"
#include "cli/data_commands.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "cli/transcriber.h"
#include "cli/transcript_alignment.h"
#include "data/segments.h"
#include "eval/text_normalizer.h"
#include "text/json_text.h"
#include "text/subtitle_text.h"
#include "text/utf8.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr double kFedSeconds = 60;  // of sound given to the stream at a time
constexpr double kFewHeard = 0.3;   // of the text

struct SegmentCommand {
  std::vector<std::string> inputs;
  fs::path output;
  ModelOptions model;
  std::string target_lang;
  std::string latency;
  data::SegmentOptions segments;
  bool recursive = false;
  bool json = false;
  bool quiet = false;
};

// What is to be cut: a line of a manifest, or a sound file with its transcript beside it.
struct Recording {
  Input input;
  std::optional<data::JsonLine> line;  // of the manifest, whose text is in `input`; its other keys are kept
};

struct RecordingOutcome {
  std::string name;
  std::string error;   // empty: it could be used
  double seconds = 0;  // of sound
  double kept = 0;     // of these in utterances
  std::size_t utterances = 0;
  std::size_t units = 0;        // words of the text, or letters
  std::size_t heard_units = 0;  // as they are written
  std::size_t kept_units = 0;
  double characters = 0;  // of the utterances
  double wrong = 0;       // of these

  double kept_share() const {
    return units > 0 ? static_cast<double>(kept_units) / static_cast<double>(units) : 0;
  }
  double error_rate() const { return characters > 0 ? wrong / characters : 0; }
};

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_bad_input("{}: cannot be read", path.string());
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!text::is_valid_utf8(text)) fail_bad_input("{}: not UTF-8 (expected text in UTF-8)", path.string());
  if (path.extension() != ".txt") return text::text_of_subtitles(text);
  return std::string(text::without_byte_order_mark(text));
}

// The transcript beside a sound file: its name with another extension. Empty: there is none.
fs::path transcript_beside(const fs::path& audio) {
  constexpr std::array<const char*, 3> kExtensions = {".txt", ".srt", ".vtt"};
  for (const char* extension : kExtensions) {
    fs::path beside = audio;
    std::error_code unusable;
    if (fs::is_regular_file(beside.replace_extension(extension), unusable)) return beside;
  }
  return {};
}

// Error kBadInput says what is missing.
std::string text_of(const Recording& recording) {
  const Input& input = recording.input;
  if (recording.line) return input.text.value_or("");
  if (!fs::exists(input.audio)) fail_bad_input("{}: no such file", input.audio.string());
  const fs::path beside = transcript_beside(input.audio);
  if (beside.empty()) {
    fail_bad_input("{}: no transcript (expected {} beside it, or .srt or .vtt)", input.audio.string(),
                   fs::path(input.audio).filename().replace_extension(".txt").string());
  }
  return read_text(beside);
}

bool is_manifest(const fs::path& path) { return path.extension() == ".jsonl" || path.extension() == ".json"; }

std::vector<Recording> recordings_of_manifest(const fs::path& path) {
  std::vector<Recording> recordings;
  for (data::ManifestLine& line : data::read_manifest_text(path).lines) {
    if (!line.entry) fail_bad_input("{}:{}: {}", path.string(), line.line, line.problem);
    const data::ManifestEntry& entry = *line.entry;
    recordings.push_back({.input = {.audio = entry.audio_filepath,
                                    .name = fmt::format("{}:{}", path.string(), entry.line),
                                    .offset = entry.offset,
                                    .duration = entry.duration,
                                    .text = entry.text,
                                    .target_lang = entry.target_lang},
                          .line = data::JsonLine(std::move(line.raw))});
  }
  if (recordings.empty()) fail_bad_input("{}: nothing to cut (expected entries, got none)", path.string());
  return recordings;
}

std::vector<Recording> collect(const SegmentCommand& command) {
  std::vector<Recording> recordings;
  for (const std::string& path : command.inputs) {
    if (is_manifest(path)) {
      std::ranges::move(recordings_of_manifest(path), std::back_inserter(recordings));
      continue;
    }
    for (Input& input : collect_inputs(std::span(&path, 1), command.recursive)) {
      if (input.is_stdin()) fail_invalid_argument("- cannot be cut (expected sound files or manifests)");
      recordings.push_back({.input = std::move(input), .line = {}});
    }
  }
  return recordings;
}

class Segmentation {
 public:
  explicit Segmentation(const SegmentCommand& command) : command_(command) {}

  int run() {
    if (command_.segments.min_duration >= command_.segments.max_duration) {
      fail_invalid_argument("--min-duration is {} (expected less than --max-duration, {})",
                            command_.segments.min_duration, command_.segments.max_duration);
    }
    for (const std::string& path : command_.inputs) check_output_is_not(path);
    const std::vector<Recording> recordings = collect(command_);
    for (const Recording& recording : recordings) {
      check_output_is_not(recording.input.audio);
      if (!recording.line) check_output_is_not(transcript_beside(recording.input.audio));
    }
    check_replaceable(command_.output);
    recognizer_ = load_recognizer(command_.model, command_.quiet);
    const AttContext context = latency();
    if (!command_.target_lang.empty() && recognizer_->info().has_prompt)  // throws when it is unknown
      recognizer_->create_stream({.target_lang = command_.target_lang});
    const InterruptGuard interrupt;
    Progress progress("cutting", static_cast<double>(std::max<std::size_t>(recordings.size(), 1)),
                      command_.quiet);
    InputReader reader(recognizer_->info().sample_rate);
    try {
      for (const Recording& recording : recordings) {
        const auto before = static_cast<double>(outcomes_.size());
        const RecordingOutcome outcome = cut(recording, context, reader, [&](double part, double seconds) {
          interrupt.check();
          progress.update(before + part, fmt::format("{} of this recording", clock_time(seconds)));
        });
        progress.clear();
        if (!outcome.error.empty()) fmt::print(stderr, "glossa: {}\n", outcome.error);
        outcomes_.push_back(outcome);
      }
    } catch (const Interrupted&) {
      progress.clear();
      write();
      fmt::print(stderr, "glossa: interrupted: {} utterances of {} of {} recordings written\n", lines_.size(),
                 outcomes_.size(), recordings.size());
      throw;
    }
    progress.clear();
    write();
    print_to_stdout(command_.json ? to_json() : to_text());
    const bool all_used =
        std::ranges::all_of(outcomes_, [](const RecordingOutcome& one) { return one.error.empty(); });
    return all_used && !lines_.empty() ? kDone : kUnusableInput;
  }

 private:
  void check_output_is_not(const fs::path& input) const {
    std::error_code missing;  // then they are not the same
    if (fs::equivalent(input, command_.output, missing))
      fail_invalid_argument("--output would replace {} (expected another file)", input.string());
  }

  // The longest chunk hears best.
  AttContext latency() const {
    const ModelInfo& model = recognizer_->info();
    if (!command_.latency.empty()) return latency_context(command_.latency, model, "--latency");
    return *std::ranges::max_element(model.att_contexts, {}, &AttContext::chunk_frames);
  }

  std::string language_of(const Input& input) const {
    const std::string lang = input.target_lang.value_or(command_.target_lang);
    if (lang.empty() && recognizer_->info().has_prompt)
      fail_bad_input("{}: no language (expected target_lang in the manifest, or --target-lang)", input.name);
    return lang;
  }

  // `heard(part, seconds)`: so much of the recording so far.
  template <class Heard>
  Transcript recognize(std::span<const float> samples, const std::string& lang, AttContext context,
                       const Heard& heard) const {
    const ModelInfo& model = recognizer_->info();
    StreamOptions options{.att_context = context, .mode = StreamingMode::kOffline};
    options.final_silence = kDefaultFinalSilence;
    options.target_lang = model.has_prompt ? lang : "";
    const auto stream = recognizer_->create_stream(options);
    Stream* ready[] = {stream.get()};
    const auto slice = static_cast<std::size_t>(kFedSeconds * model.sample_rate);
    for (std::size_t at = 0; at < samples.size(); at += slice) {
      stream->accept_waveform(samples.subspan(at, std::min(slice, samples.size() - at)));
      if (at + slice >= samples.size()) stream->input_finished();
      while (stream->is_ready()) recognizer_->decode(ready);
      const auto fed = static_cast<double>(std::min(at + slice, samples.size()));
      heard(fed / static_cast<double>(samples.size()), fed / model.sample_rate);
    }
    return stream->transcript();
  }

  // What makes a recording unusable is its own problem, not the end of the work.
  template <class Heard>
  RecordingOutcome cut(const Recording& recording, AttContext context, InputReader& reader,
                       const Heard& heard) {
    RecordingOutcome outcome{.name = recording.input.name};
    try {
      const Input& input = recording.input;
      const std::string text = text_of(recording);
      const std::string lang = language_of(input);
      if (eval::normalize_for_scoring(text, lang, {}).empty())
        fail_bad_input("{}: no words in its text", input.name);
      const std::vector<float> samples = reader.read(input);
      if (samples.empty()) fail_bad_input("{}: no sound", input.name);
      const AlignedTranscript aligned = naming(
          input, [&] { return align_transcript(text, recognize(samples, lang, context, heard), lang); });
      const data::Loudness loudness(samples, recognizer_->info().sample_rate);
      const auto segments = data::find_segments(aligned.units, aligned.heard, loudness, command_.segments);
      outcome.seconds = loudness.seconds();
      outcome.units = aligned.units.size();
      outcome.heard_units = static_cast<std::size_t>(std::ranges::count_if(
          aligned.units, [](const data::TranscriptUnit& one) { return one.heard.has_value(); }));
      for (const data::Segment& segment : segments) {
        lines_.push_back(line_of(recording, segment, aligned.text_of(segment), lang));
        outcome.kept += segment.end - segment.start;
        outcome.kept_units += segment.last - segment.first;
        for (std::size_t unit = segment.first; unit < segment.last; ++unit) {
          const auto own = static_cast<double>(aligned.units[unit].characters);
          outcome.characters += own;
          outcome.wrong += segment.error * own;
        }
      }
      outcome.utterances = segments.size();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      outcome.error = error.what();
    } catch (const fs::filesystem_error& error) {
      outcome.error = error.what();
    }
    return outcome;
  }

  // What goes wrong with a recording's words says of which.
  template <class Work>
  static auto naming(const Input& input, const Work& work) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      fail_bad_input("{}: {}", input.name, error.what());
    }
  }

  static std::string line_of(const Recording& recording, const data::Segment& segment,
                             const std::string& text, const std::string& lang) {
    const auto milliseconds = [](double seconds) { return std::round(seconds * 1000) / 1000; };
    const double offset = milliseconds(recording.input.offset.value_or(0) + segment.start);
    const double duration = milliseconds(segment.end - segment.start);
    const double error = milliseconds(segment.error);
    const std::string audio = fs::absolute(recording.input.audio).lexically_normal().string();
    data::JsonLine line = recording.line.value_or(data::JsonLine("{}"));
    line.set("audio_filepath", data::json_string(audio));
    line.set("offset", text::json_text(ordered_json(offset)));
    line.set("duration", text::json_text(ordered_json(duration)));
    line.set("text", data::json_string(text));
    if (!lang.empty() && !line.has("lang")) line.set("target_lang", data::json_string(lang));
    line.set("cer", text::json_text(ordered_json(error)));
    return line.text();
  }

  // What was there before stays where nothing was found.
  void write() const {
    if (lines_.empty()) return;
    std::string bytes;
    for (const std::string& line : lines_) bytes += line + "\n";
    replace_file(command_.output, bytes);
  }

  static std::string told(const RecordingOutcome& outcome) {
    std::string text = fmt::format("{}: {} of {} in {}, {:.1f} % of the text", outcome.name,
                                   clock_time(outcome.kept), clock_time(outcome.seconds),
                                   counted(static_cast<std::int64_t>(outcome.utterances), "utterance"),
                                   100 * outcome.kept_share());
    if (outcome.utterances > 0)
      text += fmt::format("; {:.1f} % of its characters heard otherwise", 100 * outcome.error_rate());
    if (static_cast<double>(outcome.heard_units) < kFewHeard * static_cast<double>(outcome.units))
      text += ". Is it the text of this recording, in this language?";
    return text + "\n";
  }

  RecordingOutcome total() const {
    RecordingOutcome all{.name = "all"};
    for (const RecordingOutcome& one : outcomes_) {
      all.seconds += one.seconds;
      all.kept += one.kept;
      all.utterances += one.utterances;
      all.units += one.units;
      all.heard_units += one.heard_units;
      all.kept_units += one.kept_units;
      all.characters += one.characters;
      all.wrong += one.wrong;
    }
    return all;
  }

  std::string to_text() const {
    std::string text;
    for (const RecordingOutcome& outcome : outcomes_) {
      if (outcome.error.empty()) text += told(outcome);
    }
    if (outcomes_.size() > 1) text += told(total());
    if (lines_.empty()) return text + "nothing written\n";
    return text + fmt::format("{}: {} written\n", command_.output.string(),
                              counted(static_cast<std::int64_t>(lines_.size()), "line"));
  }

  static ordered_json described(const RecordingOutcome& outcome) {
    if (!outcome.error.empty()) return {{"name", outcome.name}, {"error", outcome.error}};
    return {{"name", outcome.name},
            {"seconds", outcome.seconds},
            {"kept_seconds", outcome.kept},
            {"utterances", outcome.utterances},
            {"kept_text", outcome.kept_share()},
            {"cer", outcome.utterances > 0 ? ordered_json(outcome.error_rate()) : ordered_json()}};
  }

  std::string to_json() const {
    ordered_json recordings = ordered_json::array();
    for (const RecordingOutcome& outcome : outcomes_) recordings.push_back(described(outcome));
    ordered_json report = {{"file", command_.output.string()}, {"recordings", std::move(recordings)}};
    report["all"] = described(total());
    return text::json_text(report, 2) + "\n";
  }

  const SegmentCommand& command_;
  std::shared_ptr<const Recognizer> recognizer_;
  std::vector<RecordingOutcome> outcomes_;
  std::vector<std::string> lines_;  // of the new manifest
};

}  // namespace

Command add_data_segment(CLI::App& data) {
  auto options = std::make_shared<SegmentCommand>();
  CLI::App* command =
      data.add_subcommand("segment", "Cut long recordings with transcripts into utterances to train with");
  command->footer(
      "Inputs are manifests (.jsonl, .json) whose lines are long recordings with the text of all that is "
      "said,\n"
      "or sound files and folders of them, with a transcript beside each: talk.mp3 and talk.txt, talk.srt "
      "or\n"
      "talk.vtt. The model hears the recording, its words and the transcript's are compared, and where both\n"
      "agree at a pause there may be a cut. Writes a manifest with offset, duration and text, and in \"cer\" "
      "the\n"
      "part of the characters that were heard otherwise; `glossa data tar` cuts the sound itself. Exit code: "
      "3\n"
      "when a recording cannot be used, or nothing was found.");
  command->add_option("inputs", options->inputs, "Manifests, sound files, folders of sound files")
      ->required()
      ->type_name("");
  command->add_option("--output", options->output, "The new manifest")->required()->type_name("FILE");
  add_model_options(*command, options->model);
  command->add_option("--target-lang", options->target_lang, "Language of what has no target_lang of its own")
      ->type_name("LANG");
  command
      ->add_option("--latency", options->latency,
                   "Chunk that the model hears with (default: the longest of the checkpoint)")
      ->type_name("LATENCY");
  command->add_option("--min-duration", options->segments.min_duration, "No utterance is shorter")
      ->check(zero_or_more())
      ->capture_default_str()
      ->type_name("SECONDS");
  command->add_option("--max-duration", options->segments.max_duration, "All utterances are shorter")
      ->check(above_zero())
      ->capture_default_str()
      ->type_name("SECONDS");
  command
      ->add_option(
          "--max-cer", options->segments.max_error,
          "No utterance of which a larger part of the characters was heard otherwise. A model that is "
          "to learn what it does not know yet needs room")
      ->check(number_between(0, 1))
      ->capture_default_str()
      ->type_name("PART");
  command->add_flag("--recursive", options->recursive, "Look into the folders below a folder, too");
  command->add_flag("--json", options->json, "JSON instead of text");
  command->add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {command, [options] { return Segmentation(*options).run(); }};
}

}  // namespace glossa::cli
