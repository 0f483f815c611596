// transcribe MODEL.nemo AUDIO.wav [LANG]: prints the growing text of a 16-bit mono WAV file, then words with
// times. The C++ twin of transcribe.c.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <vector>

#include "glossa/recognizer.hpp"

namespace {

void decode(const glossa::Recognizer& recognizer, glossa::Stream& stream) {
  glossa::Stream* const batch[] = {&stream};
  while (stream.is_ready()) recognizer.decode(batch);
}

void transcribe(const char* model, const char* audio_file, const char* lang) {
  const auto recognizer = glossa::Recognizer::load({.model = model});
  const auto stream = recognizer->create_stream({.target_lang = lang});

  std::ifstream audio(audio_file, std::ios::binary);
  if (!audio.seekg(44)) {  // a plain WAV header; the samples follow
    throw glossa::Error(glossa::ErrorCode::kBadInput, std::string("cannot read ") + audio_file);
  }
  std::vector<std::int16_t> piece(static_cast<std::size_t>(recognizer->info().sample_rate * 80 / 1000));
  while (audio) {
    audio.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(2 * piece.size()));
    std::vector<float> pcm(static_cast<std::size_t>(audio.gcount() / 2));
    for (std::size_t index = 0; index < pcm.size(); ++index) {
      pcm[index] = static_cast<float>(piece[index]) / 32768;
    }
    stream->accept_waveform(pcm);
    decode(*recognizer, *stream);
    std::fprintf(stderr, "... %s\n", stream->transcript().text.c_str());
  }
  stream->input_finished();
  decode(*recognizer, *stream);

  std::printf("%s\n", stream->transcript().text.c_str());
  for (const glossa::Word& word : stream->transcript().words) {
    std::printf("%.2f %.2f %s\n", word.start, word.end, word.text.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: transcribe MODEL.nemo AUDIO.wav [LANG]\n");
    return 2;
  }
  try {
    transcribe(argv[1], argv[2], argc > 3 ? argv[3] : "auto");
    return 0;
  } catch (const glossa::Error& error) {
    std::fprintf(stderr, "transcribe: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "transcribe: %s\n", error.what());
    return 1;
  }
}
