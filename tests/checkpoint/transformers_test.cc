// Folders of Hugging Face's transformers. Oracle: transformers_folder.py, which knows transformers' files and
// not our code, and the .nemo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/same_config.h"
#include "checkpoint/same_tensor.h"
#include "checkpoint/transformers_layout.h"
#include "checkpoint/transformers_tokenizer.h"
#include "glossa/error.hpp"
#include "model/prompt_table.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"
#include "support/tiny_model.h"
#include "text/sentencepiece.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

int script(const std::string& words) {
  return std::system((std::string(GLOSSA_PYTHON " " GLOSSA_TRANSFORMERS_FOLDER " ") + words).c_str());
}

// Of every number of halvings, with and without biases and prompts; a joint as wide as the predictor, else
// transformers has no place for it.
std::vector<testing::TinyModelOptions> transformers_geometries() {
  std::vector<testing::TinyModelOptions> all;
  for (const int factor : {2, 4, 8, 16}) {
    testing::TinyModelOptions options = testing::random_geometry(static_cast<std::uint32_t>(70 + factor));
    options.subsampling_factor = factor;
    options.joint_hidden = options.predictor_hidden;
    options.use_bias = factor > 4;
    options.num_prompts = factor == 4 ? 0 : 7;
    options.tokenizer = factor > 4 ? "tok600bytesbpe" : "tok512bytes";
    all.push_back(options);
  }
  return all;
}

void expect_same_checkpoint(const Checkpoint& read, const Checkpoint& nemo) {
  testing::expect_same_config(read.config(), nemo.config());
  testing::expect_same_config(parse_model_config(read.config_yaml(), "yaml"), nemo.config());
  for (const TensorView& tensor : nemo.tensors())
    EXPECT_TRUE(testing::same_tensor(tensor, read.tensor(tensor.name))) << tensor.name;
}

class EveryNumber : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Transformers, EveryNumber, ::testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                         [](const auto& test) { return std::string(dtype_name(test.param)); });

TEST_P(EveryNumber, IsWhatTheScriptExpects) {
  for (const auto& options : transformers_geometries()) {
    SCOPED_TRACE(options.seed);
    const TemporaryFolder folder;
    const auto nemo = testing::write_tiny_model(options, folder / "models");
    const auto before = read_nemo(nemo);
    const auto written = write_transformers(folder / "m", *before, GetParam());
    EXPECT_EQ(script("check " + nemo.string() + " " + (folder / "m").string() + " " +
                     std::string(dtype_name(GetParam()))),
              0);
    const auto after = read_checkpoint(folder / "m");
    testing::expect_same_config(after->config(), before->config());
    for (const WrittenTensor& tensor : written) {
      EXPECT_EQ(after->tensor(tensor.name).dtype, tensor.dtype) << tensor.name;
      EXPECT_EQ(crc32_of(after->tensor(tensor.name).bytes), tensor.crc32) << tensor.name;
    }
  }
}

TEST(Transformers, F32IsBitEqualThereAndBack) {
  for (const auto& options : transformers_geometries()) {
    SCOPED_TRACE(options.seed);
    const TemporaryFolder folder;
    const auto nemo = read_nemo(testing::write_tiny_model(options, folder / "models"));
    write_transformers(folder / "m", *nemo, DType::kF32);
    std::vector<std::vector<std::byte>> storage;
    write_nemo(folder / "back.nemo", contents_of(*read_transformers(folder / "m"), DType::kF32, storage));
    const auto back = read_nemo(folder / "back.nemo");
    expect_same_checkpoint(*back, *nemo);
    EXPECT_TRUE(std::equal(back->tokenizer_model().begin(), back->tokenizer_model().end(),
                           nemo->tokenizer_model().begin(), nemo->tokenizer_model().end()));
  }
}

// PyTorch's window is not ours to the last bit: it comes along.
TEST(Transformers, KeepsTheFrontEnd) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::golden_model_path("small"));
  write_transformers(folder / "m", *nemo, DType::kF32);
  const auto read = read_transformers(folder / "m");
  for (const char* name : {"preprocessor.featurizer.fb", "preprocessor.featurizer.window"})
    EXPECT_TRUE(testing::same_tensor(nemo->tensor(name), read->tensor(name))) << name;
}

