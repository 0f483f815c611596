// Recordings made of noise: loud where something is said, quiet in pauses. Their heard words are stamped
// late, as a transducer stamps them.
#include "data/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace glossa::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int kRate = 16000;
constexpr double kLate = 0.1;  // seconds

enum class Said { kAsWritten, kOtherwise, kNotHeard, kNotWritten, kNotSaid };

class Scene {
 public:
  explicit Scene(unsigned seed = 1) : random_(seed) { pause(0.5); }

  Scene& pause(double seconds) {
    add(seconds, 0.001f);
    return *this;
  }

  // A word of seven letters and 0.4 s. `ends`: a sentence ends with it.
  Scene& word(Said said = Said::kAsWritten, bool ends = false) {
    const double start = seconds();
    if (said != Said::kNotSaid) {
      add(0.4, 0.1f);
      if (said != Said::kNotHeard) heard.push_back({.start = start + kLate, .end = start + 0.4 + kLate});
      words.emplace_back(start, start + 0.4);
    }
    if (said == Said::kNotWritten) {
      extra_ += 7;
      ++others_;
      return *this;
    }
    others_ = said == Said::kNotSaid ? others_ + 1 : others_;
    TranscriptUnit unit{.characters = 7, .extra = std::exchange(extra_, 0), .ends_sentence = ends};
    if (said == Said::kAsWritten) unit.follows_other = std::exchange(others_, 0) >= 3;
    if (said == Said::kAsWritten) unit.heard = heard.size() - 1;
    if (said != Said::kAsWritten) unit.wrong = 7;
    units.push_back(unit);
    return *this;
  }

  // A word as loud as that.
  Scene& whispered(float level) {
    const double start = seconds();
    add(0.4, level);
    heard.push_back({.start = start + kLate, .end = start + 0.4 + kLate});
    words.emplace_back(start, start + 0.4);
    units.push_back({.characters = 7, .heard = heard.size() - 1});
    return *this;
  }

  Scene& sentence(int count, Said said = Said::kAsWritten) {
    for (int index = 0; index < count; ++index) word(said, index + 1 == count);
    return pause(0.6);
  }

  double seconds() const { return static_cast<double>(samples.size()) / kRate; }
  Loudness loudness() const { return {samples, kRate}; }
  std::vector<Segment> cut(const SegmentOptions& options = {}) const {
    return find_segments(units, heard, loudness(), options);
  }

  std::vector<float> samples;
  std::vector<HeardUnit> heard;
  std::vector<TranscriptUnit> units;
  std::vector<std::pair<double, double>> words;  // where they are said

 private:
  void add(double seconds, float level) {
    std::uniform_real_distribution<float> noise(-level, level);
    for (auto left = static_cast<int>(std::lround(seconds * kRate)); left > 0; --left)
      samples.push_back(noise(random_));
  }

  std::mt19937 random_;
  std::size_t extra_ = 0;
  int others_ = 0;  // words since the last heard as written that are not said or not written
};

std::vector<std::pair<std::size_t, std::size_t>> units_of(const std::vector<Segment>& segments) {
  std::vector<std::pair<std::size_t, std::size_t>> units;
  for (const Segment& segment : segments) units.emplace_back(segment.first, segment.last);
  return units;
}

TEST(Loudness, FindsPauses) {
  Scene scene;  // 0.5 s of silence
  scene.word().pause(0.2).word().pause(0.5).word();
  const auto pauses = scene.loudness().pauses(0.6, scene.seconds(), 1);
  ASSERT_THAT(pauses, SizeIs(2));
  EXPECT_NEAR(pauses[0].begin, 0.9, 0.011);
  EXPECT_NEAR(pauses[0].end, 1.1, 0.011);
  EXPECT_NEAR(pauses[1].begin, 1.5, 0.011);
  EXPECT_NEAR(pauses[1].end, 2.0, 0.011);
  EXPECT_THAT(scene.loudness().pauses(0.55, 0.85, 0.7), IsEmpty()) << "in a word";
  EXPECT_NEAR(scene.loudness().pauses(0.85, 1.0, 0.7)[0].end, 1.1, 0.011) << "with what it has outside";
  EXPECT_THAT(scene.loudness().pauses(2.4, 2.4, 2.4), IsEmpty());
  EXPECT_THAT(Loudness({}, kRate).pauses(0, 1, 0), IsEmpty());
}

