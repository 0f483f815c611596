// Every cell of a target that defines both vocabularies. Included after packed-inl.h.

namespace glossa::backend {
namespace {

constexpr KernelTable make_table(const char* name, bool (*runs_here)()) {
  return {.name = name,
          .runs_here = runs_here,
          .matmul_f32 = matmul_f32,
          .finish_rows_f32 = finish_rows_f32,
          .layer_norm_row_f32 = layer_norm_row_f32,
          .glu_f32 = glu_f32,
          .taps_row_f32 = taps_row_f32,
          .weighted_rows_f32 = weighted_rows_f32,
          .add_f32 = add_f32,
          .softmax_row_f32 = softmax_row_f32,
          .lstm_row_f32 = lstm_row_f32,
          .argmax_row_f32 = argmax_row_f32,
          .sum_exp_f32 = sum_exp_f32,
          .quantize_row_int8 = quantize_row_int8,
          .widen_rows_int8 = widen_rows_int8,
          .narrow_bf16 = narrow_bf16,
          .widen_bf16 = widen_bf16,
          .matmul_bf16 = matmul_bf16,
          .matmul_int8 = matmul_integers<Int8Panel>,
          .matmul_int4 = matmul_integers<Int4Panel>,
          .peak_f32 = peak_f32,
          .peak_int8 = peak_int8};
}

}  // namespace
}  // namespace glossa::backend
