// What is said in a file of subtitles.
#pragma once

#include <string>
#include <string_view>

namespace glossa::text {

// The text of SubRip (.srt) or WebVTT (.vtt) in one line: without times, numbers, headers, notes and styles;
// what says how it is shown (<i>, <v Anna>, {\an8}) goes, and so does what is no speech: [door slams], ♪, the
// dash before a speaker. &amp; &lt; &gt; and &nbsp; are written out. Any line end; what is not as the formats
// want it is taken for text.
std::string text_of_subtitles(std::string_view file);

}  // namespace glossa::text
