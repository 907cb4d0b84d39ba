// Reads compressed-tensors checkpoints, mpq's own and others': checked when opened, dequantized on
// load.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/format/compressed_tensors.h"
#include "mpq/format/exact.h"
#include "mpq/format/float_layouts.h"
#include "mpq/format/packed_source.h"
#include "mpq/format/packed_tensor.h"

namespace mpq {
namespace {

constexpr const char* kPacked = ".weight_packed";
constexpr const char* kScale = ".weight_scale";
constexpr const char* kShape = ".weight_shape";
constexpr const char* kZero = ".weight_zero_point";

/// A packed weight, its shapes checked.
struct PackedWeight {
  Encoding encoding;
  bool packed_zero = false;  // int32 words; otherwise int8, one a group
  int64_t out = 0;
  int64_t in = 0;
  int64_t groups = 0;
};

/// Scales of activations, which mpq leaves as they are.
bool is_of_inputs(const std::string& name) {
  return name.ends_with(".input_scale") || name.ends_with(".input_global_scale") ||
         name.ends_with(".input_zero_point");
}

/// Linears of small floats, which the integers' reader then sees dequantized.
std::unique_ptr<WeightSource> open_floats(const std::string& folder,
                                          const std::vector<PackedGroup>& groups) {
  auto inner = open_safetensors_folder(folder);
  std::map<std::string, PackedLinear> linears;
  for (const auto& module : modules_with(*inner, kScale)) {
    const PackedGroup* group = find_group(groups, module, folder + "/config.json");
    if (group == nullptr || group->encoding.element == Element::Int) continue;
    PackedLinear linear{group->encoding, 0, 0, {}};
    const bool packed = linear.encoding.bits == 4;
    const auto shape = inner->shape(module + (packed ? kPacked : ".weight"));
    require(shape.size() == 2, ErrorCode::Format, "{}: tensor {}: expected [out, in]", folder,
            module);
    linear.out = shape[0];
    linear.in = packed ? 2 * shape[1] : shape[1];
    if (!packed) linear.encoding.scale_dtype = inner->dtype(module + kScale);
    linear.tensors = float_plan(module, linear.encoding, linear.out, linear.in);
    linears[module] = std::move(linear);
  }
  return open_packed(folder, std::move(inner), std::move(linears), read_floats);
}

class CompressedTensorsSource final : public WeightSource {
 public:
  CompressedTensorsSource(const std::string& folder, std::unique_ptr<WeightSource> inner,
                          const std::vector<PackedGroup>& groups)
      : folder_(folder), inner_(std::move(inner)) {
    const auto names = inner_->names();
    stored_.insert(names.begin(), names.end());
    for (const auto& module : modules_with(*inner_, kPacked)) add(module, groups);
    for (const auto& name : names) {
      if (!is_of_inputs(name)) add_plain(name);
    }
  }

  std::vector<std::string> names() const override {
    std::set<std::string> all = plain_;
    for (const auto& [name, weight] : packed_) all.insert(name);
    return {all.begin(), all.end()};
  }

  std::vector<int64_t> shape(const std::string& name) const override {
    const auto found = packed_.find(name);
    if (found == packed_.end()) return inner_->shape(name);
    return {found->second.out, found->second.in};
  }

  at::ScalarType dtype(const std::string& name) const override {
    const auto found = packed_.find(name);
    return inner_->dtype(found == packed_.end() ? name : name + "_scale");  // P.weight_scale
  }

  at::Tensor load(const std::string& name) const override {
    const auto found = packed_.find(name);
    if (found == packed_.end()) return inner_->load(name);
    const PackedWeight& weight = found->second;
    const std::string module = name.substr(0, name.size() - std::strlen(".weight"));
    const at::Tensor scale =
        inner_->load(module + kScale).to(at::kFloat).reshape({-1, weight.groups});
    require_finite(scale, folder_ + ": " + module + kScale);
    const std::vector<int64_t> per_group = {weight.out, weight.groups};
    return dequantize({weight.encoding,
                       unpack_rows(inner_->load(module + kPacked), weight.encoding.bits, weight.in),
                       {scale.expand(per_group), zeros(module, weight).expand(per_group)}});
  }

 private:
  [[noreturn]] void fault(const std::string& tensor, const std::string& what) const {
    fail(ErrorCode::Format, "{}: tensor {}: {}", folder_, tensor, what);
  }

  std::vector<int64_t> stored_shape(const std::string& tensor) const {
    if (stored_.count(tensor) == 0) fault(tensor, "is missing");
    return inner_->shape(tensor);
  }

  void expect_shape(const std::string& tensor, const std::vector<int64_t>& expected) const {
    const auto found = stored_shape(tensor);
    if (found == expected) return;
    fault(tensor, fmt::format("expected shape [{}], found [{}]", fmt::join(expected, ", "),
                              fmt::join(found, ", ")));
  }

  void expect_dtype(const std::string& tensor, bool ok, const char* expected) const {
    if (!ok) fault(tensor, fmt::format("expected dtype {}", expected));
  }

