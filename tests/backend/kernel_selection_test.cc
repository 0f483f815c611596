#include "backend/cpu/kernel_selection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "backend/backend.h"
#include "glossa/error.hpp"

namespace glossa::backend {
namespace {

TEST(KernelSelection, EveryCellIsFilledAndNamed) {
  const KernelSelection selection = select_kernels();
  EXPECT_EQ(selection.cells.size(), 20u) << "a new cell needs its line in select_kernels()";
  for (const KernelCell& cell : selection.cells) EXPECT_FALSE(cell.chosen.empty()) << cell.operation;
}

TEST(KernelSelection, ScalarFillsEveryCellAndCanBeForced) {
  ::setenv("GLOSSA_ISA", "scalar", 1);
  const KernelSelection selection = select_kernels();
  ::unsetenv("GLOSSA_ISA");
  for (const KernelCell& cell : selection.cells) EXPECT_EQ(cell.chosen, "scalar") << cell.operation;
}

TEST(KernelSelection, AForcedTableIsTheOneThatRuns) {
  for (const KernelTable* table : available_kernels()) {
    ::setenv("GLOSSA_ISA", table->name, 1);
    const KernelSelection selection = select_kernels();
    ::unsetenv("GLOSSA_ISA");
    for (const KernelCell& cell : selection.cells) EXPECT_EQ(cell.chosen, table->name) << cell.operation;
  }
}

// What must happen is said by the tests that run this program on emulated CPUs: CMakeLists.txt.
TEST(KernelSelection, ACpuFallsBackAndRefusesWhatItCannotRun) {
  const char* expected = std::getenv("GLOSSA_TEST_FASTEST_ISA");
  const char* missing = std::getenv("GLOSSA_TEST_MISSING_ISA");
  if (expected == nullptr || missing == nullptr) GTEST_SKIP() << "for emulated CPUs";
  for (const KernelCell& cell : select_kernels().cells) EXPECT_EQ(cell.chosen, expected) << cell.operation;
  ::setenv("GLOSSA_ISA", missing, 1);
  try {
    select_kernels();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(missing), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
  }
  ::unsetenv("GLOSSA_ISA");
}

TEST(KernelSelection, AnUnknownInstructionSetIsAnErrorThatListsTheOthers) {
  ::setenv("GLOSSA_ISA", "mmx", 1);
  try {
    select_kernels();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("scalar"), std::string::npos) << error.what();
  }
  ::unsetenv("GLOSSA_ISA");
}

TEST(TsallisConfidence, IsOneForCertaintyAndZeroForIgnorance) {
  EXPECT_FLOAT_EQ(tsallis_confidence(1.0, 1000), 1.0f);
  EXPECT_NEAR(tsallis_confidence(1000 * std::pow(1e-3, kTsallisAlpha), 1000), 0.0f, 1e-6);
  // Two equal classes of 1000: exp((1 - 2 * 0.5^0.33) / 0.67), by hand.
  EXPECT_NEAR(tsallis_confidence(2 * std::pow(0.5, 0.33), 1000), 0.41387, 1e-4);
}

}  // namespace
}  // namespace glossa::backend
