// The commands that look at a checkpoint: info, languages, convert, dump.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cli/program.h"
#include "support/files.h"
#include "support/golden.h"

namespace glossa {
namespace {

using nlohmann::json;
using testing::golden_audio;
using testing::golden_case;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::Workplace;

TEST(Info, TellsTheGeometry) {
  const Workplace here;
  const auto run = here.glossa({"info", "--json", golden_model("tiny")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json info = json::parse(run.out);
  EXPECT_EQ(info["encoder"]["layers"], 3);
  EXPECT_EQ(info["encoder"]["d_model"], 64);
  EXPECT_EQ(info["predictor"]["hidden"], 80);
  EXPECT_EQ(info["joint"]["hidden"], 96);
  EXPECT_EQ(info["vocabulary"], 256);
  EXPECT_EQ(info["weights"], "f32");
  EXPECT_EQ(info["att_contexts"][0]["latency_ms"], 80.0 * (info["att_contexts"][0]["right"].get<int>() + 1));
  EXPECT_EQ(info["prompt"]["used"].get<std::size_t>() + info["prompt"]["free_slots"].size(), 128u);
  EXPECT_FALSE(info["kernels"].empty());
  EXPECT_EQ(json::parse(here.glossa({"info", "--json", golden_model("tiny-fp16")}).out)["weights"], "f16");
  EXPECT_THAT(here.glossa({"info", golden_model("tiny-bf16-gz")}).out, HasSubstr("weights bf16"));
  EXPECT_THAT(here.glossa({"info", golden_model("tiny-en")}).out, HasSubstr("none: one language"));
}

TEST(Languages, HaveSlotsAliasesAndTiers) {
  const Workplace here;
  const json list = json::parse(here.glossa({"languages", "--json", golden_model("tiny")}).out);
  const auto find = [&](const std::string& code) {
    for (const json& language : list) {
      if (language["code"] == code) return language;
    }
    return json();
  };
  EXPECT_EQ(find("en-US")["slot"], 0);
  EXPECT_THAT(find("en-US")["aliases"].get<std::vector<std::string>>(), ::testing::Contains("en"));
  EXPECT_EQ(find("en-US")["tier"], "transcription-ready");
  EXPECT_EQ(find("el-GR")["tier"], "adaptation-ready");
  EXPECT_EQ(find("auto")["slot"], 101);
  EXPECT_TRUE(find("auto")["tier"].is_null());
  // The tag that NeMo's decoder emitted for this sentence.
  const int tag = golden_case("tiny", "offline_A_56_3")["prompts"]["auto"]["tokens"].back();
  EXPECT_EQ(find("en-US")["tag_id"], tag);
  EXPECT_THAT(here.glossa({"languages", golden_model("tiny")}).out, HasSubstr("<en-US>"));
}

TEST(Convert, RoundsAndKeepsTheTranscript) {
  const Workplace here;
  const std::string out = (here / "half.nemo").string();
  const auto run = here.glossa({"convert", golden_model("tiny"), out, "--dtype", "f16", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  EXPECT_LT(report["bytes_out"].get<double>(), 0.7 * report["bytes_in"].get<double>());
  // f16 has 11 significant bits: half a step is 2^-11 of the value.
  EXPECT_LE(report["largest_relative_error"].get<double>(), std::ldexp(1.0, -11));
  EXPECT_GT(report["largest_error"].get<double>(), 0);
  // NeMo rounded the same weights for tiny-fp16: equal text.
  const std::string audio = golden_audio("en-US_0.wav");
  const auto ours = here.glossa({"transcribe", "--quiet", "--weights", "f32", "--model", out, audio});
  const auto theirs =
      here.glossa({"transcribe", "--quiet", "--weights", "f32", "--model", golden_model("tiny-fp16"), audio});
  EXPECT_EQ(ours.out, theirs.out);
  // Widening again changes nothing.
  const auto wide = here.glossa({"convert", out, (here / "wide.nemo").string(), "--dtype", "f32", "--json"});
  EXPECT_EQ(json::parse(wide.out)["largest_error"], 0.0);
}

TEST(Convert, AddsALanguage) {
  const Workplace here;
  const std::string out = (here / "welsh.nemo").string();
  const auto convert = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"convert", golden_model("tiny"), out, "--dtype", "f32", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return here.glossa(words);
  };
  ASSERT_EQ(convert({"--add-language", "cy-GB", "--language-like", "el-GR"}).exit_code, 0);
  const auto transcribe = [&](const std::string& model, const char* lang) {
    return here.glossa({"transcribe", "--quiet", "--weights", "f32", "--model", model, "--target-lang", lang,
                        golden_audio("en-US_0.wav")});
  };
  EXPECT_EQ(transcribe(out, "cy").out, transcribe(out, "el-GR").out);
  EXPECT_NE(transcribe(out, "cy").out, transcribe(out, "en-US").out);
  EXPECT_EQ(transcribe(golden_model("tiny"), "cy-GB").exit_code, 2);
  const auto taken = convert({"--add-language", "cy-GB", "--language-slot", "0"});
  EXPECT_EQ(taken.exit_code, 2);
  EXPECT_THAT(taken.err, HasSubstr("prompt slot 0 is not free"));
  EXPECT_EQ(convert({"--language-slot", "120"}).exit_code, 2) << "of no language";
}

// The same weights in a folder of transformers: every command takes it as it takes the .nemo.
TEST(Convert, WritesAndReadsTransformers) {
  const Workplace here;
  const std::string nemo = golden_model("small");
  const std::string folder = (here / "hf").string();
  const auto convert = [&](const std::string& in, const std::string& out, const char* dtype) {
    const auto run = here.glossa({"convert", in, out, "--dtype", dtype, "--json", "--quiet"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return json::parse(run.out);
  };
  const json report = convert(nemo, folder + "/", "f32");
  EXPECT_EQ(report["largest_error"], 0.0);
  std::uintmax_t bytes = 0;
  for (const char* file :
       {"config.json", "processor_config.json", "tokenizer.json", "tokenizer.model", "model.safetensors"})
    bytes += std::filesystem::file_size(std::filesystem::path(folder) / file);
  EXPECT_EQ(report["bytes_out"], bytes);
  EXPECT_EQ(convert(folder, (here / "back.nemo").string(), "f32")["largest_error"], 0.0);

  const auto transcribe = [&](const std::string& model, const char* weights) {
    const auto run = here.glossa({"transcribe", "--quiet", "--weights", weights, "--format", "json",
                                  "--model", model, golden_audio("en-US_0.wav")});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    json answer = json::parse(run.out);
    answer.erase("processing_seconds");
    return answer;
  };
  for (const std::string& model : {folder, folder + "/", (here / "back.nemo").string()})
    EXPECT_EQ(transcribe(model, "f32"), transcribe(nemo, "f32")) << model;
  EXPECT_EQ(transcribe(folder + "/", "int8"), transcribe(folder, "int8"));
  EXPECT_TRUE(std::filesystem::exists(folder + ".int8.packed")) << "beside the folder";
  EXPECT_THAT(here.glossa({"info", folder}).out, HasSubstr("weights f32"));
  EXPECT_THAT(here.glossa({"languages", folder}).out, HasSubstr("<en-US>"));

  // A folder that has something in it stays as it is.
  const auto again = here.glossa({"convert", nemo, folder, "--dtype", "f16"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("a folder with something in it (expected one that is new or empty)"));
  const auto blocks = here.glossa({"convert", nemo, (here / "q/").string(), "--dtype", "q8_0"});
  EXPECT_EQ(blocks.exit_code, 2);
  EXPECT_THAT(blocks.err, HasSubstr("a folder of transformers cannot hold"));
  const auto weights = here.glossa({"info", folder + "/model.safetensors"});
  EXPECT_EQ(weights.exit_code, 3);
  EXPECT_THAT(weights.err, HasSubstr("a file of a checkpoint (expected the folder"));
}

// The same weights in a .gguf: equal text, from f32 to the last decimal of the score; and back again.
TEST(Convert, WritesAndReadsGguf) {
  const Workplace here;
  const std::string audio = golden_audio("en-US_0.wav");
  const auto transcribe = [&](const std::string& model, const char* format) {
    return here
        .glossa({"transcribe", "--quiet", "--weights", "f32", "--format", format, "--model", model, audio})
        .out;
  };
  const auto convert = [&](const std::string& in, const char* out, const char* dtype) {
    const auto run =
        here.glossa({"convert", in, (here / out).string(), "--dtype", dtype, "--json", "--quiet"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    return json::parse(run.out);
  };
  const std::string gguf = (here / "m.gguf").string();
  EXPECT_EQ(convert(golden_model("tiny"), "m.gguf", "f32")["largest_error"], 0.0);
  EXPECT_EQ(transcribe(gguf, "text"), transcribe(golden_model("tiny"), "text"));
  EXPECT_EQ(convert(gguf, "back.nemo", "f32")["largest_error"], 0.0);
  EXPECT_EQ(transcribe((here / "back.nemo").string(), "text"), transcribe(golden_model("tiny"), "text"));
  const auto geometry = [&](const std::string& model) {
    json info = json::parse(here.glossa({"info", "--json", model}).out);
    for (const char* differs : {"model", "file_bytes", "weights"}) info.erase(differs);
    return info;
  };
  EXPECT_EQ(geometry(gguf), geometry(golden_model("tiny")));
  EXPECT_EQ(geometry((here / "back.nemo").string()), geometry(golden_model("tiny")));

  // The largest of 127 steps to either side: half a step is 1/254 of a block's largest value.
  EXPECT_LT(convert(golden_model("tiny"), "q8.gguf", "q8_0")["rms_relative_error"], 0.006);
  const json small_blocks = convert(golden_model("tiny"), "q4.gguf", "q4_k");
  EXPECT_LT(small_blocks["rms_relative_error"], 0.09);
  // Of its matrices only those of feed-forward have 256 inputs.
  EXPECT_GT(small_blocks["matrices_in_dtype"], 0);
  EXPECT_LT(small_blocks["matrices_in_dtype"], small_blocks["matrices"]);
  EXPECT_THAT(here.glossa({"info", (here / "q4.gguf").string()}).out, HasSubstr("weights f16, f32, q4_k"));
  EXPECT_FALSE(transcribe((here / "q8.gguf").string(), "text").empty());
  EXPECT_THAT(here.glossa({"languages", (here / "q8.gguf").string()}).out, HasSubstr("<en-US>"));
}

// An output that glossa would refuse must not replace what is there. Nothing in the tar is checksummed but
// headers, so bytes of tiny.nemo can be exchanged for as many others.
TEST(Convert, AnUnusableFileReplacesNothing) {
  const Workplace here;
  const std::string good = testing::read_bytes(golden_model("tiny"));
  const auto with = [&](std::string from, const std::string& to) {
    std::string changed = good;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos);
    return changed.replace(at, to.size(), to);
  };
  here.write("greek.nemo", with("el-GR:", "\xce\xb5"));
  here.write("pieces.nemo", with("\x0a\x0e\x0a\x05<unk>", "\x7a"));  // a tokenizer of 255 pieces
  for (const auto& [model, message] :
       {std::pair{"greek.nemo", "cannot hold the prompt language '\xce\xb5-GR'"},
        std::pair{"pieces.nemo", "out.gguf: the tokenizer has 255 pieces (expected 256"}}) {
    here.write("out.gguf", "old");
    const auto run = here.glossa(
        {"convert", (here / model).string(), (here / "out.gguf").string(), "--dtype", "f16", "--quiet"});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_EQ(here.read("out.gguf"), "old");
  }
}

// A bit of a weight is another one, as after a bad download.
TEST(Convert, ADamagedCheckpointIsNotCopied) {
  const Workplace here;
  std::string damaged = testing::read_bytes(golden_model("tiny"));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  here.write("damaged.nemo", damaged);
  for (const char* out : {"out.nemo", "out.gguf"}) {
    const auto run = here.glossa(
        {"convert", (here / "damaged.nemo").string(), (here / out).string(), "--dtype", "f32", "--quiet"});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_THAT(run.err, HasSubstr("damaged.nemo: record "));
    EXPECT_THAT(run.err, HasSubstr("is damaged: its CRC-32 is "));
    EXPECT_FALSE(std::filesystem::exists(here / out));
  }
}

// A GGUF has no checksums: nothing but the value shows it.
TEST(Convert, WhatIsNoNumberIsNotCopied) {
  const Workplace here;
  const std::string gguf = (here / "m.gguf").string();
  ASSERT_EQ(here.glossa({"convert", golden_model("tiny"), gguf, "--dtype", "f32", "--quiet"}).exit_code, 0);
  std::string broken = here.read("m.gguf");
  const std::size_t value = broken.size() / 4 * 3 / 4 * 4;  // of a weight: the table of positions comes first
  broken.replace(value, 4, std::string("\0\0\xc0\x7f", 4));  // NaN
  here.write("m.gguf", broken);
  for (const auto& [out, dtype] : {std::pair{"out.nemo", "f32"}, std::pair{"out.nemo", "bf16"},
                                   std::pair{"out.gguf", "f32"}, std::pair{"out.gguf", "f16"}}) {
    const auto run = here.glossa({"convert", gguf, (here / out).string(), "--dtype", dtype, "--quiet"});
    EXPECT_NE(run.exit_code, 0) << out << dtype;
    EXPECT_THAT(run.err, HasSubstr("m.gguf: tensor "));
    EXPECT_THAT(run.err, HasSubstr("has the value nan (expected numbers)"));
    EXPECT_FALSE(std::filesystem::exists(here / out));
  }
}

struct Npy {
  std::string header;
  std::vector<float> values;
};

Npy read_npy(const std::filesystem::path& path) {
  const std::string bytes = testing::read_bytes(path);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const std::size_t begin =
      10 + static_cast<unsigned char>(bytes.at(8)) + 256u * static_cast<unsigned char>(bytes.at(9));
  Npy npy{bytes.substr(10, begin - 10), std::vector<float>((bytes.size() - begin) / sizeof(float))};
  std::memcpy(npy.values.data(), bytes.data() + begin, npy.values.size() * sizeof(float));
  return npy;
}

// Oracle: NeMo's stages of the same recognition. Tolerance of the goldens: 1e-3 + 1e-3 |x|.
TEST(Dump, StagesAreNeMos) {
  const Workplace here;
  const auto run = here.glossa({"dump", golden_model("tiny"), golden_audio("en-US_0.wav"), "--output",
                                (here / "d").string(), "--att-context-size", "56,0"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto golden =
      testing::read_safetensors(testing::golden_dir() / "cases" / "tiny" / "offline_A_56_0.safetensors");
  for (const auto& [ours, theirs] :
       std::vector<std::pair<std::string, std::string>>{{"subsampling", "pre_encode"},
                                                        {"layer.1", "layer1"},
                                                        {"encoder", "encoded"},
                                                        {"prompt", "prompt.auto"}}) {
    SCOPED_TRACE(ours);
    const Npy npy = read_npy(here / ("d/" + ours + ".npy"));
    ASSERT_TRUE(golden.contains(theirs));
    const auto& expected = golden.at(theirs).values;
    ASSERT_EQ(npy.values.size(), expected.size());
    EXPECT_THAT(npy.header, HasSubstr("'<f4'"));
    EXPECT_THAT(npy.header, HasSubstr("'shape': (" + std::to_string(expected.size() / 64) + ", 64)"));
    for (std::size_t index = 0; index < expected.size(); ++index) {
      ASSERT_NEAR(npy.values[index], expected[index], 1e-3 + 1e-3 * std::abs(expected[index])) << index;
    }
  }
  const json tokens = json::parse(here.read("d/tokens.json"));
  std::vector<int> ids;
  for (const json& token : tokens["tokens"]) ids.push_back(token["id"]);
  const auto expected = golden_case("tiny", "offline_A_56_0")["prompts"]["auto"];
  EXPECT_EQ(ids, expected["tokens"].get<std::vector<int>>());
  EXPECT_NEAR(tokens["score"].get<double>(), expected["score"].get<double>(), 1e-2);
}

}  // namespace
}  // namespace glossa
