#include "text/subtitle_text.h"

#include <gtest/gtest.h>

#include "text/subtitles.h"

namespace glossa::text {
namespace {

TEST(SubtitleText, OfSubRip) {
  EXPECT_EQ(text_of_subtitles("1\n00:00:01,000 --> 00:00:02,500\n<i>Good</i> morning,\n- everybody.\n\n"
                              "2\n00:00:03,000 --> 00:00:04,000\n{\\an8}42 is\nthe answer.\n"),
            "Good morning, everybody. 42 is the answer.");
}

TEST(SubtitleText, OfWebVtt) {
  EXPECT_EQ(
      text_of_subtitles("\xEF\xBB\xBFWEBVTT - Title\r\nKind: captions\r\n\r\n"
                        "NOTE\r\nnobody says this\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\n"
                        "intro\r\n00:01.000 --> 00:02.500 align:start\r\n<v Anna>Fish &amp; chips?\r\n\r\n"
                        "00:03.000 --> 00:04.000\r\n&lt;Tom&gt;&nbsp;<00:03.500>NOTE that."),
      "Fish & chips? <Tom> NOTE that.");
}

TEST(SubtitleText, WithoutWhatIsNoSpeech) {
  EXPECT_EQ(
      text_of_subtitles("1\n00:00:01,000 --> 00:00:02,500\n[door slams]\n\xE2\x99\xAA La la \xE2\x99\xAA\n"
                        "\xE2\x80\x93 Come in! [sighs\nloudly] Well?\n"),
      "La la Come in! Well?");
}

TEST(SubtitleText, AMarkThatNothingClosesCostsNothing) {
  EXPECT_EQ(text_of_subtitles("1\n00:00:01,000 --> 00:00:02,000\nIf x < 5 or [so\n\n"
                              "2\n00:00:03,000 --> 00:00:04,000\nthen <i>this</i> > that]\n"),
            "If x < 5 or [so then this > that]");
}

TEST(SubtitleText, OfOddFiles) {
  EXPECT_EQ(text_of_subtitles(""), "");
  EXPECT_EQ(text_of_subtitles("\n\n\r\r\n"), "");
  EXPECT_EQ(text_of_subtitles("Just text.\nWith 3 > 2 and <no end"), "Just text. With 3 > 2 and <no end");
  EXPECT_EQ(
      text_of_subtitles("1\n00:00:01,000 --> 00:00:02,000\nThree\n2\n00:00:03,000 --> 00:00:04,000\nfour\n"),
      "Three 2 four")
      << "without an empty line a number may be text";
}

TEST(SubtitleText, ReadsWhatIsWritten) {
  Transcript transcript;
  double time = 0;
  Sentence sentence{.text = "", .language = "en-US"};
  for (const char* word : {"If", "5", "<", "7", "&", "so", "on,", "it", "is", "fine."}) {
    transcript.words.push_back({.text = word, .start = time, .end = time + 0.4});
    sentence.text += (sentence.text.empty() ? "" : " ") + std::string(word);
    time += 0.5;
  }
  sentence.end = time;
  transcript.sentences.push_back(sentence);
  EXPECT_EQ(text_of_subtitles(to_vtt(transcript)), sentence.text);
}

}  // namespace
}  // namespace glossa::text
