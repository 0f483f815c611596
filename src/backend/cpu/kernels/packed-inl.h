// The kernels over packed weights, written once over Vec (f32-inl.h) and Dot, the vocabulary of 8-bit dot
// products that each target defines:
//
//   Reg           kLanes sums of 32 bits, one per output; kLanes == Vec::kWidth
//   Weights       4 inputs of kLanes outputs as load() prepares them from 4 * kLanes bytes q + 128
//   kInt8Offset   what load() leaves of that 128: all of it, or 0 where the products are of signed bytes
//   Inputs        the same 4 signed inputs for every output
//   add()         sum + the 4 products of q + kInt8Offset, exact for |q| <= 127 and inputs from -128
//   Nibble...     the same for weights of 4 bits, q + 8, and sums of half a block, which 16 bits can hold:
//                 begin_half(start), add_nibbles(), and end_half(total, sum, factors) returns
//                 total + factor * (start + the products)
//   Factors       a whole number per output, 0 to 15 for the first half of a block, -15 to 0 for the second
//   round_block() up to kBlock floats times a factor, -127 to 127 or NaN, which becomes 0, to kBlock signed
//                 bytes, zeros behind; returns the sums of both halves
//   hide()        keeps the compiler from knowing the inputs' value
//   k...Rows, k...Columns: the largest tile whose sums stay in registers
//
// Included after f32-inl.h, once per target file. Integer sums are exact, so every instruction set computes
// the same ones; the f32 operations around them are in an order that depends on the inputs alone.

namespace glossa::backend {
namespace {

static_assert(Dot::kLanes == kWidth);

// Weights are stored as q + offset, unsigned; the sums begin with what that adds too much.
constexpr std::int32_t kInt4Offset = 8;
constexpr std::int64_t kGroup = 4;  // inputs of one dot product
constexpr std::int64_t kInt8PanelBlock = kBlock * kPanel;
constexpr std::int64_t kInt4Weights = kBlock * kPanel / 2;
constexpr std::int64_t kInt4Groups = kBlock / kGroup / 2;  // of bytes; a nibble each is of either half block
constexpr std::int64_t kInt4PanelBlock = kInt4Weights + kPanel;  // and two factors per output

// What is fetched into the second-level cache while a tile is computed: its share of the next panel, `step`
// bytes at a time.
struct Ahead {
  const std::uint8_t* begin;
  std::int64_t step;
};

// A panel is streamed from memory once: by its first tile when there is one, else by its first two.
Ahead share_of_next_panel(const std::uint8_t* panel, std::int64_t panel_bytes, std::int64_t steps,
                          std::int64_t tile, std::int64_t tiles) {
  const std::int64_t sharers = tiles < 2 ? 1 : 2;
  if (tile >= sharers) return {panel, 0};
  return {panel + panel_bytes + panel_bytes / sharers * tile, panel_bytes / sharers / steps};
}

// kBytes: of a step where nobody shares.
template <std::int64_t kBytes>
void fetch(const Ahead& ahead, std::int64_t step) {
  GLOSSA_UNROLL for (std::int64_t line = 0; line < kBytes; line += 64) {
    __builtin_prefetch(ahead.begin + step * ahead.step + line, 0, 2);
  }
}

// The weights of a few groups on, from the second-level cache to the first.
void fetch_soon(const std::uint8_t* weights) {
  constexpr std::int64_t kGroupsOn = 6;
  __builtin_prefetch(weights + kGroupsOn * kPanel * kGroup);
  __builtin_prefetch(weights + kGroupsOn * kPanel * kGroup + 64);
}

// y = sums * the row's scale * the output's; the outputs' scales are the panel's last bytes.
template <int kRows, int kColumns>
void store_scaled(const Dot::Reg (&sums)[kRows][kColumns], const Int8Rows& x, std::int64_t row,
                  const std::uint8_t* panel_scales, std::int64_t first, float* y, std::int64_t y_stride) {
  const auto* scales = reinterpret_cast<const float*>(panel_scales) + first;
  GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) {
    const Reg scale = Vec::load(scales + c * kWidth);
    GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
      const Reg value = Vec::mul(Dot::to_float(sums[r][c]), Vec::mul(Vec::set1(x.scales[row + r]), scale));
      Vec::store(y + (row + r) * y_stride + first + c * kWidth, value);
    }
  }
}

