// Opens models and calibrated work folders.
#include "mpq/pipeline/session.h"

#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/units.h"
#include "mpq/pack/exporter.h"

namespace mpq {
namespace fs = std::filesystem;

std::unique_ptr<Model> open_model(const std::string& folder, const ComputeOptions& options) {
  require(fs::is_directory(folder), ErrorCode::Io,
          "{}: is not a folder; expected a checkpoint folder with config.json", folder);
  return std::make_unique<Model>(folder, open_checkpoint(folder), options);
}

std::string files_hash(const std::vector<std::string>& paths, WorkFolder& work) {
  std::string all;
  for (const auto& path : paths) all += work.hash_file(path) + "\n";
  return sha256_of(all);
}

std::string checkpoint_hash(const std::string& folder, WorkFolder& work) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string extension = entry.path().extension().string();
    if (name == "config.json" || name == "tokenizer.json" || extension == ".safetensors")
      paths.push_back(entry.path().string());
  }
  require(!error, ErrorCode::Io, "{}: cannot be listed: {}", folder, error.message());
  std::sort(paths.begin(), paths.end());
  return files_hash(paths, work);
}

int64_t weight_file_bytes(const std::string& folder) {
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors")
      bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

MemoryBudget memory_budget(const CommonOptions& common) {
  const int64_t limit =
      common.max_memory.empty() ? -1 : parse_bytes(common.max_memory, "--max-memory");
  return MemoryBudget(limit, common.work);
}

Session::Session(const CommonOptions& options)
    : common(options),
      work(options.work, false),
      calibration(work.facts("calibrate")),
      memory(memory_budget(options)) {
  const auto folder = json_get<std::string>(calibration, "model", work.file("manifest.json"));
  const auto hash = json_get<std::string>(calibration, "model_sha256", work.file("manifest.json"));
  require(checkpoint_hash(folder, work) == hash, ErrorCode::Usage,
          "{}: the model changed since it was calibrated; run `mpq calibrate` again", folder);
  model = open_model(folder, options.compute);
  tokenizer = Tokenizer::load(folder);
  const std::string path = work.file("calib/prompts.json");
  prompts = prompt_set_from_json(read_json_file(path), path);
  statistics = load_statistics(work.file("calib/stats.safetensors"), model->config().layers);
}

const ChannelFisher& Session::fisher() {
  if (!fisher_.empty()) return fisher_;
  const std::string path = work.file("calib/fisher.safetensors");
  const std::string key = key_of({{"stage", "fisher"},
                                  {"calibration", calibration_key()},
                                  {"dtype", at::toString(model->dtype())}});
  if (work.up_to_date("fisher", key) && fs::exists(path)) {
    fisher_ = load_fisher(path, model->config());
    return fisher_;
  }
  std::vector<TokenSequence> sequences;
  for (const auto& prompt : prompts.task) sequences.push_back(prompt.tokens);
  fisher_ = channel_fisher(*model, BatchPlan(sequences, kBatchTokens), memory);
  save_fisher(path, fisher_);
  work.record("fisher", key, {{"path", path}});
  return fisher_;
}

}  // namespace mpq
