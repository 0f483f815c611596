// Forms and URLs. Oracles: written by hand.
#include "serve/multipart.h"

#include <gtest/gtest.h>

#include "glossa/error.hpp"
#include "serve/url.h"

namespace glossa::serve {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=XX";

TEST(Multipart, ReadsFieldsAndFiles) {
  const std::string body =
      "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
      "--XX\r\ncontent-disposition: form-data; name=file; filename=\"a \\\"b\\\".wav\"\r\nContent-Type: "
      "audio/wav\r\n\r\n"
      "RIFF\r\n\r\n--X\r\n--XX\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XX--\r\n";
  const auto parts = parse_multipart(kType, body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "model");
  EXPECT_EQ(parts[0].data, "whisper-1");
  EXPECT_EQ(parts[1].name, "file");
  EXPECT_EQ(parts[1].filename, "a \"b\".wav");
  EXPECT_EQ(parts[1].data, "RIFF\r\n\r\n--X");
  EXPECT_EQ(parts[2].data, "");
  EXPECT_EQ(parse_multipart("Multipart/Form-Data; x=1; Boundary=\"XX\"", body).size(), 3u);
}

TEST(Multipart, RefusesWhatIsNone) {
  const std::string part = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue";
  for (const auto& [type, body] : std::vector<std::pair<std::string, std::string>>{
           {"application/json", "{}"},
           {"multipart/form-data", part + "\r\n--XX--"},
           {kType, ""},
           {kType, "no delimiter"},
           {kType, part},
           {kType, "--XX\r\n\r\nvalue\r\n--XX--"},
           {kType, "--XX\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--XX--"}}) {
    SCOPED_TRACE(body);
    EXPECT_THROW(parse_multipart(type, body), Error);
  }
}

TEST(Multipart, EndsOnEveryPrefix) {
  const std::string body = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--XX--\r\n";
  for (std::size_t size = 0; size < body.size(); ++size) {
    try {
      EXPECT_LE(parse_multipart(kType, body.substr(0, size)).size(), 1u);
    } catch (const Error&) {
    }
  }
}

TEST(Url, DecodesQueries) {
  EXPECT_EQ(percent_decoded("/a%20b%2fc%"), "/a b/c%");
  EXPECT_EQ(percent_decoded("%zz%4"), "%zz%4");
  EXPECT_EQ(parse_query("a=1&b=x+y%3D&&c"), (Fields{{"a", "1"}, {"b", "x y="}, {"c", ""}}));
  EXPECT_TRUE(parse_query("").empty());
}

}  // namespace
}  // namespace glossa::serve
