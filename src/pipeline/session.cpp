// Opens models and calibrated work folders.
#include "mpq/pipeline/session.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/units.h"
#include "mpq/core/utf8.h"
#include "mpq/format/format.h"
#include "mpq/format/gguf_folder.h"
#include "mpq/model/outline_source.h"
#include "mpq/pipeline/checkpoint_path.h"

namespace mpq {
namespace fs = std::filesystem;

namespace {

/// Facts of the calibration that a plan was made from, or of the one in use.
Json read_calibration(const WorkFolder& work, const std::string& made_from) {
  std::string key = made_from;
  if (key.empty()) {
    const Json facts = work.facts("calibrate");
    key = json_get<std::string>(facts, "key", work.file("manifest.json"));
  }
  const std::string path = work.file("calib/" + key + "/manifest.json");
  require(fs::exists(path), ErrorCode::Usage,
          "--work {}: there is no calibration {}, which the plan was made from: it was made for "
          "another task or model, or with other options; name its --work, or allocate again",
          work.path(), key);
  Json calibration = read_json_file(path);
  require(json_get<std::string>(calibration, "key", path) == key, ErrorCode::Format,
          "{}: is of another calibration; delete its folder", path);
  return calibration;
}

/// Whether any of the files that hold a checkpoint's weights is there.
bool has_weights(const std::string& folder) {
  if (!fs::exists(folder + "/model.safetensors") &&
      !fs::exists(folder + "/model.safetensors.index.json") &&
      !gguf_file_name(read_json_file(folder + "/config.json"), folder + "/config.json"))
    return false;
  const auto files = weight_files(folder);
  return std::any_of(files.begin(), files.end(),
                     [&](const std::string& file) { return fs::exists(folder + "/" + file); });
}

}  // namespace

std::unique_ptr<Model> open_model(const std::string& path, const ComputeOptions& options) {
  const std::string folder = checkpoint_folder(path);
  require(fs::is_directory(folder), ErrorCode::Io,
          "{}: is not a folder; expected a checkpoint folder with config.json, or a .gguf file",
          path);
  const bool outline = options.outline && !has_weights(folder);
  return std::make_unique<Model>(folder, outline ? open_outline(folder) : open_checkpoint(folder),
                                 options);
}

std::string files_hash(const std::vector<std::string>& paths, WorkFolder& work) {
  std::string all;
  for (const auto& path : paths) all += work.hash_file(path) + "\n";
  return sha256_of(all);
}

std::vector<std::string> weight_files(const std::string& folder) {
  const std::string config = folder + "/config.json";
  if (fs::exists(config)) {
    if (const auto file = gguf_file_name(read_json_file(config), config)) return {*file};
  }
  if (fs::exists(folder + "/model.safetensors")) return {"model.safetensors"};
  const std::string index = folder + "/model.safetensors.index.json";
  const auto places = json_get<Json>(read_json_file(index), "weight_map", index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : places.items())
    shards.insert(json_get<std::string>(places, tensor.c_str(), index));
  return {shards.begin(), shards.end()};
}

std::string checkpoint_hash(const std::string& folder, WorkFolder& work) {
  std::vector<std::string> paths;
  for (const auto& name : weight_files(folder)) paths.push_back(folder + "/" + name);
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "chat_template.json", "chat_template.jinja"}) {
    if (fs::exists(folder + "/" + name)) paths.push_back(folder + "/" + name);
  }
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder + "/additional_chat_templates", none))
    paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return files_hash(paths, work);
}

int64_t weight_file_bytes(const std::string& folder) {
  int64_t bytes = 0;
  for (const auto& name : weight_files(folder))
    bytes += static_cast<int64_t>(fs::file_size(folder + "/" + name));
  return bytes;
}

MemoryBudget memory_budget(const CommonOptions& common) {
  const int64_t limit =
      common.max_memory.empty() ? -1 : parse_bytes(common.max_memory, "--max-memory");
  return MemoryBudget(limit, common.work);
}

Session::Session(const CommonOptions& options, const std::string& made_from)
    : common(options),
      work(options.work, options.dry_run ? WorkFolder::Access::Look : WorkFolder::Access::Work,
           options.command),
      calibration(read_calibration(work, made_from)),
      memory(memory_budget(options)) {
  const std::string where = work.file("calib/" + calibration_key());
  const auto path = text_to_path(json_get<std::string>(calibration, "model", where));
  const std::string folder = checkpoint_folder(path);
  const auto hash = json_get<std::string>(calibration, "model_sha256", where);
  require(checkpoint_hash(folder, work) == hash, ErrorCode::Usage,
          "{}: the model changed since it was calibrated; run `mpq calibrate` again", path);
  model = open_model(folder, options.compute);
  tokenizer = Tokenizer::load(folder);
  prompts = prompt_set_from_json(read_json_file(where + "/prompts.json"), where + "/prompts.json");
  statistics =
      load_statistics(where + "/stats.safetensors", model->config().layers, model->config().hidden);
}

std::vector<std::string> Session::inputs() const {
  std::vector<std::string> inputs{text_to_path(calibration.at("model").get<std::string>())};
  for (const char* kind : {"task", "text"}) {
    for (const auto& path :
         json_get_or<std::vector<std::string>>(calibration, kind, {}, work.path()))
      inputs.push_back(text_to_path(path));
  }
  return inputs;
}

const ChannelFisher& Session::fisher() {
  if (!fisher_.empty()) return fisher_;
  const std::string path = work.file(
      fmt::format("fisher/{}.safetensors", key_of({{"stage", "fisher"},
                                                   {"calibration", calibration_key()},
                                                   {"dtype", at::toString(model->dtype())}})));
  const std::string state = path + ".state";
  if (!fs::exists(path)) {
    std::vector<TokenSequence> sequences;
    for (const auto& prompt : prompts.task) sequences.push_back(prompt.tokens);
    fs::create_directories(work.file("fisher"));
    save_fisher(path, channel_fisher(*model, BatchPlan(sequences, kBatchTokens), memory, state));
  }
  fs::remove_all(state);
  fisher_ = load_fisher(path, model->config());
  return fisher_;
}

}  // namespace mpq