class Exported : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(Transformers, Exported,
                         ::testing::Combine(::testing::Values("tiny", "tiny-en", "small"),
                                            ::testing::Values("", " --first-exports")),
                         [](const auto& test) {
                           std::string name = std::get<0>(test.param);
                           std::erase(name, '-');
                           return name + (*std::get<1>(test.param) == 0 ? "" : "FirstExports");
                         });

// What transformers' own converter leaves: no SentencePiece model, and names of two generations.
TEST_P(Exported, IsReadAsTheNemo) {
  const TemporaryFolder folder;
  const auto path = testing::golden_model_path(std::get<0>(GetParam()));
  ASSERT_EQ(script("make " + path.string() + " " + (folder / "m").string() + std::get<1>(GetParam())), 0);
  const auto nemo = read_nemo(path);
  const auto read = read_checkpoint(folder / "m");
  model::ModelConfig config = read->config();
  // save_pretrained() sorts the languages; which of a slot's is shown goes by other things.
  EXPECT_THAT(config.prompt.dictionary,
              ::testing::UnorderedElementsAreArray(nemo->config().prompt.dictionary));
  const auto shown = model::PromptTable(config.prompt).languages();
  const auto expected = model::PromptTable(nemo->config().prompt).languages();
  ASSERT_EQ(shown.size(), expected.size());
  for (std::size_t slot = 0; slot < shown.size(); ++slot) EXPECT_EQ(shown[slot].code, expected[slot].code);
  config.prompt.dictionary = nemo->config().prompt.dictionary;
  testing::expect_same_config(config, nemo->config());
  for (const TensorView& tensor : nemo->tensors()) {
    if (tensor.name.starts_with("preprocessor.")) continue;  // transformers keeps no window and no filters
    EXPECT_TRUE(testing::same_tensor(tensor, read->tensor(tensor.name))) << tensor.name;
  }
  const text::SentencePiece ours(read->tokenizer_model(), "ours");
  const text::SentencePiece theirs(nemo->tokenizer_model(), "theirs");
  ASSERT_EQ(ours.size(), theirs.size());
  for (const char* line :
       {"Hello world.", "  Zwei   Leerzeichen, und Umlaute: äöüß ", "Où est-ce que c'est ?", "1234 €",
        "Πού είναι ο σταθμός;", "\xF0\x9F\x98\x80", "", "ﬁ Ⅳ １２"}) {
    EXPECT_EQ(ours.encode(line), theirs.encode(line)) << line;
    EXPECT_EQ(ours.decode(theirs.encode(line)), theirs.decode(theirs.encode(line))) << line;
  }
}

// Oracle: SentencePiece's own ids, in the goldens.
TEST(TransformersTokenizer, ItsJsonAloneCutsAsTheModel) {
  for (const char* name : {"tok200en", "tok256", "tok400bpe", "tok512bytes", "tok600bytesbpe", "tok1024"}) {
    const std::string model =
        testing::read_bytes(testing::golden_dir() / "tokenizers" / name / "tokenizer.model");
    TransformersFolder folder{.source = name};
    folder.texts[kTokenizerFile] =
        write_transformers_tokenizer(std::as_bytes(std::span(model)), true, name).tokenizer;
    const json golden = json::parse(
        testing::read_bytes(testing::golden_dir() / "cases" / "tokenizers" / (std::string(name) + ".json")));
    const auto files = read_transformers_tokenizer(folder, golden["vocab_size"].get<int>());
    const text::SentencePiece pieces(files.model, name);
    for (const json& entry : golden["encode"]) {
      const auto text = entry["text"].get<std::string>();
      const auto ids = entry["ids"].get<std::vector<int>>();
      EXPECT_EQ(pieces.encode(text), ids) << name << ": " << text;
      EXPECT_EQ(pieces.decode(ids), entry["decoded"].get<std::string>()) << name << ": " << text;
    }
  }
}

// A small folder to break.
class Broken : public ::testing::Test {
 protected:
  Broken() {
    testing::TinyModelOptions options;
    const auto nemo = read_nemo(testing::write_tiny_model(options, folder_ / "models"));
    write_transformers(folder_ / "m", *nemo, DType::kF32);
  }
  fs::path file(const char* name) const { return folder_ / "m" / name; }