  /// (out, in) as stored in weight_shape, held against the packed words.
  void read_shape(const std::string& module, PackedWeight& weight) const {
    expect_shape(module + kShape, {2});
    const at::Tensor stored = inner_->load(module + kShape);
    expect_dtype(module + kShape, at::isIntegralType(stored.scalar_type(), false), "int64");
    const at::Tensor size = stored.to(at::kLong);
    weight.out = size[0].item<int64_t>();
    weight.in = size[1].item<int64_t>();
    const auto packed = stored_shape(module + kPacked);
    // With a row to hold them the words are bounded by the file, so the product cannot overflow.
    const bool rows = packed.size() == 2 && weight.out > 0 && packed[0] == weight.out;
    if (!rows || weight.in <= 0 || weight.in > packed[1] * 32 / weight.encoding.bits) {
      fault(module + kShape, fmt::format("{} x {} does not go with {} of shape [{}]", weight.out,
                                         weight.in, kPacked + 1, fmt::join(packed, ", ")));
    }
    const auto in = static_cast<size_t>(weight.in);
    expect_shape(module + kPacked,
                 {weight.out, static_cast<int64_t>(packed_words(in, weight.encoding.bits))});
    expect_dtype(module + kPacked, inner_->load(module + kPacked).scalar_type() == at::kInt,
                 "int32");
  }

  void add(const std::string& module, const std::vector<PackedGroup>& groups) {
    require(stored_.count(module + ".weight_g_idx") == 0, ErrorCode::Unsupported,
            "{}: {}.weight_g_idx permutes columns (actorder \"group\"); mpq does not read that",
            folder_, module);
    const PackedGroup* group = find_group(groups, module, folder_ + "/config.json");
    if (group == nullptr) fault(module + kPacked, "no config group of config.json targets it");
    if (stored_.count(module + ".weight") != 0) fault(module + ".weight", "is also packed");
    PackedWeight weight{group->encoding};
    read_shape(module, weight);
    const int64_t columns = group_columns(weight.encoding, weight.in);
    if (weight.in % columns != 0) {
      fault(module + kShape, fmt::format("groups of {} do not divide {}", columns, weight.in));
    }
    weight.groups = weight.in / columns;
    const int64_t rows = group->per_tensor ? 1 : weight.out;
    if (group->per_tensor && stored_shape(module + kScale).empty()) {
      expect_shape(module + kScale, {});
    } else if (group->per_tensor) {
      expect_shape(module + kScale, {1});
    } else {
      expect_shape(module + kScale, {rows, weight.groups});
    }
    expect_dtype(module + kScale, at::isFloatingType(inner_->load(module + kScale).scalar_type()),
                 "floating");
    if (!weight.encoding.symmetric()) read_zero(module, rows, weight);
    packed_.emplace(module + ".weight", weight);
  }

  /// Words packed along out, or plain int8 (tensor strategy, and early versions of the format).
  void read_zero(const std::string& module, int64_t rows, PackedWeight& weight) const {
    stored_shape(module + kZero);
    const auto dtype = inner_->load(module + kZero).scalar_type();
    expect_dtype(module + kZero, dtype == at::kInt || dtype == at::kChar, "int32 or int8");
    weight.packed_zero = dtype == at::kInt;
    if (weight.packed_zero) {
      const auto words = packed_words(static_cast<size_t>(weight.out), weight.encoding.bits);
      expect_shape(module + kZero, {static_cast<int64_t>(words), weight.groups});
    } else {
      expect_shape(module + kZero, inner_->shape(module + kScale));
    }
  }

  at::Tensor zeros(const std::string& module, const PackedWeight& weight) const {
    const int middle = middle_code(weight.encoding);
    if (weight.encoding.symmetric()) return at::full({1, weight.groups}, middle, at::kFloat);
    const at::Tensor stored = inner_->load(module + kZero);
    if (weight.packed_zero) {
      return unpack_columns(stored, weight.encoding.bits, weight.out).to(at::kFloat);
    }
    const at::Tensor shifted = stored.to(at::kInt).add(middle).reshape({-1, weight.groups});
    if (!shifted.ge(0).logical_and(shifted.lt(2 * middle)).all().item<bool>()) {
      fault(module + kZero, fmt::format("a zero point exceeds {} bits", weight.encoding.bits));
    }
    return shifted.to(at::kFloat);
  }

  /// What is not part of a packed weight appears as it is; a leftover of one is a fault.
  void add_plain(const std::string& name) {
    for (const char* suffix : {kPacked, kScale, kShape, kZero}) {
      if (!name.ends_with(suffix)) continue;
      const std::string module = name.substr(0, name.size() - std::strlen(suffix));
      if (packed_.count(module + ".weight") == 0) fault(module + kPacked, "is missing");
      if (name.ends_with(kZero) && packed_.at(module + ".weight").encoding.symmetric()) {
        fault(name, "config.json says that the scheme is symmetric");
      }
      return;
    }
    plain_.insert(name);
  }

  std::string folder_;
  std::unique_ptr<WeightSource> inner_;
  std::set<std::string> stored_;
  std::map<std::string, PackedWeight> packed_;  // by full-precision name
  std::set<std::string> plain_;
};

}  // namespace

std::unique_ptr<WeightSource> open_compressed_tensors(const std::string& folder,
                                                      const Json& config) {
  const auto groups = parse_packed_config(config, folder + "/config.json: quantization_config");
  if (std::any_of(groups.begin(), groups.end(),
                  [](const PackedGroup& group) { return group.activations; }))
    log_warning(
        "{}: where it runs, the linears' inputs are quantized too; mpq reads the weights alone",
        folder);
  return std::make_unique<CompressedTensorsSource>(folder, open_floats(folder, groups), groups);
}

}  // namespace mpq
