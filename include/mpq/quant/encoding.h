#pragma once
// How the numbers of a linear are stored, their scales included: what a format holds, a quantizer
// makes and a budget counts.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mpq {

/// What a code stands for, in units of its group's scale.
enum class Element {
  Int,    // a whole number
  Nl4,    // one of llama.cpp's 16 levels of IQ4_NL
  E2M1,   // a 4-bit float: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives
  E4M3,   // an 8-bit float up to 448, without infinities
  Plain,  // no code: the weight stays as it is
};

/// Where the codes of Element::Int begin; the other elements are symmetric by themselves.
enum class Zero {
  Middle,  // scale (code - 2^(bits - 1)): symmetric
  Whole,   // scale (code - zero), zero a code
  Real,    // scale (code - zero), zero any number of the scale's dtype (HQQ)
  Offset,  // scale code + offset, offset of the scale's dtype (GGUF, MLX)
};

/// How a group's scale (and offset) is stored.
enum class ScaleCode {
  Float,  // in scale_dtype
  Sub,    // whole numbers of sub_bits times a scale_dtype number for super_group inputs (K-quants)
  E8M0,   // a power of two (MX)
  E4M3,   // an 8-bit float times a float32 number for the whole tensor (NVFP4)
};

/// A value: two linears with equal encodings have tensors of one layout.
struct Encoding {
  Element element = Element::Int;
  int bits = 4;     // of a code, 2 to 8; 16 when Plain
  int group = 128;  // inputs of a row that share a scale; 0: the whole row
  Zero zero = Zero::Whole;
  ScaleCode scale = ScaleCode::Float;
  /// Of Float scales and of the numbers that Sub scales multiply; Undefined: the checkpoint's.
  at::ScalarType scale_dtype = at::ScalarType::Undefined;
  int sub_bits = 0;
  int super_group = 0;
  int high_bits = 0;      // above 0: a hybrid, the high-impact channels have this width
  double high_ratio = 0;  // their share of the input channels

  bool plain() const { return element == Element::Plain; }
  bool symmetric() const { return element != Element::Int || zero == Zero::Middle; }
  /// Whole numbers with one float scale a group, however they begin.
  bool uniform() const { return element == Element::Int && scale == ScaleCode::Float; }
  bool has_offset() const { return element == Element::Int && zero == Zero::Offset; }
  bool hybrid() const { return high_bits > 0; }
  bool operator==(const Encoding&) const = default;
};

/// Whole numbers with one float scale a group: compressed-tensors, GPTQ, AutoRound.
Encoding integers(int bits, int group, bool symmetric);
/// The weight as it is.
Encoding full_precision();
/// Encodings with a name of their own, as "q4_k" or "nvfp4".
const std::vector<std::pair<std::string, Encoding>>& named_encodings();
/// The name of a named encoding, "16", or the options that tell integers apart:
/// "int:bits=4,group=128,sym,scale=bf16".
std::string to_string(const Encoding& encoding);
/// The inverse. Throws Error(Usage) with a suggestion.
Encoding parse_encoding(const std::string& text);
/// With the checkpoint's dtype where the encoding leaves its scales' open.
Encoding resolved(Encoding encoding, at::ScalarType checkpoint_dtype);

/// Ascending values of codes 0, 1, ... in units of the scale. Empty for Int, whose codes are their
/// own values.
const std::vector<float>& level_table(Element element);
/// The greatest code.
int top_code(const Encoding& encoding);
/// The code that stands for 0 in Zero::Middle: 2^(bits - 1).
int middle_code(const Encoding& encoding);

/// A run of input channels of one encoding that is no hybrid.
struct Piece {
  Encoding encoding;
  int64_t columns = 0;
};
/// How a linear of `in` channels is laid out: itself, or for a hybrid first the low channels, then
/// the high-impact ones, each as whole groups and a shorter last group where there is a rest.
/// Throws Error(Usage) naming `where` as group_count() does.
std::vector<Piece> pieces_of(const Encoding& encoding, int64_t in, const std::string& where);
/// High-impact channels of a hybrid: round(ratio in), at least 1.
int64_t high_channels(const Encoding& encoding, int64_t in);

/// Bytes of the codes of [out, in] weights alone, both widths of a hybrid counted.
int64_t code_bytes(const Encoding& encoding, int64_t out, int64_t in);
/// Mean bits of a code; those of a hybrid by its ratio.
double mean_code_bits(const Encoding& encoding);

/// Groups in a row of `in` weights. Throws Error(Usage) naming `where` when the group, or the super
/// group, does not divide `in`.
int64_t group_count(const Encoding& encoding, int64_t in, const std::string& where);
/// Inputs that a group covers.
int64_t group_columns(const Encoding& encoding, int64_t in);
/// Groups that share what Sub scales multiply; 1 otherwise.
int64_t groups_of_super(const Encoding& encoding);

}  // namespace mpq
