// Norms that let nothing through, or nearly nothing, in chains that scale inputs: no factor becomes
// infinite or 0 / 0, and the written checkpoint loses no more than rounding does.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "mpq/core/json_file.h"
#include "mpq/format/parts.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/divergence.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/quantize_walk.h"
#include "tests/support/edited_source.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

constexpr double kTiny = 1e-7;

/// Channels 1 and 3 of a norm are dead, 5 nearly so; `dead` is the weight of a factor of 0.
at::Tensor with_dead_channels(const at::Tensor& norm, double dead) {
  at::Tensor result = norm.clone();
  for (const int64_t channel : {1, 3}) result[channel] = dead;
  result[5] = dead + kTiny;
  return result;
}

/// Rows, and so inputs of the linear behind, that are 0, and some that are nearly so.
at::Tensor with_dead_rows(const at::Tensor& weight) {
  at::Tensor result = weight.clone();
  result.narrow(0, 0, 4).zero_();
  result.narrow(0, 4, 2).mul_(kTiny);
  return result;
}

at::Tensor with_a_dead_column(const at::Tensor& weight) {
  at::Tensor result = weight.clone();
  result.select(1, 7).zero_();
  return result;
}

Edits dead_edits(const ModelConfig& config, double dead) {
  const auto channels = [dead](const at::Tensor& norm) { return with_dead_channels(norm, dead); };
  const std::string first = config.block_prefix(0), second = config.block_prefix(1);
  Edits edits{{first + "input_layernorm.weight", channels},
              {first + "mlp.up_proj.weight", with_dead_rows},
              {second + "input_layernorm.weight", channels},
              {config.block_prefix(config.layers - 1) + "post_attention_layernorm.weight",
               [dead](const at::Tensor& norm) { return (norm - dead) * 1e-5 + dead; }}};
  for (const char* name : {"q", "k", "v"})
    edits[fmt::format("{}self_attn.{}_proj.weight", second, name)] = with_a_dead_column;
  return edits;
}

/// A golden checkpoint, and whether its norms multiply by 1 + weight.
struct DeadCase {
  const char* folder;
  bool plus_one;
};

class DeadNorms : public testing::TestWithParam<std::tuple<DeadCase, at::ScalarType>> {
 protected:
  DeadNorms() {
    const auto& [golden, dtype] = GetParam();
    const std::string from = source_path("tests/golden/architectures/") + golden.folder;
    const Model whole(from, open_safetensors_folder(from), {.dtype = "float32"});
    const Edits edits = dead_edits(whole.config(), golden.plus_one ? -1 : 0);
    std::map<std::string, at::Tensor> tensors;
    for (const auto& name : whole.weights().names()) {
      const at::Tensor tensor = whole.weights().load(name).to(at::kFloat);
      const auto edit = edits.find(name);
      tensors[name] = (edit == edits.end() ? tensor : edit->second(tensor)).to(dtype);
    }
    fs::create_directory(folder_);
    save_tensors(folder_ + "/model.safetensors", tensors);
    Json config = read_json_file(from + "/config.json");
    config["torch_dtype"] = dtype_name();
    write_json_file(folder_ + "/config.json", config);
    model_ = opened(folder_, dtype_name());
    full_ = opened(folder_, "float32");
  }

  static std::string dtype_name() {
    const at::ScalarType dtype = std::get<1>(GetParam());
    return dtype == at::kFloat ? "float32" : dtype == at::kHalf ? "float16" : "bfloat16";
  }
  static BatchPlan prompts_for(const Model& model) {
    std::vector<TokenSequence> sequences;
    for (int64_t s = 0; s < 8; ++s) {
      sequences.emplace_back();
      for (int64_t t = 0; t < 32; ++t) {
        const int64_t token = 1 + (s * 131 + t * t * 37) % (model.config().vocab - 1);
        sequences.back().push_back(static_cast<int32_t>(token));
      }
    }
    return {sequences, 64};
  }
  static std::unique_ptr<Model> opened(const std::string& folder, const std::string& dtype) {
    return std::make_unique<Model>(folder, open_checkpoint(folder), ComputeOptions{.dtype = dtype});
  }
  at::Tensor logits(const Model& model) {
    return model.logits(forward_model(model, prompts_for(model), memory_));
  }

