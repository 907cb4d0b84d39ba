// Logits against transformers on tiny checkpoints (tools/golden/make_architectures.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/activations.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

std::string golden_folder() { return std::string(MPQ_SOURCE_DIR) + "/tests/golden/architectures/"; }

Json cases() { return read_json_file(golden_folder() + "cases.json"); }

std::vector<std::string> golden_cases() {
  const Json all = cases();  // a temporary would be gone before its items are read
  auto names = all.at("tiny").get<std::vector<std::string>>();
  for (const auto& [name, folder] : all.at("trained").items()) names.push_back(name);
  return names;
}

std::string checkpoint_of(const std::string& name) {
  const Json trained = cases().at("trained");
  return trained.contains(name)
             ? std::string(MPQ_SOURCE_DIR) + "/" + trained.at(name).get<std::string>()
             : golden_folder() + name;
}

class Architectures : public testing::TestWithParam<std::string> {};

TEST_P(Architectures, LogitsEqualTransformers) {
  const std::string folder = checkpoint_of(GetParam());
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  const SafetensorsFile expected(golden_folder() + GetParam() + "/expected.safetensors");
  std::vector<TokenSequence> sequences;
  std::vector<at::Tensor> golden;
  const auto add = [&](const at::Tensor& ids, const at::Tensor& logits) {
    const auto row = ids.to(at::kInt).contiguous();
    sequences.emplace_back(row.data_ptr<int32_t>(), row.data_ptr<int32_t>() + row.numel());
    golden.push_back(logits);
  };
  if (expected.contains("ids")) {
    for (int64_t i = 0; i < expected.tensor("ids").size(0); ++i)
      add(expected.tensor("ids")[i], expected.tensor("logits")[i]);
  }
  for (int i = 0; expected.contains(fmt::format("prompt.{}.ids", i)); ++i)
    add(expected.tensor(fmt::format("prompt.{}.ids", i)),
        expected.tensor(fmt::format("prompt.{}.logits", i)));
  ASSERT_FALSE(sequences.empty());
  const BatchPlan plan(sequences, 64);
  MemoryBudget memory(-1, "/tmp");
  const auto logits = model.logits(forward_model(model, plan, memory));
  for (size_t i = 0; i < golden.size(); ++i) {
    const auto sequence = static_cast<int64_t>(i);
    const auto kept = golden[i].size(0);  // the last tokens, where the golden is kept small
    const auto ours =
        logits.narrow(0, plan.first_row(sequence) + plan.length(sequence) - kept, kept);
    const double error = (ours - golden[i]).abs().max().item<double>();
    EXPECT_LT(error, 1e-4 * golden[i].abs().max().item<double>()) << "sequence " << i;
  }
}

/// In narrow dtypes the residual stream, norms and head are float32: only products are rounded.
TEST_P(Architectures, NarrowDtypesFollowFloat32) {
  const std::string folder = checkpoint_of(GetParam());
  const BatchPlan plan({{1, 7, 3, 9, 4, 11, 5, 2}, {2, 6, 8}}, 64);
  MemoryBudget memory(-1, "/tmp");
  const auto logits = [&](const std::string& dtype) {
    const Model model(folder, open_safetensors_folder(folder), {.dtype = dtype});
    const auto hidden = forward_model(model, plan, memory);
    EXPECT_EQ(hidden.scalar_type(), at::kFloat) << dtype;
    return model.logits(hidden);
  };
  const at::Tensor exact = logits("float32");
  const double scale = exact.abs().max().item<double>();
  EXPECT_LT((logits("bfloat16") - exact).abs().max().item<double>(), 0.1 * scale);
  EXPECT_LT((logits("float16") - exact).abs().max().item<double>(), 0.0125 * scale);
}

INSTANTIATE_TEST_SUITE_P(Cases, Architectures, testing::ValuesIn(golden_cases()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST(ArchitectureRegistry, EveryArchitectureHasAGoldenCase) {
  std::set<std::string> covered;
  for (const auto& name : golden_cases())
    covered.insert(read_json_file(checkpoint_of(name) + "/config.json").at("model_type"));
  for (const auto& name : Registry<Architecture>::instance().names())
    EXPECT_EQ(covered.count(name), 1U) << name;
}

}  // namespace
}  // namespace mpq