// kRows rows times kColumns registers of outputs, beginning at output `first` of the panel.
template <int kRows, int kColumns>
void int8_tile(const Int8Rows& x, std::int64_t row, const std::uint8_t* panel, std::int64_t first,
               Ahead ahead, float* y, std::int64_t y_stride) {
  Dot::Reg sums[kRows][kColumns];
  const std::int8_t* inputs = x.values + row * x.stride;
  GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
    const std::int32_t total = x.totals[row + r];
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = Dot::set1(-Dot::kInt8Offset * total);
  }
  const std::uint8_t* weights = panel + first * kGroup;
  const std::int64_t groups = x.blocks * kBlock / kGroup;
  for (std::int64_t group = 0; group < groups; ++group) {
    fetch<kPanel * kGroup>(ahead, group);
    fetch_soon(weights);
    Dot::Weights w[kColumns];
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) w[c] = Dot::load(weights + c * Dot::kLanes * kGroup);
    GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
      const Dot::Inputs in = Dot::broadcast(inputs + r * x.stride + group * kGroup);
      GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = Dot::add(sums[r][c], w[c], in);
    }
    weights += kPanel * kGroup;
  }
  store_scaled<kRows, kColumns>(sums, x, row, panel + x.blocks * kInt8PanelBlock, first, y, y_stride);
}

// Adds half a block: the low nibbles of its bytes, or the high ones.
template <bool kHigh, int kRows, int kColumns>
[[gnu::always_inline]] inline void add_half_block(Dot::Reg (&totals)[kRows][kColumns],
                                                  const std::int8_t* inputs, std::int64_t stride,
                                                  const std::int32_t* starts, std::int64_t starts_stride,
                                                  const std::uint8_t* weights, const std::uint8_t* factors) {
  Dot::NibbleSum sums[kRows][kColumns];
  GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
    const Dot::NibbleSum start = Dot::begin_half(starts + r * starts_stride);
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = start;
  }
  GLOSSA_UNROLL for (std::int64_t group = 0; group < kInt4Groups; ++group) {
    Dot::NibbleWeights w[kColumns];
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) w[c] =
        Dot::template load_nibbles<kHigh>(weights + group * kPanel * kGroup + c * Dot::kLanes * kGroup);
    GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
      const Dot::NibbleInputs in = Dot::broadcast_nibbles(inputs + r * stride + group * kGroup);
      GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = Dot::add_nibbles(sums[r][c], w[c], in);
    }
  }
  GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) {
    const Dot::Factors factor = Dot::template load_factors<kHigh>(factors + c * Dot::kLanes);
    GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) totals[r][c] =
        Dot::end_half(totals[r][c], sums[r][c], factor);
  }
}

template <int kRows, int kColumns>
void int4_tile(const Int8Rows& x, std::int64_t row, const std::uint8_t* panel, std::int64_t first,
               Ahead ahead, float* y, std::int64_t y_stride) {
  Dot::Reg totals[kRows][kColumns];
  GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) totals[r][c] = Dot::set1(0);
  }
  const std::int8_t* inputs = x.values + row * x.stride;
  const std::int32_t* starts = x.starts + row * 2 * x.blocks;
  for (std::int64_t block = 0; block < x.blocks; ++block) {
    fetch<kInt4PanelBlock>(ahead, block);
    const std::uint8_t* weights = panel + block * kInt4PanelBlock;
    const std::uint8_t* factors = weights + kInt4Weights + first;
    weights += first * kGroup;
    add_half_block<false>(totals, inputs, x.stride, starts, 2 * x.blocks, weights, factors);
    add_half_block<true>(totals, inputs + kBlock / 2, x.stride, starts + 1, 2 * x.blocks, weights, factors);
    inputs += kBlock;
    starts += 2;
  }
  store_scaled<kRows, kColumns>(totals, x, row, panel + x.blocks * kInt4PanelBlock, first, y, y_stride);
}

template <int kRows, int kColumns>
void bf16_tile(const float* x, std::int64_t x_stride, const std::uint16_t* panel, std::int64_t inputs,
               Ahead ahead, float* y, std::int64_t y_stride) {
  Reg sums[kRows][kColumns];
  GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = Vec::zero();
  }
  for (std::int64_t input = 0; input < inputs; ++input) {
    fetch<kPanel * 2>(ahead, input);
    Reg w[kColumns];
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) w[c] =
        Vec::load_bf16(panel + input * kPanel + c * kWidth);
    GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
      const Reg in = Vec::set1(x[r * x_stride + input]);
      GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) sums[r][c] = Vec::fma(in, w[c], sums[r][c]);
    }
  }
  GLOSSA_UNROLL for (int r = 0; r < kRows; ++r) {
    GLOSSA_UNROLL for (int c = 0; c < kColumns; ++c) Vec::store(y + r * y_stride + c * kWidth, sums[r][c]);
  }
}

