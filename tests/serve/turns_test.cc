#include "serve/turns.h"

#include <gtest/gtest.h>

#include <utility>

namespace glossa::serve {
namespace {

Utterance said(double start, double end) {
  Utterance utterance;
  utterance.text = "x";
  utterance.start = start;
  utterance.end = end;
  return utterance;
}

struct SettledTo {
  Transcript transcript;
  SessionUpdate update{.transcript = transcript};
  explicit SettledTo(double settled) { transcript.settled = settled; }
};

TEST(Turns, APauseEndsOne) {
  Turns turns(0.5);
  EXPECT_TRUE(turns.begins_with(said(1, 2)));
  EXPECT_FALSE(turns.is_over(SettledTo(2.4).update));
  EXPECT_FALSE(turns.begins_with(said(2.4, 3))) << "another sentence of the same turn";
  EXPECT_FALSE(turns.is_over(SettledTo(3.4).update));
  EXPECT_TRUE(turns.is_over(SettledTo(3.5).update));
  turns.end();
  EXPECT_TRUE(turns.begins_with(said(4, 5)));
}

TEST(Turns, APauseWithinOneUpdateEndsOne) {
  Turns turns(0.5);
  EXPECT_FALSE(turns.is_over_before(said(1, 2))) << "there is none";
  turns.begins_with(said(1, 2));
  EXPECT_FALSE(turns.is_over_before(said(1, 3))) << "it has grown";
  EXPECT_FALSE(turns.is_over_before(said(2.4, 3)));
  EXPECT_TRUE(turns.is_over_before(said(2.5, 3)));
}

TEST(Turns, WhatIsOpenIsNotOver) {
  Turns turns(0.5);
  turns.begins_with(said(1, 2));
  SettledTo heard(9);
  heard.update.utterances.open = said(1, 2);
  EXPECT_FALSE(turns.is_over(heard.update));
  heard.update.utterances.open.reset();
  heard.update.utterances.interim = said(8, 9);  // a draft, which may never have been said
  EXPECT_TRUE(turns.is_over(heard.update));
}

TEST(Turns, WithoutSilenceTheClientAndTheEndEndOne) {
  Turns turns(0);
  turns.begins_with(said(1, 2));
  EXPECT_FALSE(turns.is_over_before(said(60, 61)));
  SettledTo heard(99);
  EXPECT_FALSE(turns.is_over(heard.update));
  heard.update.flushed = true;
  EXPECT_TRUE(turns.is_over(heard.update));
  heard.update.flushed = false;
  heard.update.ended = true;
  EXPECT_TRUE(turns.is_over(heard.update));
}

}  // namespace
}  // namespace glossa::serve
