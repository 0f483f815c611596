// The one exception type that crosses glossa's edges.
#pragma once

#include <stdexcept>
#include <string>

#include "glossa/export.h"

namespace glossa {

enum class ErrorCode {
  kInternal = 1,         // a defect of glossa
  kInvalidArgument = 2,  // the caller asked for something that does not exist or does not fit
  kBadInput = 3,         // a file, model, manifest or text that cannot be used
};

// what() names the thing, what was expected, what was found, and where from.
class GLOSSA_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  ~Error() override;
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace glossa