  void edit(const char* name, const std::function<void(json&)>& change) const {
    json text = json::parse(testing::read_bytes(file(name)));
    change(text);
    testing::write_bytes(file(name), text.dump());
  }
  // The header of the weights; the numbers stay.
  void edit_weights(const std::function<void(json&)>& change) const {
    const std::string text = testing::read_bytes(file(kWeightsFile));
    std::uint64_t size = 0;
    std::memcpy(&size, text.data(), sizeof size);
    json header = json::parse(text.substr(sizeof size, size));
    change(header);
    const std::string changed = header.dump();
    const std::uint64_t length = changed.size();
    testing::write_bytes(file(kWeightsFile),
                         std::string(reinterpret_cast<const char*>(&length), sizeof length) + changed +
                             text.substr(sizeof size + size));
  }

  std::string error() const {
    return testing::message_of([&] { read_checkpoint(folder_ / "m", "M"); });
  }

  TemporaryFolder folder_;
};

TEST_F(Broken, ConfigurationsAreNamed) {
  struct Case {
    const char* file;
    std::function<void(json&)> change;
    const char* message;
  };
  const std::vector<Case> cases = {
      {kConfigFile, [](json& c) { c["model_type"] = "whisper"; },
       "M/config.json: model_type is \"whisper\" (expected nemotron3_5_asr or nemotron_asr_streaming)"},
      {kConfigFile, [](json& c) { c.erase("encoder_config"); },
       "M/config.json: encoder_config missing (expected"},
      {kConfigFile, [](json& c) { c["encoder_config"]["hidden_size"] = "32"; },
       "M/config.json: encoder_config.hidden_size is \"32\" (expected an integer)"},
      {kConfigFile, [](json& c) { c["encoder_config"]["hidden_size"] = 1ULL << 40; }, "expected an integer"},
      {kConfigFile, [](json& c) { c["encoder_config"]["hidden_size"] = 0; }, "intermediate_size"},
      {kConfigFile, [](json& c) { c["encoder_config"]["hidden_act"] = "relu"; },
       "encoder_config.hidden_act is \"relu\" (expected \"silu\")"},
      {kConfigFile, [](json& c) { c["encoder_config"]["convolution_bias"] = true; },
       "the same as attention_bias"},
      {kConfigFile, [](json& c) { c["encoder_config"]["subsampling_conv_stride"] = 4; }, "(expected 2)"},
      {kConfigFile, [](json& c) { c["encoder_config"]["num_mel_bins"] = 80; },
       "feature_size of the processor, 32"},
      {kConfigFile, [](json& c) { c["encoder_config"]["num_hidden_layers"] = 0; },
       "M/config.json (in NeMo's words): encoder.n_layers is 0"},
      {kConfigFile, [](json& c) { c["blank_token_id"] = 3; },
       "blank_token_id is 3 (expected the last of vocab_size=257)"},
      {kConfigFile,
       [](json& c) {
         c["durations"] = {1, 2};
       },
       "durations is [1,2] (expected none: an RNN-T)"},
      {kConfigFile, [](json& c) { c["vocab_size"] = 300, c["blank_token_id"] = 299; }, "expected 299"},
      {kProcessorFile, [](json& c) { c.erase("prompt_dictionary"); }, "prompt_dictionary missing"},
      {kProcessorFile, [](json& c) { c["prompt_dictionary"]["de-DE"] = "x"; },
       "prompt_dictionary.de-DE is \"x\""},
      {kProcessorFile, [](json& c) { c["prompt_dictionary"]["Ä"] = 1; }, "printable ASCII"},
      {kProcessorFile, [](json& c) { c["feature_extractor"]["preemphasis"] = 0; },
       "M/processor_config.json: feature_extractor.preemphasis is 0 (expected 0.97)"},
      {kProcessorFile, [](json& c) { c["feature_extractor"]["preemphasis"] = nullptr; },
       "preemphasis is null"},
      {kProcessorFile,
       [](json& c) {
         c["audio_processor"] = {{"spectrogram_config", {{"n_fft", 512}}}};
       },
       "audio_processor.spectrogram_config is {"},
      {kConfigFile, [](json& c) { c.erase("vocab_size"); },
       "vocab_size missing (expected the number of pieces"},
      {kProcessorFile, [](json& c) { c.erase("feature_extractor"); }, "feature_extractor missing"},
      {kProcessorFile,
       [](json& c) {
         c["supported_num_lookahead_tokens"] = {0, "1"};
       },
       "expected an integer"},
  };
  for (const Case& broken : cases) {
    const std::string before = testing::read_bytes(file(broken.file));
    edit(broken.file, broken.change);
    EXPECT_THAT(error(), HasSubstr(broken.message));
    testing::write_bytes(file(broken.file), before);
  }
  EXPECT_EQ(error(), "no error");
}

