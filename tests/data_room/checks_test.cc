// Every kind of finding, provoked by a manifest that has exactly this fault.
#include "data/checks.h"

#include <gmock/gmock.h>

#include <limits>

#include "data_room/data_files.h"

namespace glossa::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Checks : public testing::DataFiles {
 protected:
  std::vector<CheckedManifest> check(const std::vector<ManifestText>& manifests,
                                     const std::vector<ManifestText>& held_out = {},
                                     const CheckOptions& options = {}) {
    return check_manifests(manifests, held_out, options, ThreadPool(2));
  }

  // "kind:line" of everything found.
  static std::vector<std::string> kinds(const CheckedManifest& checked) {
    std::vector<std::string> list;
    for (const Finding& finding : checked.findings.list())
      list.push_back(finding.kind + ":" + std::to_string(finding.line));
    return list;
  }

  static std::string message(const CheckedManifest& checked, const std::string& kind) {
    for (const Finding& finding : checked.findings.list()) {
      if (finding.kind == kind) return finding.message;
    }
    return "no such finding";
  }

  std::string clean(const ManifestText& manifest, const CheckedManifest& checked) {
    std::string text;
    for (const std::string& line : clean_manifest(manifest, checked.findings, folder_).lines)
      text += line + "\n";
    return text;
  }
};

TEST_F(Checks, FindNothingInGoodData) {
  write_wav("a.wav", tone(300, 1.0));
  write_wav("b.flac", tone(400, 2.0));
  const auto good = manifest("m.jsonl", line("a.wav", 1, "One.") + line("b.flac", 2.03, "Two."));
  const auto results = check({good});
  EXPECT_THAT(kinds(results[0]), IsEmpty());
  EXPECT_NEAR(results[0].sound.hours, 3.0 / 3600, 1e-9);
  const auto& files = results[0].sound.files_by_rate;
  EXPECT_EQ(files.at({16000, 1}), 2);
}

TEST_F(Checks, FindBrokenSound) {
  write_wav("good.wav", tone(300, 1.0));
  write("broken.wav", "no sound at all");
  write_wav("cut.wav", tone(350, 1.0));
  write("cut.wav", read("cut.wav").substr(0, 9000));
  write_wav("silent.wav", tone(300, 1.0, 0.0f));
  write_wav("loud.wav", tone(301, 1.0, 4.0f));
  write_wav("none.wav", {});
  write_wav("narrow.wav", tone(300, 1.0, 0.5f, 8000), 8000);
  const auto bad = manifest("m.jsonl", line("good.wav", 1, "Good.") + line("gone.wav", 1, "Gone.") +
                                           line("broken.wav", 1, "Broken.") + line("cut.wav", 1, "Cut.") +
                                           line("silent.wav", 1, "Silent.") + line("loud.wav", 1, "Loud.") +
                                           line("none.wav", 0, "None.") + line("narrow.wav", 1, "Narrow.") +
                                           "{\"text\": 1\n");
  const auto results = check({bad});
  EXPECT_THAT(kinds(results[0]),
              ElementsAre("bad-line:9", "missing-audio:2", "unreadable-audio:3", "unreadable-audio:4",
                          "silent-audio:5", "clipped-audio:6", "empty-audio:7", "low-sample-rate:0"));
  EXPECT_EQ(results[0].errors(), 6);
  EXPECT_EQ(clean(bad, results[0]),
            line("good.wav", 1, "Good.") + line("loud.wav", 1, "Loud.") + line("narrow.wav", 1, "Narrow."));
}

// Allowed: the larger of 0.1 s and 2 %.
TEST_F(Checks, CompareDurationsWithTheSound) {
  write_wav("a.wav", tone(300, 10.0));
  const std::string start = R"({"audio_filepath": "a.wav", "text": "A.",  "target_lang":"en-US", )";
  const auto bad = manifest("m.jsonl", start + "\"duration\": 10.19}\n" +                    // fine
                                           start + "\"duration\" :10.3, \"x\":[1]}\n" +      //
                                           start + "\"offset\": 1, \"duration\": 2}\n" +     // fine
                                           start + "\"offset\": 9, \"duration\": 2}\n" +     //
                                           start + "\"offset\": 10.5, \"duration\": 2}\n" +  //
                                           start + "\"y\": 1.50}\n");
  const auto results = check({bad});
  EXPECT_THAT(kinds(results[0]), ElementsAre("wrong-duration:2", "wrong-duration:4", "segment-outside:5",
                                             "missing-duration:6", "duplicate-audio:2", "duplicate-audio:6"));
  // Everything but the wrong value keeps its bytes.
  EXPECT_EQ(clean(bad, results[0]), start + "\"duration\": 10.19}\n" +                 //
                                        start + "\"duration\" :10, \"x\":[1]}\n" +     //
                                        start + "\"offset\": 1, \"duration\": 2}\n" +  //
                                        start + "\"offset\": 9, \"duration\": 1}\n" +  //
                                        start + "\"y\": 1.50, \"duration\": 10}\n");
}

