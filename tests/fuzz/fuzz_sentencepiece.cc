// Any bytes as a SentencePiece model: an Error, or a tokenizer that works. Seeds: the tokenizer.model files
// of the goldens. The end of the input also serves as text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "glossa/error.hpp"
#include "text/detokenizer.h"
#include "text/lang_tag.h"
#include "text/sentencepiece.h"
#include "text/words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace glossa::text;
  constexpr std::size_t kTextBytes = 64;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(size - std::min(size, kTextBytes));
  try {
    const SentencePiece tokenizer(bytes, "fuzz");
    const Detokenizer detokenizer(tokenizer);
    std::vector<int> ids = tokenizer.encode(text);
    for (const int id : ids) {
      if (id < 0 || id >= tokenizer.size()) std::abort();
    }
    ids.resize(ids.size() + static_cast<std::size_t>(std::min(tokenizer.size(), 100)));
    std::iota(ids.end() - std::min(tokenizer.size(), 100), ids.end(), 0);
    strip_lang_tags(detokenizer.text(ids));
    std::vector<TimedToken> tokens;
    for (const int id : ids) tokens.push_back({id, 0, 1});
    const std::vector<std::string> tags = lang_tags_of(tokenizer);
    group_sentences(tokens, group_words(tokens, tokenizer, detokenizer, tags), detokenizer, tags);
  } catch (const glossa::Error&) {
  }
  return 0;
}
