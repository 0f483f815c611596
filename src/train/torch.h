// libtorch, and the few places where Debian's 1.13 and upstream's 2.x differ. The precompiled header of the
// room.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>
#include <torch/version.h>

#define GLOSSA_TORCH_2 (TORCH_VERSION_MAJOR >= 2)
