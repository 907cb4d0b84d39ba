#pragma once
// The tensors of a linear in GPTQ's layout, which AutoRound shares.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mpq/format/checkpoint_writer.h"

namespace mpq {

/// How the files of a format differ.
struct GptqLayout {
  const char* format = "";
  bool zero_less_one = true;  // zero points are stored less 1
  bool group_index = true;    // with P.g_idx, the group of each input
  bool asymmetric = false;    // readers take zero points off the middle
};

constexpr const char* kGptqCodes = ".qweight";  // behind a module's name; AWQ's too

/// P.qweight int32 [in bits / 32, out], packed along in; P.qzeros int32 [groups, out bits / 32],
/// packed along out; P.scales float16 [groups, out]; P.g_idx int32 [in]. Throws Error(Unsupported)
/// on what it does not hold: integers of 2 to 8 bits with whole zero points, sizes of 32s.
LinearLayout gptq_tensors(const GptqLayout& layout);
/// With scales in float16.
Fit gptq_fit(const GptqLayout& layout, const Encoding& asked, int64_t out, int64_t in,
             at::ScalarType stored_dtype);
/// group_size as configurations have it, -1 for whole rows.
int gptq_group_size(const Encoding& encoding);

/// Width and group of a module by a folder's configuration; the rest is taken from its tensors.
using GptqScheme = std::function<Encoding(const std::string& module)>;
/// Width and group as named by "bits" and "group_size" of `own`, else of `common`.
Encoding gptq_encoding(const Json& own, const Json& common, const std::string& where);
/// Modules with P.qweight, in GPTQ's layout or AWQ's. Throws Error(Format) where P.scales is
/// missing.
std::vector<std::string> quantized_modules(const WeightSource& source, const std::string& folder);
/// Weights of a folder, dequantized. Throws Error(Unsupported) when inputs are not in order.
std::unique_ptr<WeightSource> open_gptq(const std::string& folder, bool zero_less_one,
                                        const GptqScheme& scheme_of);

}  // namespace mpq
