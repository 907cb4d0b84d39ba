// The files beside the weights: configuration, tokenizer and plan.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/format/checkpoint_writer.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr uintmax_t kLargestCopied = uintmax_t{256} << 20;  // tokenizers reach some 40 MB
constexpr size_t kSchemaBytes = 256;
constexpr const char* kTemplates = "additional_chat_templates";

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

template <size_t N>
bool is_any(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Files of mpq in a source that it made, or where somebody keeps plans: "schema": "mpq-plan/1"
/// comes first in them.
bool is_made_by_mpq(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kSchemaBytes, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin.find("\"schema\": \"mpq-") != std::string::npos;
}

/// Whether a file beside the weights belongs to the output too. What describes the source's own
/// weights does not: indices and other tools' quantization.
bool is_copied(const fs::directory_entry& entry) {
  constexpr std::array<std::string_view, 5> kKinds = {".json", ".jinja", ".txt", ".model", ".py"};
  constexpr std::array<std::string_view, 3> kLicences = {"LICENSE", "LICENCE", "NOTICE"};
  constexpr std::array<std::string_view, 7> kOwn = {"config.json",
                                                    "plan.json",
                                                    "mpq.json",
                                                    "quantize_config.json",
                                                    "quant_config.json",
                                                    "hf_quant_config.json",
                                                    "quantization_config.json"};
  std::error_code error;
  const std::string name = entry.path().filename().string();
  const std::string kind = entry.path().extension().string();
  if (!entry.is_regular_file(error) || name[0] == '.' || is_any(name, kOwn)) return false;
  if (!is_any(kind, kKinds) && !is_any(name, kLicences)) return false;
  if (ends_with(name, ".index.json") || entry.file_size(error) > kLargestCopied) return false;
  return kind != ".json" || !is_made_by_mpq(entry.path());
}

/// The Python file that "module.Class" points at, when it is a plain name in the folder; of another
/// repository ("org/name--module.Class") none is needed.
bool code_is_there(const std::string& pointer, const std::string& folder) {
  if (pointer.find("--") != std::string::npos) return true;
  const std::string module = pointer.substr(0, pointer.find('.'));
  const bool plain = !module.empty() && module.find('/') == std::string::npos &&
                     std::count(pointer.begin(), pointer.end(), '.') == 1;
  std::error_code error;
  return plain && fs::is_regular_file(folder + "/" + module + ".py", error);
}

bool all_code_is_there(const Json& pointers, const std::string& folder) {
  const auto there = [&](const Json& pointer) {
    return pointer.is_null() ||
           (pointer.is_string() && code_is_there(pointer.get<std::string>(), folder));
  };
  return pointers.is_array() ? std::all_of(pointers.begin(), pointers.end(), there)
                             : there(pointers);
}

/// Drops those pointers at custom code ("auto_map") whose Python files are not in the source; true
/// when there were some.
bool drop_missing_code(Json& config, const std::string& folder, const char* file) {
  if (!config.is_object() || !config.contains("auto_map") || config["auto_map"].is_null())
    return false;
  Json found = Json::object();
  size_t dropped = 0;
  const Json& map = config["auto_map"];
  for (const auto& [name, pointers] : map.items()) {
    if (map.is_object() && all_code_is_there(pointers, folder)) {
      found[name] = pointers;
    } else {
      log_info("{}: \"auto_map\" points at code that is not in {}: {} is dropped", file, folder,
               json_text(pointers));
      ++dropped;
    }
  }
  if (dropped == 0) return false;
  if (found.empty()) {
    config.erase("auto_map");
  } else {
    config["auto_map"] = found;
  }
  return true;
}

/// A side file as it is, but for pointers at code that is not there. One that cannot be read, as a
/// git-lfs pointer, does not cost the work of the run: it is left out and named.
void copy_file(const fs::path& from, const std::string& to, const std::string& folder) {
  const std::string name = from.filename().string();
  std::string text;
  try {
    text = read_text_file(from.string());
    if (ends_with(name, "_config.json") && text.find("\"auto_map\"") != std::string::npos) {
      Json config = read_json_file(from.string());
      if (drop_missing_code(config, folder, name.c_str())) text = json_text(config, 2) + "\n";
    }
  } catch (const Error& error) {
    log_warning("{}; it is not copied", error.what());
    return;
  }
  write_text_file(to, text);
}

std::string torch_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default:
      fail(ErrorCode::Unsupported, "a checkpoint is float32, float16 or bfloat16, not {}",
           at::toString(dtype));
  }
}

/// What transformers 5 keeps in "rope_parameters", where mlx-lm and mistral.rs look for it: they
/// take a default when they do not find it, without a word.
void add_older_rope_keys(Json& config) {
  const auto found = config.find("rope_parameters");
  if (found == config.end() || !found->is_object()) return;
  const Json rope = *found;
  for (const char* key : {"rope_theta", "partial_rotary_factor"}) {
    if (rope.contains(key) && !config.contains(key)) config[key] = rope.at(key);
  }
  if (!rope.contains("rope_type") || rope.at("rope_type") == "default") return;
  if (!config.contains("rope_scaling")) config["rope_scaling"] = rope;
}

}  // namespace

Json source_config(const std::string& source_folder, at::ScalarType dtype) {
  const std::string path = source_folder + "/config.json";
  Json config = read_json_file(path);
  require(config.is_object(), ErrorCode::Format, "{}: is not a JSON object", path);
  for (const char* key : {"quantization_config", "quantization"}) config.erase(key);
  drop_missing_code(config, source_folder, "config.json");
  // transformers 5 writes "dtype", earlier ones "torch_dtype", which older readers look for.
  config["torch_dtype"] = torch_name(dtype);
  if (config.contains("dtype")) config["dtype"] = torch_name(dtype);
  add_older_rope_keys(config);
  return config;
}

void copy_side_files(const ExportJob& job, const OutputFolder& folder) {
  std::vector<fs::path> files;
  std::vector<std::string> code;
  for (const auto& entry : fs::directory_iterator(job.source_folder)) {
    if (!is_copied(entry)) continue;
    files.push_back(entry.path());
    if (entry.path().extension() == ".py") code.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  std::sort(code.begin(), code.end());
  for (const auto& from : files)
    copy_file(from, folder.file(from.filename().string()), job.source_folder);
  if (!code.empty()) log_info("the model's own code is copied: {}", fmt::join(code, ", "));
  const fs::path templates = fs::path(job.source_folder) / kTemplates;
  std::error_code error;
  for (fs::directory_iterator entry(templates, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".jinja") continue;
    fs::create_directories(folder.file(kTemplates));
    copy_file(entry->path(),
              folder.file(std::string(kTemplates) + "/" + entry->path().filename().string()),
              job.source_folder);
  }
  write_json_file(folder.file("plan.json"), job.plan);
}

}  // namespace mpq
