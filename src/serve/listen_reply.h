// What was recognised, as Deepgram's clients read it: the messages of a stream and the answer to a file.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "glossa/types.hpp"
#include "serve/api_error.h"
#include "serve/listen_settings.h"
#include "serve/utterances.h"

namespace glossa::serve {

// Of one connection or one file.
struct ListenAbout {
  std::string request_id;
  std::string model;
  std::string model_uuid;  // the same for the same name, everywhere
  std::string version;     // of glossa
};

ListenAbout listen_about(const std::string& request_id, const std::string& model, const std::string& version);

// One channel of `channels`, from 0.
struct ListenPlace {
  int channel = 0;
  int channels = 1;
};

struct ListenResult {
  bool is_final = false;
  bool speech_final = false;   // the speaker has paused
  bool from_finalize = false;  // because the client said Finalize
};

std::string results_message(const Utterance& utterance, const ListenSettings& settings,
                            const ListenPlace& place, const ListenResult& result, const ListenAbout& about);
std::string speech_started_message(const ListenPlace& place, double seconds);
std::string utterance_end_message(const ListenPlace& place, double last_word_end);

// The last message: `seconds` of sound in each of `channels`.
std::string metadata_message(const ListenAbout& about, double seconds, int channels);
std::string error_message(const ApiError& error);

// Of a whole file: the transcript of each channel, at least one.
std::string file_answer(std::span<const Transcript> channels, const ListenSettings& settings,
                        const ListenAbout& about, std::string_view checksum);
std::string refusal(const ApiError& error, const std::string& request_id);

std::string sha256(std::string_view bytes);  // in hexadecimal

}  // namespace glossa::serve
