// What HTTP clients send. By the first byte: a form (its content type is the first line), a query, one of
// /v1/listen, or sound in pieces.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "fuzz_model.h"
#include "glossa/error.hpp"
#include "serve/listen_settings.h"
#include "serve/multipart.h"
#include "serve/sound_reader.h"
#include "serve/url.h"

namespace {

using namespace glossa::serve;

constexpr int kRate = 16000;

void read_form(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  for (const FormPart& part : parse_multipart(text.substr(0, line), body)) {
    const bool inside =
        part.data.data() >= body.data() && part.data.data() + part.data.size() <= body.data() + body.size();
    if (part.name.empty() || !inside) std::abort();
  }
}

void read_query(std::string_view text) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : parse_query(text)) bytes += name.size() + value.size();
  if (bytes > text.size()) std::abort();
}

void read_listen(std::string_view text) {
  for (const Kind kind : {Kind::kLive, Kind::kFile}) {
    const ListenSettings settings = read_listen_query(parse_query(text), fuzz::model(), kind, 1.0);
    if (kind == Kind::kLive || settings.sound.rate != 0) fuzz::check(settings.session, settings.sound);
  }
}

// The samples do not depend on how the bytes were cut.
std::vector<float> samples_of(std::string_view bytes, const RawFormat& format, bool separate,
                              std::size_t piece) {
  SampleReader reader(format, separate, kRate);
  std::vector<float> samples;
  const auto keep = [&](const std::vector<std::vector<float>>& sounds) {
    if (!sounds.empty()) samples.insert(samples.end(), sounds.front().begin(), sounds.front().end());
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) keep(reader.push(bytes.substr(at, piece)));
  keep(reader.finish());
  return samples;
}

void read_sound(std::string_view bytes) {
  if (bytes.size() < 4) return;
  const auto number = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const RawFormat format{static_cast<SampleFormat>(number(0) % 7), 8000 + 160 * number(1), 1 + number(2) % 8};
  const bool separate = number(2) >= 128;
  const std::size_t piece = 1 + number(3);
  bytes.remove_prefix(4);
  const auto whole = samples_of(bytes, format, separate, bytes.size() + 1);
  const auto cut = samples_of(bytes, format, separate, piece);
  if (whole.size() != cut.size()) std::abort();
  if (format.samples == SampleFormat::kFloat32) return;  // of any size, infinite ones, too: filters round
  for (std::size_t index = 0; index < whole.size(); ++index) {
    if (!(std::abs(whole[index] - cut[index]) <= 1e-5F)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'f') read_form(text);
    if (data[0] == 'q') read_query(text);
    if (data[0] == 'l') read_listen(text);
    if (data[0] == 's') read_sound(text);
  } catch (const glossa::Error&) {
  }
  return 0;
}
