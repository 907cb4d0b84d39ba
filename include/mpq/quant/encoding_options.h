#pragma once
// The options that say how a unit is stored, beside those of its quantizer.
#include <string>

#include "mpq/core/options.h"
#include "mpq/quant/encoding.h"

namespace mpq {

struct EncodingOptions {
  std::string type = "int";
  int bits = 4;
  int group = 128;
  bool sym = false;
  std::string zero = "whole";
  std::string scale = "auto";
  int high = 0;
  double ratio = 0;

  template <class Field>
  void visit(Field&& field) {
    field("type", type,
          "int, whose other options follow, or by name: q2_k to q6_k, q4_0, ..., iq4_xs, fp8, "
          "nvfp4, mxfp4");
    field("bits", bits, "code width, 2 to 8");
    field("group", group, "inputs that share a scale and zero point; 0: a whole row");
    field("sym", sym, "symmetric grid, no zero points");
    field("zero", zero, "unless sym: whole, real (HQQ's), or offset, a minimum as GGUF and MLX");
    field("scale", scale, "dtype of scales: bf16, f16, f32; auto: the checkpoint's");
    field("high", high, "of a hybrid: code width of its high-impact channels");
    field("ratio", ratio, "of a hybrid: share of the input channels that are high-impact");
  }

  /// Throws Error(Usage) when a value is out of range.
  Encoding encoding() const;
};

/// Whether an option of a spec says how its unit is stored.
bool is_encoding_option(const std::string& name);
/// The options that make an encoding without a name.
EncodingOptions options_of(const Encoding& encoding);

}  // namespace mpq
