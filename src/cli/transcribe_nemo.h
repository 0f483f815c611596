// `glossa transcribe key=value ...`: NeMo's speech_to_text_cache_aware_streaming_infer.py with this engine.
#pragma once

#include <filesystem>

#include "cli/common_options.h"
#include "cli/nemo_keys.h"

namespace glossa::cli {

// `streaming` overrides the mode that the keys ask for (nemo-buffer, or uniform with
// pad_and_drop_preencoded=true) unless it is empty. When every entry has a reference, prints "WER% of
// streaming mode: <percent>" and with output_path= writes streaming_out_<model>_<manifest>.json; otherwise
// prints the texts. As in NeMo's script a manifest's own target_lang is not looked at. Returns an ExitCode.
int transcribe_as_nemo(const NemoKeys& keys, const ModelOptions& engine, const std::string& streaming,
                       bool quiet);

// The file that the script writes: one object per line {"pred_text", "text", "wer"}.
std::filesystem::path nemo_output_file(const NemoKeys& keys, const std::filesystem::path& model);

// A rate as the script prints it: percent rounded to two digits, at least one of them shown (12.5, 33.33,
// 0.0, inf).
std::string percent(double rate);

}  // namespace glossa::cli