// Calls tile.run<height>(row, index, tiles) for tiles of nearly equal height, kMost at most, that cover
// `rows`.
template <int kRows, class Tile>
void run_tile(std::int64_t height, std::int64_t row, std::int64_t index, std::int64_t tiles,
              const Tile& tile) {
  if constexpr (kRows > 1) {
    if (height < kRows) {
      run_tile<kRows - 1>(height, row, index, tiles, tile);
      return;
    }
  }
  tile.template run<kRows>(row, index, tiles);
}

template <int kMost, class Tile>
void run_tiles(std::int64_t rows, const Tile& tile) {
  const std::int64_t tiles = (rows + kMost - 1) / kMost;
  std::int64_t row = 0;
  for (std::int64_t index = 0; index < tiles; ++index) {
    const std::int64_t height = (rows - row + tiles - index - 1) / (tiles - index);
    run_tile<kMost>(height, row, index, tiles, tile);
    row += height;
  }
}

// What the two formats with integer sums differ in.
struct Int8Panel {
  static constexpr int kMostRows = Dot::kInt8Rows;
  static constexpr int kMostColumns = Dot::kInt8Columns;
  static constexpr std::int64_t kStepsPerBlock = kBlock / kGroup;
  static constexpr std::int64_t bytes(std::int64_t blocks) { return blocks * kInt8PanelBlock + kPanel * 4; }
  template <int kRows, int kColumns>
  static void tile(const Int8Rows& x, std::int64_t row, const std::uint8_t* panel, std::int64_t first,
                   Ahead ahead, float* y, std::int64_t y_stride) {
    int8_tile<kRows, kColumns>(x, row, panel, first, ahead, y, y_stride);
  }
};

struct Int4Panel {
  static constexpr int kMostRows = Dot::kInt4Rows;
  static constexpr int kMostColumns = Dot::kInt4Columns;
  static constexpr std::int64_t kStepsPerBlock = 1;
  static constexpr std::int64_t bytes(std::int64_t blocks) { return blocks * kInt4PanelBlock + kPanel * 4; }
  template <int kRows, int kColumns>
  static void tile(const Int8Rows& x, std::int64_t row, const std::uint8_t* panel, std::int64_t first,
                   Ahead ahead, float* y, std::int64_t y_stride) {
    int4_tile<kRows, kColumns>(x, row, panel, first, ahead, y, y_stride);
  }
};

template <class Panel, int kColumns>
struct IntegerTile {
  const Int8Rows& x;
  const std::uint8_t* panel;
  std::int64_t first;
  float* y;
  std::int64_t y_stride;
  template <int kRows>
  void run(std::int64_t row, std::int64_t index, std::int64_t tiles) const {
    const Ahead ahead = share_of_next_panel(panel, Panel::bytes(x.blocks), x.blocks * Panel::kStepsPerBlock,
                                            first == 0 ? index : tiles, tiles);
    Panel::template tile<kRows, kColumns>(x, row, panel, first, ahead, y, y_stride);
  }
};

template <class Panel>
void matmul_integers(const Int8Rows& x, const std::uint8_t* panel, float* y, std::int64_t y_stride) {
  // One row waits for memory, which comes soonest in one pass, front to back.
  constexpr int kWhole = static_cast<int>(kPanel / kWidth);
  if (x.rows == 1) {
    IntegerTile<Panel, kWhole>{x, panel, 0, y, y_stride}.template run<1>(0, 0, 1);
    return;
  }
  constexpr int kColumns = Panel::kMostColumns;
  for (std::int64_t first = 0; first < kPanel; first += kColumns * kWidth) {
    run_tiles<Panel::kMostRows>(x.rows, IntegerTile<Panel, kColumns>{x, panel, first, y, y_stride});
  }
}

struct Bf16Tile {
  const float* x;
  std::int64_t x_stride;
  const std::uint16_t* panel;
  std::int64_t inputs;
  std::int64_t first;
  float* y;
  std::int64_t y_stride;
  template <int kRows>
  void run(std::int64_t row, std::int64_t index, std::int64_t tiles) const {
    const Ahead ahead = share_of_next_panel(reinterpret_cast<const std::uint8_t*>(panel), inputs * kPanel * 2,
                                            inputs, first == 0 ? index : tiles, tiles);
    bf16_tile<kRows, Dot::kBf16Columns>(x + row * x_stride, x_stride, panel + first, inputs, ahead,
                                        y + row * y_stride + first, y_stride);
  }
};