  /// Quantizes and writes; the folder. Input scales that are not all 1 count as `scales_`.
  std::string written(const std::string& spec) {
    Plan plan;
    plan.header = {{"schema", "mpq-plan/1"}};
    for (const auto& unit : make_units(model_->config(), true))
      plan.units.push_back({unit.name, unit_modules(model_->config(), unit), spec});
    const std::string parts = place_.file("parts");
    std::string out = place_.file("out");
    fs::remove_all(parts);
    quantize_to_parts(*model_, {{prompts_for(*model_)}}, resolve_plan(plan, *model_),
                      {.text_share = 0}, parts, memory_);
    scales_ = 0;
    for (int64_t block = 0; block < model_->config().layers; ++block) {
      for (const auto& [module, scale] : load_input_scales(part_path(parts, block))) {
        EXPECT_TRUE(at::isfinite(scale).all().item<bool>()) << spec << " " << module;
        EXPECT_TRUE(scale.gt(0).all().item<bool>()) << spec << " " << module;
        scales_ += scale.eq(1).all().item<bool>() ? 0 : 1;
      }
    }
    const FoldedParts folded(*model_, parts);
    OutputFolder output(out, true);
    Registry<Format>::instance().make("mpq")->write(export_job(*model_, plan, &folded), output);
    output.commit();
    return out;
  }

  /// KL to the full-precision checkpoint, both computed in float32.
  double kl_of(const std::string& folder) {
    return kl_rows(logits(*full_), logits(*opened(folder, "float32"))).mean().item<double>();
  }

  TemporaryFolder place_;
  std::string folder_ = place_.file("model");
  MemoryBudget memory_{-1, testing::TempDir()};
  std::unique_ptr<Model> model_, full_;
  int scales_ = 0;
};

TEST_P(DeadNorms, ScaledInputsLoseNoMoreThanRoundingDoes) {
  const double rtn = kl_of(written("rtn:bits=8,group=0,sym"));
  const double gptq = kl_of(written("gptq:bits=8,group=0,sym"));
  ASSERT_GT(rtn, 0);
  for (const auto& [spec, plain] :
       {std::pair{"smoothquant:bits=8,group=0,sym", rtn}, std::pair{"awq:bits=8,group=0,sym", rtn},
        std::pair{"smoothquant+gptq:bits=8,group=0,sym", gptq},
        std::pair{"awq+gptq:bits=8,group=0,sym", gptq}}) {
    const double kl = kl_of(written(spec));
    EXPECT_LT(kl, 3 * plain) << spec;
    const bool always_scales = std::string(spec).rfind("smooth", 0) == 0;
    EXPECT_GE(scales_, always_scales ? 1 : 0) << spec;
  }
}

TEST_P(DeadNorms, AreFiniteAndStayDeadWhenFactorsAreFolded) {
  const double dead = std::get<0>(GetParam()).plus_one ? -1 : 0;
  const auto whole = open_checkpoint(folder_);
  for (const char* spec : {"smoothquant:bits=4,group=0,sym", "awq+gptq:bits=4,group=0"}) {
    const auto folded = open_checkpoint(written(spec));
    for (const auto& name : whole->names()) {
      const at::Tensor tensor = folded->load(name).to(at::kFloat);
      EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << spec << " " << name;
    }
    for (const int64_t block : {0, 1}) {
      const auto norm =
          folded->load(model_->config().block_prefix(block) + "input_layernorm.weight");
      for (const int64_t channel : {1, 3})
        EXPECT_EQ(norm[channel].item<double>(), dead) << spec << " " << block;
    }
  }
}

std::string name_of(const testing::TestParamInfo<DeadNorms::ParamType>& info) {
  const auto& [golden, dtype] = info.param;
  return std::string(golden.folder) + "_" + at::toString(dtype);
}

INSTANTIATE_TEST_SUITE_P(Of, DeadNorms,
                         testing::Combine(testing::Values(DeadCase{"stories260K", false},
                                                          DeadCase{"gemma", true}),
                                          testing::Values(at::kFloat, at::kBFloat16, at::kHalf)),
                         name_of);

}  // namespace
}  // namespace mpq
