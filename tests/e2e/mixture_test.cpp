// A mixture of many experts through the whole pipeline: 18 432 linears of 16 x 16.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <set>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/architecture.h"
#include "mpq/model/outline_source.h"
#include "tests/e2e/program.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

const std::string kNano = source_path("data/nano-llama");

Json many_experts() {
  return {{"architectures", {"Qwen3MoeForCausalLM"}},
          {"model_type", "qwen3_moe"},
          {"vocab_size", 2048},
          {"hidden_size", 16},
          {"intermediate_size", 16},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 48},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 1},
          {"head_dim", 8},
          {"num_experts", 128},
          {"num_experts_per_tok", 8},
          {"norm_topk_prob", true},
          {"max_position_embeddings", 256},
          {"torch_dtype", "bfloat16"},
          {"tie_word_embeddings", false}};
}

/// Random weights of `config` beside nano-llama's tokenizer.
void write_model(const std::string& folder, const Json& config, bool weights) {
  fs::create_directories(folder);
  write_json_file(folder + "/config.json", config);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    if (fs::exists(kNano + "/" + name)) fs::copy_file(kNano + "/" + name, folder + "/" + name);
  }
  if (!weights) return;
  at::manual_seed(1);
  const OutlineSource outline(read_model_config(folder), at::kBFloat16);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& name : outline.names()) {
    const auto shape = outline.shape(name);
    const bool norm = name.find("norm") != std::string::npos;
    tensors[name] = (norm ? at::ones(shape) : at::randn(shape) * 0.3).to(at::kBFloat16);
  }
  save_tensors(folder + "/model.safetensors", tensors);
}

class ManyExperts : public testing::Test {
 protected:
  Json run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--work", folder_.file("work")});
    return run_json(std::move(arguments));
  }

  TemporaryFolder folder_;
  std::string task_ = write_task(folder_);
};

TEST_F(ManyExperts, GoThroughTheWholePipeline) {
  const std::string model = folder_.file("model"), out = folder_.file("out");
  write_model(model, many_experts(), /*weights=*/true);
  const Json calibrated = run({"calibrate", "--model", model, "--task", task_, "--text-windows",
                               "2", "--text-window-tokens", "32"});
  EXPECT_EQ(calibrated["experts"]["experts"], 48 * 128);
  const std::string plan = folder_.file("plan.json");
  const Json allocated =
      run({"allocate", "--scorer", "mse", "--palette", "2;4", "--quantizer", "rtn:group=0,sym",
           "--budget", "4", "--no-verify", "--target", "vllm", "--out", plan});
  EXPECT_LE(allocated["plans"][0]["achieved"]["effective_bits"], 4.0);
  const Json quantized = run({"quantize", "--plan", plan, "--out", out});
  EXPECT_EQ(quantized["file_bytes"].get<uint64_t>(), fs::file_size(out + "/model.safetensors"));
  EXPECT_TRUE(run({"check", out, "--target", "vllm"})["faults"].empty());
  const ProgramResult refused =
      run_mpq({"check", out, "--target", "transformers", "--work", folder_.file("work")});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.out + refused.err, testing::HasSubstr("reads no quantized experts"));
  const Json evaluated = run({"eval", "--model", out, "--reference", model, "--task", task_});
  EXPECT_GT(evaluated["result"]["task_divergence"]["kl"]["mean"], 0);
}

/// vLLM's kernels take one scheme for all projections of a layer's experts.
TEST_F(ManyExperts, OfOneLayerAreStoredAlike) {
  const std::string moe = source_path("data/nano-moe");
  const std::string path = folder_.file("plan.json"), out = folder_.file("out");
  run({"calibrate", "--model", moe, "--task", task_, "--text-windows", "2"});
  run({"allocate", "--scorer", "mse", "--palette", "2;3;4;8", "--quantizer", "rtn:sym", "--budget",
       "3.9", "--no-verify", "--target", "vllm", "--out", path});
  Json plan = read_json_file(path);
  std::map<std::string, std::set<std::string>> of_experts;
  std::set<std::string> all;
  for (const auto& unit : plan["units"]) {
    const auto name = unit["name"].get<std::string>();
    all.insert(unit["spec"]);
    if (name.find(".experts.") != name.npos)
      of_experts[name.substr(0, name.rfind('.'))].insert(unit["spec"]);
  }
  EXPECT_GT(all.size(), 1U);
  EXPECT_FALSE(of_experts.empty());
  for (const auto& [name, specs] : of_experts) EXPECT_EQ(specs.size(), 1U) << name;
  EXPECT_TRUE(run({"quantize", "--plan", path, "--out", out})["file_bytes"].is_number());
  for (auto& unit : plan["units"]) {
    if (unit["name"].get<std::string>().ends_with("experts.down"))
      unit["spec"] = "rtn:bits=6,group=64,sym";
  }
  write_json_file(path, plan);
  const ProgramResult refused = run_mpq(
      {"quantize", "--plan", path, "--out", out, "--overwrite", "--work", folder_.file("work")});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.err, testing::HasSubstr("make one linear of them"));
}

/// Before anything is downloaded but config.json and a tokenizer.
TEST_F(ManyExperts, ADryRunNeedsNoWeights) {
  const std::string model = folder_.file("outline");
  write_model(model, many_experts(), /*weights=*/false);
  const Json dry = run({"run", "--model", model, "--task", task_, "--budget", "4", "--dry-run",
                        "--out", folder_.file("out")});
  EXPECT_EQ(dry["estimate"]["weights"], 48 * (16 * 16 * 3 + 128 * 3 * 16 * 16));
  EXPECT_GT(dry["estimate"]["peak_bytes"].get<double>(), 0) << dry;
}

}  // namespace
}  // namespace mpq
