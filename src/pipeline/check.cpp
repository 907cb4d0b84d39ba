// Reads a checkpoint back: hashes, every tensor, a target's rules.
#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/progress.h"
#include "mpq/core/utf8.h"
#include "mpq/format/format.h"
#include "mpq/model/architecture.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/pipeline/manifest.h"
#include "mpq/pipeline/session.h"
#include "mpq/pipeline/targets.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

void check_hashes(const std::string& folder, Json& faults) {
  const std::string path = folder + "/" + kManifestName;
  if (!fs::exists(path)) return;
  const Json files = json_get<Json>(read_json_file(path), "files", path);
  require(files.is_object(), ErrorCode::Format, "{}: \"files\" is {}, expected an object", path,
          files.type_name());
  for (const auto& [name, recorded] : files.items()) {
    const std::string file = folder + "/" + text_to_path(name);
    const auto hash = json_get_or<std::string>(recorded, "sha256", "", path + ": " + name);
    if (!fs::exists(file)) {
      faults.push_back(file + ": is missing");
    } else if (sha256_of_file(file) != hash) {
      faults.push_back(
          file +
          ": its hash is not the one recorded when it was written; it was changed or damaged");
    }
  }
}

int64_t read_tensors(const std::string& folder, Json& faults) {
  const auto source = open_checkpoint(folder);
  int64_t count = 0;
  const auto names = source->names();
  Progress progress("check", static_cast<int64_t>(names.size()));
  for (const auto& name : names) {
    const at::Tensor tensor = source->load(name);
    if (at::isFloatingType(tensor.scalar_type()) && !at::isfinite(tensor).all().item<bool>())
      faults.push_back(fmt::format("{}: {} holds inf or NaN", folder, name));
    ++count;
    progress.step();
  }
  // Names and shapes against the architecture.
  if (faults.empty()) open_model(folder, {});
  return count;
}

/// The size that the plan promised, beside what the file system has.
void check_size(const std::string& folder, const Plan& plan, Json& faults) {
  const std::string where = folder + "/plan.json";
  const auto achieved = json_get_or<Json>(plan.header, "achieved", Json::object(), where);
  if (!achieved.contains("file_bytes")) return;
  const auto promised = json_get<int64_t>(achieved, "file_bytes", where);
  const int64_t found = weight_file_bytes(folder);
  if (found != promised) {
    faults.push_back(fmt::format("{}: its weight files have {} bytes, plan.json says {}", folder,
                                 found, promised));
  }
}

}  // namespace

void write_manifest(const std::string& folder) {
  Json files = Json::object();
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[path_to_text(entry.path().filename().string())] = {
        {"bytes", entry.file_size()}, {"sha256", sha256_of_file(entry.path().string())}};
  }
  Json sorted = Json::object();
  std::vector<std::string> names;
  for (const auto& [name, value] : files.items()) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const auto& name : names) sorted[name] = files[name];
  write_json_file(folder + "/" + kManifestName,
                  {{"schema", "mpq-checkpoint/1"}, {"mpq", MPQ_VERSION}, {"files", sorted}});
}

Json check(const std::string& checkpoint, const std::string& target) {
  Json faults = Json::array();
  const std::string folder = checkpoint_folder(checkpoint);
  check_hashes(folder, faults);
  Json result = {{"checkpoint", checkpoint}, {"tensors", 0}, {"faults", faults}};
  if (!faults.empty()) return result;
  result["tensors"] = read_tensors(folder, faults);
  const std::string plan = folder + "/plan.json";
  if (fs::exists(plan)) check_size(folder, read_plan(plan), faults);
  if (!target.empty()) {
    const Target& rules = target_named(target);
    require(fs::exists(plan), ErrorCode::Unsupported,
            "{}: has no plan.json; the rules of {} can only be checked on what mpq wrote",
            checkpoint, target);
    const std::string stored = checkpoint_format(folder);
    if (stored != rules.format && stored != "dense")
      faults.push_back(fmt::format("{}: is stored as {}; {} reads {}", checkpoint,
                                   stored.empty() ? "another format" : stored, target,
                                   rules.format));
    for (const auto& fault : target_faults(rules, read_plan(plan), *open_model(folder, {})))
      faults.push_back(fault);
  }
  result["faults"] = faults;
  return result;
}

}  // namespace mpq
