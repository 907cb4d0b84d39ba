// Options to encodings and back.
#include "mpq/quant/encoding_options.h"

#include <algorithm>
#include <array>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"

namespace mpq {
namespace {

template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

const Names<Zero> kZeros = {{"whole", Zero::Whole}, {"real", Zero::Real}, {"offset", Zero::Offset}};
const Names<at::ScalarType> kDtypes = {{"auto", at::ScalarType::Undefined},
                                       {"bf16", at::kBFloat16},
                                       {"f16", at::kHalf},
                                       {"f32", at::kFloat}};

template <class Value>
Value named(const Names<Value>& names, const std::string& option, const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known.push_back(name);
  }
  fail(ErrorCode::Usage, "option {}: unknown value \"{}\"{}", option, text,
       suggestion(text, known));
}

template <class Value>
std::string name_of(const Names<Value>& names, Value value) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const auto& entry) { return entry.second == value; });
  require(found != names.end(), ErrorCode::Internal, "encoding: a value has no name");
  return found->first;
}

}  // namespace

Encoding EncodingOptions::encoding() const {
  if (type != "int") return named(named_encodings(), "type", type);
  require(bits >= 2 && bits <= 8, ErrorCode::Usage, "option bits: expected 2 to 8, found {}", bits);
  require(group >= 0, ErrorCode::Usage, "option group: expected 0 or more, found {}", group);
  Encoding encoding = integers(bits, group, sym);
  const Zero begin = named(kZeros, "zero", zero);
  if (!sym) encoding.zero = begin;
  encoding.scale_dtype = named(kDtypes, "scale", scale);
  require((high == 0 || (high >= bits && high <= 8)) && ratio >= 0 && ratio < 1, ErrorCode::Usage,
          "a hybrid: expected bits <= high <= 8 and 0 < ratio < 1, found bits={}, high={}, "
          "ratio={}",
          bits, high, ratio);
  encoding.high_bits = high;
  encoding.high_ratio = ratio;
  return encoding;
}

bool is_encoding_option(const std::string& name) {
  static const auto kOptions = describe_options<EncodingOptions>();
  return std::any_of(kOptions.begin(), kOptions.end(),
                     [&](const OptionInfo& option) { return option.name == name; });
}

EncodingOptions options_of(const Encoding& encoding) {
  require(encoding.uniform(), ErrorCode::Internal,
          "encoding: it has no name, and is not of plain integers");
  EncodingOptions options;
  options.bits = encoding.bits;
  options.group = encoding.group;
  options.sym = encoding.symmetric();
  if (!options.sym) options.zero = name_of(kZeros, encoding.zero);
  options.scale = name_of(kDtypes, encoding.scale_dtype);
  options.high = encoding.high_bits;
  options.ratio = encoding.high_ratio;
  return options;
}

}  // namespace mpq