TEST_F(Checks, JudgeLanguages) {
  write_wav("a.wav", tone(300, 1));
  write_wav("b.wav", tone(310, 1));
  write_wav("c.wav", tone(320, 1));
  write_wav("d.wav", tone(330, 1));
  const auto bad = manifest(
      "m.jsonl", line("a.wav", 1, "A.") + line("b.wav", 1, "B.", "en_us") + line("c.wav", 1, "C.", "xx") +
                     R"({"audio_filepath": "d.wav", "duration": 1, "text": "D."})" + "\n");
  EXPECT_THAT(kinds(check({bad})[0]), ElementsAre("missing-language:4"));
  CheckOptions options;
  options.judge_language = [](const std::string& lang) {
    return lang == "xx" ? LanguageJudgement{false, "", "nearest: de-DE"}
                        : LanguageJudgement{true, "en-US", ""};
  };
  const auto results = check({bad}, {}, options);
  EXPECT_THAT(kinds(results[0]),
              ElementsAre("language-spelling:2", "unknown-language:3", "missing-language:4"));
  EXPECT_EQ(message(results[0], "unknown-language"), "nearest: de-DE");
  EXPECT_EQ(clean(bad, results[0]), line("a.wav", 1, "A.") + line("b.wav", 1, "B."));
  options.default_language = "de-DE";
  EXPECT_THAT(clean(bad, check({bad}, {}, options)[0]),
              HasSubstr("\"text\": \"D.\", \"target_lang\": \"de-DE\"}"));
  options.language_needed = false;
  EXPECT_THAT(kinds(check({bad}, {}, options)[0]), IsEmpty());
}

TEST_F(Checks, LookIntoTheText) {
  std::string lines;
  for (int index = 0; index < 24; ++index) {
    const std::string name = "s" + std::to_string(index) + ".wav";
    write_wav(name, tone(300 + 10 * index, 1));
    lines += line(name, 1,
                  index == 3    ? "A sentence with far too many words for a single second of speech."
                  : index == 5  ? ""
                  : index == 7  ? "Ten <en-US> ten."
                  : index >= 20 ? "no capital"
                                : "Ten letters.");
  }
  const auto results = check({manifest("m.jsonl", lines)});
  EXPECT_THAT(kinds(results[0]), ElementsAre("empty-text:6", "tag-in-text:8", "odd-speed:4", "mixed-style:21",
                                             "mixed-style:21"));
  EXPECT_THAT(message(results[0], "mixed-style"),
              HasSubstr("19 of 23 en-US lines have capitals, 4 have none"));
  EXPECT_EQ(results[0].errors(), 0);
}

TEST_F(Checks, CompareTheStyleOfManifests) {
  std::string cased;
  std::string plain;
  for (int index = 0; index < 10; ++index) {
    cased += line("none.wav", 1, "Hello, " + std::to_string(index) + ".");
    plain += line("none.wav", 1, "hello");
  }
  CheckOptions options;
  options.survey.decode = false;
  write_wav("none.wav", tone(300, 1));
  const auto results = check({manifest("a.jsonl", cased)}, {manifest("b.jsonl", plain)}, options);
  int drifts = 0;  // capitals, punctuation, digits
  for (const Finding& finding : results[0].findings.list()) drifts += finding.kind == "style-drift" ? 1 : 0;
  EXPECT_EQ(drifts, 3);
  EXPECT_THAT(message(results[0], "style-drift"), HasSubstr("100 % of its en-US lines have capitals"));
}

TEST_F(Checks, FindWhatIsTrainedOnAndHeldOut) {
  write_wav("a.wav", tone(300, 1));
  write_wav("copy.flac", tone(300, 1));  // the same samples in another container
  write_wav("b.wav", tone(400, 4));
  write_wav("c.wav", tone(500, 1));
  const std::string segment =
      R"({"audio_filepath": "b.wav", "text": "B.", "target_lang": "en-US", "offset": )";
  const auto train =
      manifest("train.jsonl", line("copy.flac", 1, "A.") + segment + "0, \"duration\": 2}\n" + segment +
                                  "2, \"duration\": 1.5}\n" + line("c.wav", 1, "THE SAME four Words"));
  write_wav("d.wav", tone(600, 1));
  const auto test = manifest("test.jsonl", line("a.wav", 1, "A.") + segment + "1.5, \"duration\": 0.5}\n" +
                                               line("d.wav", 1, "The same, four words!"));
  const auto results = check({train}, {test});
  EXPECT_THAT(kinds(results[0]), ElementsAre("leaked-audio:1", "leaked-audio:2", "leaked-sentence:4"));
  EXPECT_THAT(message(results[0], "leaked-audio"), HasSubstr("test.jsonl:1"));
  EXPECT_EQ(clean_manifest(train, results[0].findings, folder_).dropped, 2);
}

TEST_F(Checks, CountTheHoursThatLimitsTake) {
  write_wav("a.wav", tone(300, 1));
  write_wav("b.wav", tone(400, 3));
  CheckOptions options;
  options.min_duration = 0.5;
  options.max_duration = 2;
  const auto results =
      check({manifest("m.jsonl", line("a.wav", 1, "A.") + line("b.wav", 3, "B."))}, {}, options);
  EXPECT_THAT(kinds(results[0]), ElementsAre("lost-hours:0"));
  EXPECT_THAT(message(results[0], "lost-hours"), HasSubstr("1 of 2 lines"));
  EXPECT_THAT(message(results[0], "lost-hours"), HasSubstr("(75.0 %); `glossa data segment` cuts them"));
  EXPECT_THAT(message(results[0], "lost-hours"), HasSubstr("75.0 %"));
}

TEST(JsonLine, ChangesOneValueOnly) {
  JsonLine line(R"({"a" : {"duration": 1, "s": "}\"{"},"d\u0075ration":2.50 , "offset": null})");
  EXPECT_TRUE(line.has("duration"));
  EXPECT_FALSE(line.has("offset"));
  EXPECT_FALSE(line.has("s"));
  line.set("duration", "7");
  line.rename("offset", "source_audio_offset");
  line.set("new", "\"x\"");
  EXPECT_EQ(
      line.text(),
      R"({"a" : {"duration": 1, "s": "}\"{"},"d\u0075ration":7 , "source_audio_offset": null, "new": "x"})");
  JsonLine empty("{}");
  empty.set("a", "1");
  EXPECT_EQ(empty.text(), R"({"a": 1})");
}

}  // namespace
}  // namespace glossa::data