TEST(Loudness, APauseOutsideIsToldToASecond) {
  Scene scene;
  scene.word().pause(5).word();
  const auto pauses = scene.loudness().pauses(3, 3.2, 0.7);
  ASSERT_THAT(pauses, SizeIs(1));
  EXPECT_NEAR(pauses[0].begin, 2, 0.011);
  EXPECT_NEAR(pauses[0].end, 4.2, 0.011);
}

TEST(Segments, AreSentencesTogether) {
  Scene scene;
  for (int index = 0; index < 6; ++index) scene.sentence(12);  // 4.8 s and a pause
  const auto segments = scene.cut();
  EXPECT_THAT(units_of(segments), ElementsAre(Pair(0, 36), Pair(36, 72)));
  EXPECT_NEAR(segments[0].start, 0.25, 0.011) << "half of the silence before the first word";
  EXPECT_NEAR(segments[0].end, scene.words[35].second + 0.3, 0.011);
  EXPECT_NEAR(segments[1].start, scene.words[36].first - 0.3, 0.011);
  EXPECT_EQ(segments[0].error, 0);
}

TEST(Segments, EndWhereASentenceDoesRatherThanAtAnyPause) {
  Scene scene;
  for (int index = 0; index < 4; ++index) {
    for (int word = 0; word < 9; ++word) scene.word();
    scene.pause(0.9);
    scene.word().sentence(1);
  }
  EXPECT_THAT(units_of(scene.cut({.max_duration = 8})),
              ElementsAre(Pair(0, 11), Pair(11, 22), Pair(22, 33), Pair(33, 44)));
}

// "Call six one | two.", of which the last was said and nobody heard it.
TEST(Segments, NoneEndsInASentenceBesideAWordOfWhichNothingWasHeard) {
  for (const Said said : {Said::kAsWritten, Said::kOtherwise, Said::kNotHeard}) {
    Scene scene;
    for (int word = 0; word < 20; ++word) scene.word();
    scene.pause(0.5);
    scene.word(said).pause(0.9);
    for (int word = 0; word < 19; ++word) scene.word();
    scene.word(Said::kAsWritten, true);
    EXPECT_THAT(scene.cut({.max_duration = 12}), SizeIs(said == Said::kNotHeard ? 0 : 2));
  }
}

TEST(Segments, NoPauseHasAWordInIt) {
  for (const float level : {0.1f, 0.001f}) {
    Scene scene;
    for (int word = 0; word < 20; ++word) scene.word();
    scene.pause(0.3);
    scene.whispered(level).pause(0.6);
    for (int word = 0; word < 19; ++word) scene.word();
    scene.word(Said::kAsWritten, true);
    EXPECT_THAT(scene.cut({.max_duration = 12}), SizeIs(level > 0.01f ? 2 : 0)) << level;
  }
}

TEST(Segments, NeverCutRunningSpeech) {
  Scene scene;
  scene.sentence(20).sentence(5);
  EXPECT_THAT(units_of(scene.cut({.max_duration = 6})), ElementsAre(Pair(20, 25)));
}

TEST(Segments, BetweenLongSilencesAreFound) {
  Scene scene;
  scene.pause(40).sentence(3).pause(40).sentence(3).pause(40);
  EXPECT_THAT(units_of(scene.cut()), ElementsAre(Pair(0, 3), Pair(3, 6)));
}

// A consonant's closure inside a word is no pause before it.
TEST(Segments, DoNotBeginInsideAWord) {
  Scene scene;
  scene.sentence(3);
  scene.word().pause(0.3).word().sentence(2);
  scene.heard[4].start = scene.words[3].first + 0.3;  // the fourth and fifth are one word with a closure
  scene.heard[3] = {.start = scene.words[3].first + 0.2, .end = scene.words[4].second};
  scene.heard.erase(scene.heard.begin() + 4);
  scene.units.erase(scene.units.begin() + 4);
  for (std::size_t unit = 4; unit < scene.units.size(); ++unit) --*scene.units[unit].heard;
  for (const Segment& segment : scene.cut({.max_duration = 3.5})) {
    EXPECT_FALSE(segment.start > scene.words[3].first && segment.start < scene.words[4].second);
    EXPECT_FALSE(segment.end > scene.words[3].first && segment.end < scene.words[4].second - 0.1);
  }
}

TEST(Segments, LeaveOutWhatIsNotWritten) {
  Scene scene;
  scene.sentence(8).sentence(6, Said::kNotWritten).sentence(8);
  const auto segments = scene.cut();
  ASSERT_THAT(units_of(segments), ElementsAre(Pair(0, 8), Pair(8, 16)));
  EXPECT_LT(segments[0].end, scene.words[8].first);
  EXPECT_GT(segments[1].start, scene.words[13].second);
}