void matmul_bf16(const float* x, std::int64_t x_stride, std::int64_t rows, const std::uint16_t* panel,
                 std::int64_t inputs, float* y, std::int64_t y_stride) {
  for (std::int64_t first = 0; first < kPanel; first += Dot::kBf16Columns * kWidth) {
    run_tiles<Dot::kBf16Rows>(rows, Bf16Tile{x, x_stride, panel, inputs, first, y, y_stride});
  }
}

float quantize_row_int8(const float* x, std::int64_t n, std::int8_t* values, std::int32_t* total,
                        std::int32_t* starts) {
  Reg largest = Vec::zero();
  for_each_vector(n, [&](std::int64_t position, std::int64_t count) {
    const Reg value = load(x + position, count);
    largest = Vec::max(Vec::max(value, Vec::sub(Vec::zero(), value)), largest);  // passes NaN over
  });
  const float range = Vec::reduce_max(largest);
  // Rows of nothing but zeros, and rows so small that the factor would overflow, are zeros.
  const float factor = range > 1e-36f ? 127.0f / range : 0.0f;
  const std::int64_t blocks = (n + kBlock - 1) / kBlock;
  std::int32_t sum = 0;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const HalfSums halves =
        Dot::round_block(x + block * kBlock, n - block * kBlock, factor, values + block * kBlock);
    if (starts != nullptr) {
      starts[2 * block] = -kInt4Offset * halves.low;
      starts[2 * block + 1] = -kInt4Offset * halves.high;
    }
    sum += halves.low + halves.high;
  }
  if (total != nullptr) *total = sum;
  return factor == 0 ? 0.0f : range / 127.0f;
}

void widen_rows_int8(const std::int8_t* values, const float* scales, std::int64_t rows, std::int64_t n,
                     float* y) {
  static_assert(kBlock % kWidth == 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    const Reg factor = Vec::set1(scales[row]);
    for (std::int64_t position = 0; position < n; position += kWidth) {
      Vec::store(y + row * n + position, Vec::mul(Dot::load_as_float(values + row * n + position), factor));
    }
  }
}

void widen_bf16(const std::uint16_t* values, std::int64_t n, float* y) {
  std::int64_t position = 0;
  for (; position + kWidth <= n; position += kWidth)
    Vec::store(y + position, Vec::load_bf16(values + position));
  for (; position < n; ++position) {
    const std::uint32_t bits = static_cast<std::uint32_t>(values[position]) << 16;
    __builtin_memcpy(y + position, &bits, sizeof bits);
  }
}

// Infinities stay; NaN becomes some NaN.
void narrow_bf16(const float* x, std::int64_t n, std::uint16_t* values) {
  for (std::int64_t position = 0; position < n; ++position) {
    std::uint32_t bits = 0;
    __builtin_memcpy(&bits, x + position, sizeof bits);
    const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    values[position] =
        static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
  }
}

// Independent chains of dot products, enough to hide their latency.
double peak_int8(std::int64_t iterations) {
  constexpr int kChains = 10;
  static constexpr std::uint8_t kWeights[kGroup * kPanel] = {};
  static constexpr std::int8_t kInputs[kGroup] = {};  // however long it runs, nothing overflows
  const std::uint8_t* zeros = kWeights;
  __asm__("" : "+r"(zeros));  // or a compiler that knows them leaves the products out
  const Dot::Weights weights = Dot::load(zeros);
  Dot::Inputs inputs = Dot::broadcast(kInputs);
  Dot::Reg sums[kChains];
  GLOSSA_UNROLL for (int chain = 0; chain < kChains; ++chain) sums[chain] = Dot::set1(chain);
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    GLOSSA_UNROLL for (int chain = 0; chain < kChains; ++chain) {
      Dot::hide(inputs);
      sums[chain] = Dot::add(sums[chain], weights, inputs);
    }
  }
  Reg total = Dot::to_float(sums[0]);
  GLOSSA_UNROLL for (int chain = 1; chain < kChains; ++chain) total =
      Vec::add(total, Dot::to_float(sums[chain]));
  // As in peak_f32(): used, and never negative.
  return Vec::reduce_add(total) < 0 ? 0 : 2.0 * static_cast<double>(iterations) * kChains * kWidth * kGroup;
}

}  // namespace
}  // namespace glossa::backend
