// Every quantizer and Hessian chain over models that compute in bfloat16 and float16: the block
// that comes out is about as good as float32's, measured in float32.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/fisher.h"
#include "mpq/calib/quantize_block.h"
#include "mpq/io/weight_source.h"
#include "mpq/quant/quantize_unit.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

const std::string kFolder = source_path("tests/golden/architectures/stories260K");

std::vector<SequenceGroup> sequences() {
  std::vector<TokenSequence> task, text;
  for (int32_t s = 0; s < 12; ++s) {
    task.push_back({1});
    for (int32_t t = 0; t < 15; ++t) task.back().push_back((s * 37 + t * t * 11) % 512);
  }
  text.emplace_back();
  for (int32_t t = 0; t < 40; ++t) text.back().push_back((t * 61) % 512);
  return {{BatchPlan(task, 64), false}, {BatchPlan(text, 64), true}};
}

/// Weights of the first block, quantized by `spec` from inputs computed in `dtype`.
std::vector<at::Tensor> quantized_in(const std::string& dtype, const std::string& spec) {
  const Model model(kFolder, open_safetensors_folder(kFolder), {.dtype = dtype});
  const auto groups = sequences();
  MemoryBudget memory(-1, testing::TempDir());
  std::vector<PlannedUnit> planned;
  for (const Unit& unit : make_units(model.config(), true)) {
    if (unit.block == 0) planned.push_back({unit, make_method(spec)});
  }
  DecoderBlock block = model.load_block(0);
  BlockStreams streams{embed_groups(model, groups, memory), embed_groups(model, groups, memory)};
  ChannelFisher fisher;
  if (planned.front().method.quantizer->needs().fisher)
    fisher = channel_fisher(model, groups.front().plan, memory);
  quantize_block(
      {.config = model.config(), .planned = planned, .groups = groups, .fisher = &fisher}, block,
      streams, memory);
  return block.weights;
}

/// Mean squared change of the block's output that the weights make, all in float32.
double error_of(const std::vector<at::Tensor>& weights) {
  const Model model(kFolder, open_safetensors_folder(kFolder), {.dtype = "float32"});
  const auto groups = sequences();
  MemoryBudget memory(-1, testing::TempDir());
  const auto input = embed_groups(model, groups, memory);
  DecoderBlock block = model.load_block(0);
  const auto target = forward_groups(block, groups, input, memory);
  for (size_t i = 0; i < weights.size(); ++i)
    block.weights[i] = weights[i].to(block.weights[i].scalar_type());
  return BlockError({groups, input, target, 0.2}).sum(block);
}

std::vector<std::string> specs() {
  std::vector<std::string> all;
  const auto& registry = Registry<Quantizer>::instance();
  for (const auto& name : registry.names()) {
    std::string spec = name + ":bits=3,group=4";
    for (const auto& option : registry.at(name).options) {
      if (option.name == "iterations") spec += ",iterations=20";
      if (option.name == "high") spec += ",high=4";
    }
    all.push_back(spec);
  }
  for (const char* chain :
       {"awq+gptq:bits=3,group=4", "smoothquant+gptq:bits=3,group=4", "gptq:bits=3,group=4,aim",
        "gptq:bits=3,group=4,refine=2", "awq+gptq:bits=3,group=4,aim",
        "awq+signround:bits=3,group=4,iterations=20", "hir:bits=3,high=4,group=4,gptq,aim"})
    all.push_back(chain);
  return all;
}

class NarrowDtypes : public testing::TestWithParam<std::string> {};

TEST_P(NarrowDtypes, QuantizeAsFloat32Does) {
  const double wide = error_of(quantized_in("float32", GetParam()));
  for (const char* dtype : {"bfloat16", "float16"}) {
    const double narrow = error_of(quantized_in(dtype, GetParam()));
    EXPECT_LT(narrow, 1.25 * wide) << dtype;
    EXPECT_GT(narrow, 0.8 * wide) << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NarrowDtypes, testing::ValuesIn(specs()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace mpq