TEST(Segments, LeaveOutWhatIsNotSaid) {
  Scene scene;
  scene.sentence(8);
  for (int index = 0; index < 5; ++index) scene.word(Said::kNotSaid, index == 4);
  scene.sentence(8);
  EXPECT_THAT(units_of(scene.cut()), ElementsAre(Pair(0, 8), Pair(13, 21)));
}

TEST(Segments, MayHoldWordsThatWereHeardOtherwise) {
  Scene scene;
  for (int index = 0; index < 10; ++index) scene.word(index % 4 == 2 ? Said::kOtherwise : Said::kAsWritten);
  scene.pause(0.6);
  const auto segments = scene.cut();
  ASSERT_THAT(units_of(segments), ElementsAre(Pair(0, 10)));
  EXPECT_NEAR(segments[0].error, 0.2, 1e-9);
  EXPECT_THAT(scene.cut({.max_error = 0.19}), IsEmpty());
}

TEST(Segments, DoNotBeginOrEndWithWordsThatWereHeardOtherwise) {
  Scene scene;
  scene.word(Said::kOtherwise).pause(0.3).sentence(8).word(Said::kOtherwise).pause(1);
  EXPECT_THAT(units_of(scene.cut()), ElementsAre(Pair(1, 9)));
}

TEST(Segments, AShortWordAloneIsNoProof) {
  Scene scene;
  scene.sentence(4);
  for (TranscriptUnit& unit : scene.units) unit.characters = 2;
  EXPECT_THAT(scene.cut(), SizeIs(1)) << "four in a row are";
  scene.units[1].heard.reset();
  EXPECT_THAT(scene.cut(), IsEmpty());
  for (TranscriptUnit& unit : scene.units) unit.characters = 5;
  EXPECT_THAT(scene.cut(), SizeIs(1)) << "a long one is";
}

TEST(Segments, OfLettersBeginAndEndWithWords) {
  Scene scene;
  scene.sentence(6);
  for (HeardUnit& unit : scene.heard) unit.begins_word = unit.ends_word = false;
  EXPECT_THAT(scene.cut(), IsEmpty());
  scene.heard.front().begins_word = scene.heard.back().ends_word = true;
  EXPECT_THAT(units_of(scene.cut()), ElementsAre(Pair(0, 6)));
}

TEST(Segments, OfNothingAreNone) {
  EXPECT_THAT(Scene().cut(), IsEmpty());
  Scene unheard;
  unheard.sentence(5, Said::kNotSaid);
  EXPECT_THAT(unheard.cut(), IsEmpty());
  Scene unwritten;
  unwritten.sentence(5, Said::kNotWritten);
  EXPECT_THAT(unwritten.cut(), IsEmpty());
}

// Whatever is said and written: utterances are in order, within the limits, and never cut a word in two.
TEST(Segments, NeverCutAWord) {
  std::size_t found = 0;
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
    Scene scene(seed);
    for (int count = 0; count < 60; ++count) {
      const int kind = below(12);
      scene.word(kind == 0   ? Said::kOtherwise
                 : kind == 1 ? Said::kNotWritten
                 : kind == 2 ? Said::kNotSaid
                             : Said::kAsWritten,
                 below(8) == 0);
      if (below(4) == 0) scene.pause(0.13 + 0.1 * below(8));
    }
    scene.pause(0.3);
    const SegmentOptions options{.min_duration = 1.0 + below(3), .max_duration = 5.0 + below(15)};
    double before = 0;
    std::size_t unit = 0;
    for (const Segment& segment : scene.cut(options)) {
      ++found;
      EXPECT_GE(segment.start, before);
      EXPECT_GE(segment.first, unit);
      EXPECT_GE(segment.end - segment.start, options.min_duration);
      EXPECT_LT(segment.end - segment.start, options.max_duration);
      EXPECT_LE(segment.error, options.max_error);
      for (const double cut : {segment.start, segment.end}) {
        for (const auto& [start, end] : scene.words)
          EXPECT_FALSE(cut > start + 0.011 && cut < end - 0.011) << cut << " in " << start << " to " << end;
      }
      before = segment.end;
      unit = segment.last;
    }
  }
  EXPECT_GT(found, 60u);
}

}  // namespace
}  // namespace glossa::data
