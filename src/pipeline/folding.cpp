// Finds what produces each scaled input and divides it.
#include "mpq/pipeline/folding.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <optional>

#include "mpq/core/error.h"
#include "mpq/format/parts.h"
#include "mpq/quant/grid.h"

namespace mpq {
struct FoldedParts::State final : public WeightSource {
  /// Rows of a tensor that are to be divided by factors.
  struct Division {
    at::Tensor scale;
    int64_t first_row = 0;
    bool norm = false;
    bool plus_one = false;
  };

  State(const Model& model, std::string folder)
      : config(model.config()),
        parts(std::move(folder)),
        base(open_parts(model.weights(), parts, config.layers, /*dequantize_linears=*/false)) {
    if (std::filesystem::exists(ends_path(parts))) ends = load_part(ends_path(parts));
    for (int64_t block = 0; block < config.layers; ++block) {
      const auto scales = load_input_scales(part_path(parts, block));
      for (const auto& linear : config.block(block).linears)
        modules[config.module_name(block, linear)] = block;
      for (int stage = 0; stage < kStages; ++stage)
        note_division(scales, block, static_cast<Stage>(stage));
    }
  }

  void note_division(const std::map<std::string, at::Tensor>& scales, int64_t block, Stage stage) {
    const std::string prefix = config.block_prefix(block);
    const BlockConfig& parts_of = config.block(block);
    for (const auto& reader : parts_of.linears) {
      const auto found = scales.find(prefix + reader.module);
      if (reader.stage != stage || found == scales.end()) continue;
      const at::Tensor& scale = found->second;
      const InputProducer producer = input_producer(parts_of, stage).value();
      if (!producer.norm.empty()) {
        divisions[prefix + producer.norm] = {scale, 0, true, producer.plus_one};
        return;
      }
      const Division rows{scale, producer.first_row, false, false};
      const std::string module = prefix + parts_of.linears[producer.linear].module;
      divisions[module + ".weight"] = rows;
      divisions[module + ".bias"] = rows;
      return;
    }
  }

  std::vector<std::string> names() const override { return base->names(); }
  std::vector<int64_t> shape(const std::string& name) const override { return base->shape(name); }
  at::ScalarType dtype(const std::string& name) const override { return base->dtype(name); }
  at::Tensor load(const std::string& name) const override {
    const at::Tensor tensor = base->load(name);
    const auto found = divisions.find(name);
    if (found == divisions.end()) return tensor;
    const Division& division = found->second;
    return (division.norm ? fold_norm(tensor, division.scale, division.plus_one)
                          : divided_rows(tensor, division))
        .to(tensor.scalar_type());
  }

  QuantizedLinear linear(const std::string& module) {
    const auto end = ends.linears.find(module);
    if (end != ends.linears.end()) return end->second;
    const auto block = modules.find(module);
    require(block != modules.end(), ErrorCode::Internal, "{}: has no {}", parts, module);
    if (block->second != loaded_block) {
      loaded = load_part(part_path(parts, block->second));
      loaded_block = block->second;
    }
    const auto found = loaded.linears.find(module);
    require(found != loaded.linears.end(), ErrorCode::Internal, "{}: has no {}", parts, module);
    QuantizedLinear result = found->second;
    result.input_scale = at::Tensor();
    const auto division = divisions.find(module + ".weight");
    if (division != divisions.end()) divide(result, division->second);
    return result;
  }

  /// Powers of two leave a scale exact, but for one that falls among float16's subnormals; of
  /// scales that stand for two numbers the common one is divided.
  static at::Tensor divided_rows(const at::Tensor& rows, const Division& division) {
    at::Tensor result = rows.to(at::kFloat).clone();
    auto part = result.narrow(0, division.first_row, division.scale.size(0));
    part.div_(rows.dim() == 1 ? division.scale : division.scale.unsqueeze(1));
    return result;
  }

  static void divide(QuantizedLinear& linear, const Division& division) {
    for (auto& piece : linear.pieces) divide(piece, division);
    Grid& grid = linear.grid;
    if (!grid.scale.defined()) return;
    const Encoding& encoding = linear.encoding;
    require(encoding.scale != ScaleCode::E4M3, ErrorCode::Unsupported,
            "{} has one scale for the whole tensor: no other linear's input can be scaled by it",
            to_string(encoding));
    const auto divide = [&](at::Tensor& value, at::ScalarType dtype) {
      if (value.defined()) value = stored_as(divided_rows(value, division), dtype);
    };
    const bool sub = encoding.scale == ScaleCode::Sub;
    divide(grid.super_scale, encoding.scale_dtype);
    divide(grid.super_offset, encoding.scale_dtype);
    divide(grid.scale, sub ? at::kFloat : encoding.scale_dtype);
    divide(grid.offset, sub ? at::kFloat : encoding.scale_dtype);
  }

  const ModelConfig& config;
  std::string parts;
  std::unique_ptr<WeightSource> base;
  std::map<std::string, int64_t> modules;
  std::map<std::string, Division> divisions;  // by tensor name
  int64_t loaded_block = -1;
  BlockPart loaded, ends;
};

FoldedParts::FoldedParts(const Model& model, std::string folder)
    : state_(std::make_shared<State>(model, std::move(folder))) {}
FoldedParts::~FoldedParts() = default;

QuantizedLinear FoldedParts::linear(const std::string& module) const {
  return state_->linear(module);
}
const WeightSource& FoldedParts::base() const { return *state_; }

}  // namespace mpq
