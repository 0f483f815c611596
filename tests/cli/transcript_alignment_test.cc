// Oracle: what a reader would say is the same word.
#include "cli/transcript_alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace glossa::cli {
namespace {

using ::testing::ElementsAre;

// Words of a second each.
Transcript heard(const std::vector<std::string>& words) {
  Transcript transcript;
  for (const std::string& word : words) {
    const auto start = static_cast<double>(transcript.words.size());
    transcript.words.push_back({.text = word, .start = start, .end = start + 1});
  }
  return transcript;
}

std::vector<std::string> shown(const AlignedTranscript& aligned) {
  std::vector<std::string> units;
  for (std::size_t unit = 0; unit < aligned.units.size(); ++unit) {
    const data::TranscriptUnit& one = aligned.units[unit];
    std::string text = aligned.text_of({.first = unit, .last = unit + 1});
    text += one.heard ? "=" + std::to_string(*one.heard) : "!" + std::to_string(one.wrong);
    if (one.follows_other) text = "/" + text;
    if (one.extra > 0) text += "+" + std::to_string(one.extra);
    if (one.ends_sentence) text += "|";
    units.push_back(text);
  }
  return units;
}

TEST(TranscriptAlignment, ComparesWithoutCaseAndMarks) {
  EXPECT_THAT(shown(align_transcript("Don't  go,\nHe said. Twenty-one times!",
                                     heard({"dont", "Go.", "he", "said", "twenty-one", "times"}), "en-US")),
              ElementsAre("Don't=0", "go,=1", "He=2", "said.=3|", "Twenty-one=4", "times!=5|"));
}

TEST(TranscriptAlignment, TellsWhatWasHeardOtherwise) {
  // 6 of the ten letters of gehenheute are not those of geben.
  EXPECT_THAT(shown(align_transcript("Wir gehen heute nach Hause", heard({"Wir", "geben", "nach", "Hause"}),
                                     "de-DE")),
              ElementsAre("Wir=0", "gehen!3", "heute!3", "nach=2", "Hause=3|"));
  EXPECT_THAT(shown(align_transcript("Nach Hause", heard({"nach", "ganz", "Hause"}), "de-DE")),
              ElementsAre("Nach=0", "Hause=2+4|"));
  EXPECT_THAT(shown(align_transcript("It is all right", heard({"It", "is", "allright"}), "en-US")),
              ElementsAre("It=0", "is=1", "all!0", "right!0|"));
  EXPECT_THAT(shown(align_transcript("Ja.", heard({}), "de-DE")), ElementsAre("Ja.!2|"));
  EXPECT_THAT(shown(align_transcript("", heard({"Ja"}), "de-DE")), ElementsAre());
}

TEST(TranscriptAlignment, TellsWhereTextAndSoundPart) {
  const std::string text = "Eins zwei. Niemand sagt das hier. Drei vier.";
  EXPECT_THAT(
      shown(align_transcript(text, heard({"eins", "zwei", "drei", "vier"}), "de-DE")),
      ElementsAre("Eins=0", "zwei.=1|", "Niemand!7", "sagt!4", "das!3", "hier.!4|", "/Drei=2", "vier.=3|"));
  EXPECT_THAT(
      shown(align_transcript(text, heard({"eins", "zwei", "niemant", "sakt", "dass", "hia", "drei", "vier"}),
                             "de-DE")),
      ElementsAre("Eins=0", "zwei.=1|", "Niemand!2", "sagt!1", "das!1", "hier.!1|", "Drei=6", "vier.=7|"))
      << "misheard";
  EXPECT_THAT(shown(align_transcript("Eins zwei.", heard({"eins", "und", "noch", "viele", "zwei"}), "de-DE")),
              ElementsAre("Eins=0", "/zwei.=4+12|"));
}

TEST(TranscriptAlignment, MarksBelongToTheirWords) {
  EXPECT_THAT(shown(align_transcript("« Oui » — dit-il .", heard({"oui", "dit-il"}), "fr-FR")),
              ElementsAre("« Oui »=0", "— dit-il .=1|"));
  EXPECT_THAT(shown(align_transcript("— Oui ?", heard({"?", "oui"}), "fr-FR")), ElementsAre("— Oui ?=0|"))
      << "a heard mark is no word";
}

TEST(TranscriptAlignment, ByLettersWhereNoSpacesAreWritten) {
  const AlignedTranscript aligned =
      align_transcript("你好。今天 很好！", heard({"你好。", "今天很热"}), "zh-CN");
  EXPECT_THAT(shown(aligned), ElementsAre("你=0", "好。=1|", "今=2", "天=3", "很=4", "好！!1|"));
  ASSERT_EQ(aligned.heard.size(), 6u);
  EXPECT_EQ(aligned.heard[1].end, 1);
  EXPECT_EQ(aligned.heard[3].start, 1.25);
  EXPECT_TRUE(aligned.heard[2].begins_word);
  EXPECT_FALSE(aligned.heard[2].ends_word);
  EXPECT_TRUE(aligned.heard[5].ends_word);
}

TEST(TranscriptAlignment, TheTextOfASegmentIsAsWritten) {
  const AlignedTranscript aligned =
      align_transcript("One, two.\n  Three (four)?", heard({"one", "two", "three", "four"}), "en-US");
  EXPECT_EQ(aligned.text_of({.first = 1, .last = 4}), "two. Three (four)?");
}

}  // namespace
}  // namespace glossa::cli