TEST_F(Broken, WeightsAreNamed) {
  struct Case {
    std::function<void(json&)> change;
    const char* message;
  };
  const std::vector<Case> cases = {
      {[](json& h) { h.erase("joint.head.bias"); },
       "M/model.safetensors: tensor joint.head.bias is missing (expected [257])"},
      {[](json& h) { h["joint.head.bias"]["dtype"] = "F64"; },
       "joint.head.bias is of type F64 (expected F32, F16 or BF16)"},
      {[](json& h) {
         h["joint.head.bias"]["shape"] = {1, 257};
       },
       "joint.head.bias is [1,257], expected [257]"},
      {[](json& h) { h["joint.head.bias"]["shape"] = {256}; }, "has 1028 bytes, which its shape does not"},
      {[](json& h) { h["joint.head.bias"]["shape"] = {-257}; }, "shape of joint.head.bias has -257"},
      {[](json& h) { h["joint.head.bias"]["shape"] = {1e300}; }, "shape of joint.head.bias has 1e+300"},
      {[](json& h) {
         h["joint.head.bias"]["data_offsets"] = {0, 1ULL << 40};
       },
       "the file is cut off: joint.head.bias ends at byte 1099511627776 of the tensor data"},
      {[](json& h) {
         h["joint.head.bias"]["data_offsets"] = {8, 4};
       },
       "data_offsets of joint.head.bias are [8,4]"},
      {[](json& h) { h["joint.head.bias"].erase("shape"); }, "not a safetensors file"},
      {[](json& h) { h["extra"] = h["joint.head.bias"]; },
       "tensor extra of shape [257] does not belong to the model"},
      {[](json& h) { h["__metadata__"][kWindowWord] = "AAAA"; }, "glossa.preprocessor_window is damaged"},
      {[](json& h) { h = json::array(); }, "no JSON object"},
  };
  const std::string before = testing::read_bytes(file(kWeightsFile));
  for (const Case& broken : cases) {
    edit_weights(broken.change);
    EXPECT_THAT(error(), HasSubstr(broken.message));
    testing::write_bytes(file(kWeightsFile), before);
  }
  edit_weights([](json& header) { header["encoder.encode_positions.inv_freq"] = header["joint.head.bias"]; });
  EXPECT_EQ(error(), "no error") << "a buffer that is computed";
  for (const std::size_t size : {0UL, 7UL, 8UL, 100UL}) {
    testing::write_bytes(file(kWeightsFile), before.substr(0, size));
    EXPECT_THAT(error(), HasSubstr("not a safetensors file")) << size;
  }
  testing::write_bytes(file(kWeightsFile), before.substr(0, before.size() - 1));
  EXPECT_THAT(error(), HasSubstr("M/model.safetensors: the file is cut off"));
}

