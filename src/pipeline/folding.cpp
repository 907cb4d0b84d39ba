// Finds what produces each scaled input and divides it.
#include "mpq/pipeline/folding.h"

#include <ATen/ATen.h>

#include <map>
#include <optional>

#include "mpq/core/error.h"
#include "mpq/format/parts.h"

namespace mpq {
namespace {

/// Rows of a tensor that are to be divided by factors.
struct Division {
  at::Tensor scale;
  int64_t first_row = 0;
  bool norm = false;
  bool plus_one = false;
};

at::Tensor divided_rows(const at::Tensor& rows, const Division& division) {
  at::Tensor result = rows.to(at::kFloat).clone();
  auto part = result.narrow(0, division.first_row, division.scale.size(0));
  part.div_(rows.dim() == 1 ? division.scale : division.scale.unsqueeze(1));
  return result;
}

}  // namespace

struct FoldedParts::State final : public WeightSource {
  State(const Model& model, std::string folder)
      : config(model.config()),
        stored(model.stored_dtype()),
        parts(std::move(folder)),
        base(open_parts(model.weights(), parts, config.layers, /*dequantize_linears=*/false)) {
    for (int64_t block = 0; block < config.layers; ++block) {
      const auto scales = load_input_scales(part_path(parts, block));
      for (size_t i = 0; i < config.linears.size(); ++i)
        modules[config.block_prefix(block) + config.linears[i].module] = block;
      for (int stage = 0; stage < kStages; ++stage)
        note_division(scales, block, static_cast<Stage>(stage));
    }
  }

  void note_division(const std::map<std::string, at::Tensor>& scales, int64_t block, Stage stage) {
    const std::string prefix = config.block_prefix(block);
    for (const auto& reader : config.linears) {
      const auto found = scales.find(prefix + reader.module);
      if (reader.stage != stage || found == scales.end()) continue;
      const at::Tensor& scale = found->second;
      const InputProducer producer = input_producer(config, stage).value();
      if (!producer.norm.empty()) {
        divisions[prefix + producer.norm + ".weight"] = {scale, 0, true, producer.plus_one};
        return;
      }
      const Division rows{scale, producer.first_row, false, false};
      const std::string module = prefix + config.linears[producer.linear].module;
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

  /// Powers of two leave a scale exact, but for one that falls among float16's subnormals.
  void divide(QuantizedLinear& linear, const Division& division) const {
    for (auto& piece : linear.pieces) divide(piece, division);
    if (linear.scale.defined())
      linear.scale = divided_rows(linear.scale, division).to(stored).to(at::kFloat);
  }

  const ModelConfig& config;
  at::ScalarType stored;
  std::string parts;
  std::unique_ptr<WeightSource> base;
  std::map<std::string, int64_t> modules;
  std::map<std::string, Division> divisions;  // by tensor name
  int64_t loaded_block = -1;
  BlockPart loaded;
};

FoldedParts::FoldedParts(const Model& model, std::string folder)
    : state_(std::make_shared<State>(model, std::move(folder))) {}
FoldedParts::~FoldedParts() = default;

QuantizedLinear FoldedParts::linear(const std::string& module) const {
  return state_->linear(module);
}
const WeightSource& FoldedParts::base() const { return *state_; }

}  // namespace mpq