TEST_F(Broken, PointersOfGitLfsAreCalledThat) {
  for (const auto* name : {kWeightsFile, kTokenizerFile}) {
    const std::string before = testing::read_bytes(file(name));
    testing::write_bytes(file(name), "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    EXPECT_THAT(error(), HasSubstr(std::string(name) + ": a Git LFS pointer"));
    testing::write_bytes(file(name), before);
  }
}

TEST_F(Broken, TokenizersAreNamed) {
  struct Case {
    std::function<void(json&)> change;
    const char* message;
  };
  const std::vector<Case> cases = {
      {[](json& t) { t["model"]["type"] = "WordPiece"; },
       "model.type is 'WordPiece' (expected BPE or Unigram)"},
      {[](json& t) { t["model"]["vocab"].erase(255); }, "no token has the id 255"},
      {[](json& t) {
         t["model"]["vocab"].push_back({"x", 0});
       },
       "'x' has the id 256 (expected one of its own, below 256)"},
      {[](json& t) { t["model"]["unk_id"] = 1000; }, "model.unk_id has the id 1000 (expected one below 256)"},
      {[](json& t) {
         t["normalizer"] = {{"type", "Lowercase"}};
       },
       "normalizer has 'Lowercase'"},
      {[](json& t) {
         t["pre_tokenizer"] = {{"type", "ByteLevel"}};
       },
       "pre_tokenizer is another one (expected Metaspace alone)"},
      {[](json& t) {
         t["added_tokens"][0] = {{"id", 1}, {"content", "other"}};
       },
       "added_tokens has 'other' as 1"},
      {[](json& t) { t.erase("pre_tokenizer"); }, "pre_tokenizer is another one"},
      {[](json& t) { t["pre_tokenizer"]["replacement"] = "_"; }, "pre_tokenizer.replacement is \"_\""},
      {[](json& t) { t["normalizer"]["normalizers"].back()["content"] = "x"; },
       "normalizer.content is \"x\""},
      {[](json& t) { t["normalizer"]["normalizers"].erase(1); }, "has only one of Strip and Replace"},
      {[](json& t) { t.erase("model"); }, "M/tokenizer.json: not a tokenizer"},
  };
  fs::remove(file(kSentencePieceFile));
  const std::string before = testing::read_bytes(file(kTokenizerFile));
  for (const Case& broken : cases) {
    edit(kTokenizerFile, broken.change);
    EXPECT_THAT(error(), HasSubstr(broken.message));
    testing::write_bytes(file(kTokenizerFile), before);
  }
  testing::write_bytes(file(kTokenizerFile), "{");
  EXPECT_THAT(error(), HasSubstr("M/tokenizer.json: not JSON"));
}

// What is read is copied and shown recursively.
TEST_F(Broken, DeepTextsAreRefused) {
  constexpr int kLevels = 100'000;
  const std::string deep = std::string(kLevels, '[') + std::string(kLevels, ']');
  const auto refused = [&](const char* name, const std::string& text) {
    const std::string before = testing::read_bytes(file(name));
    testing::write_bytes(file(name), text);
    EXPECT_THAT(error(), HasSubstr("nested too deeply")) << name;
    testing::write_bytes(file(name), before);
  };
  fs::remove(file(kSentencePieceFile));
  for (const char* name : {kConfigFile, kProcessorFile, kTokenizerFile})
    refused(name, R"({"model_type":)" + deep + "}");
  const std::string header = R"({"joint.head.bias":)" + deep + "}";
  const std::uint64_t size = header.size();
  refused(kWeightsFile, std::string(reinterpret_cast<const char*>(&size), sizeof size) + header);
}

TEST_F(Broken, NamesThatOccurTwiceAreRefused) {
  const std::string before = testing::read_bytes(file(kConfigFile));
  testing::write_bytes(file(kConfigFile), R"({"vocab_size": 1, )" + before.substr(1));
  EXPECT_THAT(error(), HasSubstr("M/config.json: has vocab_size twice"));
}

TEST_F(Broken, ManyTensorsInOnePlaceAreRefused) {
  edit_weights([](json& header) {
    const json one = header["encoder.layers.0.feed_forward1.linear1.weight"];
    for (int layer = 0; layer < 200; ++layer) header["x" + std::to_string(layer)] = one;
  });
  EXPECT_THAT(error(), HasSubstr("more than twice the"));
}

TEST_F(Broken, BothTokenizersMustHaveTheSamePieces) {
  edit(kTokenizerFile, [](json& t) { t["model"]["vocab"][200][0] = "surprise"; });
  EXPECT_THAT(error(), HasSubstr("(expected 'surprise', from tokenizer.json"));
  fs::remove(file(kSentencePieceFile));
  EXPECT_EQ(error(), "no error");
}

TEST_F(Broken, FilesAreNamed) {
  for (const char* name : {kConfigFile, kProcessorFile, kWeightsFile}) {
    fs::rename(file(name), folder_ / "away");
    EXPECT_THAT(error(), HasSubstr(name));
    fs::rename(folder_ / "away", file(name));
  }
  fs::rename(file(kWeightsFile), file("model-00001-of-00002.safetensors"));
  testing::write_bytes(file("model.safetensors.index.json"), "{}");
  EXPECT_THAT(error(), HasSubstr("max_shard_size"));
  EXPECT_THROW(read_checkpoint(file("model-00001-of-00002.safetensors")), Error);
}

TEST(TransformersWriter, RefusesWhatTransformersHasNoPlaceFor) {
  const TemporaryFolder folder;
  const auto refused = [&](const Checkpoint& checkpoint, DType dtype) {
    return testing::message_of([&] { write_transformers(folder / "m", checkpoint, dtype); },
                               ErrorCode::kInvalidArgument);
  };
  testing::TinyModelOptions options;
  options.joint_hidden = 2 * options.predictor_hidden;
  const auto wide = read_nemo(testing::write_tiny_model(options, folder / "models"));
  EXPECT_THAT(refused(*wide, DType::kF32), HasSubstr("(expected 24, got 48)"));
  const auto tiny = read_nemo(testing::golden_model_path("small"));
  EXPECT_THAT(refused(*tiny, DType::kQ8_0), HasSubstr("cannot hold q8_0"));
  EXPECT_EQ(folder.files(), 1u) << "nothing but the models";
}

TEST(TransformersWriter, LeavesNoHalfFolder) {
  const TemporaryFolder folder;
  testing::TinyModelOptions options;
  const auto nemo = read_nemo(testing::write_tiny_model(options, folder / "models"));
  EXPECT_THROW(write_transformers(folder / "m", *nemo, DType::kF32,
                                  [](std::int64_t) { throw std::runtime_error("stop"); }),
               std::runtime_error);
  EXPECT_THROW(write_transformers(folder / "m", *nemo, DType::kF32, {},
                                  [](const fs::path& path, auto) {
                                    EXPECT_TRUE(fs::exists(path / kConfigFile));
                                    throw std::runtime_error("stop");
                                  }),
               std::runtime_error);
  EXPECT_EQ(folder.files(), 1u) << "nothing but the models";

  // What a killed process left goes; what another one writes stays.
  fs::create_directory(folder / ".m.999999-0.partial");
  testing::write_bytes(folder / ".m.999999-0.partial/config.json", "{}");
  fs::create_directory(folder / ".n.999999-0.partial");
  fs::create_directory(folder / "m");  // empty: gives way
  write_transformers(folder / "m/", *nemo, DType::kF32);
  EXPECT_TRUE(fs::exists(folder / "m/model.safetensors"));
  EXPECT_FALSE(fs::exists(folder / ".m.999999-0.partial"));
  EXPECT_TRUE(fs::exists(folder / ".n.999999-0.partial"));

  // A link to an empty folder, a folder that is there, and the folder that one is in.
  fs::create_directory(folder / "there");
  fs::create_directory_symlink(folder / "there", folder / "link");
  write_transformers(folder / "link", *nemo, DType::kF32);
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::exists(folder / "there/model.safetensors"));
  fs::create_directory(folder / "here");
  fs::create_directory(folder / "here/.here.999999-0.partial");
  const fs::path back = fs::current_path();
  fs::current_path(folder / "here");
  write_transformers(".", *nemo, DType::kF32);
  fs::current_path(back);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "here"), {}), 7)
      << "the files, and nothing temporary";
  EXPECT_THROW(write_transformers("", *nemo, DType::kF32), Error);
  EXPECT_THROW(write_transformers(folder / std::string(300, 'n'), *nemo, DType::kF32), Error);
  EXPECT_THROW(write_transformers(folder / "nowhere/m", *nemo, DType::kF32), Error);
  EXPECT_THROW(write_transformers(folder / "m/model.safetensors", *nemo, DType::kF32), Error);

  testing::write_bytes(folder / "m/mine.txt", "x");
  EXPECT_THROW(write_transformers(folder / "m", *nemo, DType::kF32), Error);
  EXPECT_TRUE(fs::exists(folder / "m/mine.txt"));
}

}  // namespace
}  // namespace glossa::checkpoint
