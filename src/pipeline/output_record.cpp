// Small files are known by their bytes; weights, which the small ones describe, by their size.
#include "mpq/pipeline/output_record.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "mpq/core/hash.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr uintmax_t kHashed = 1 << 20;

/// {NAME: SHA-256, or bytes of a large one} of all files below the folder.
Json files_of(const std::string& folder) {
  std::map<std::string, Json> files;  // a folder lists them in any order
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none)) {
    if (entry.is_directory()) continue;
    const std::string name = entry.path().lexically_relative(folder).string();
    const uintmax_t bytes = entry.is_regular_file() ? entry.file_size() : kHashed + 1;
    files[path_to_text(name)] =
        bytes > kHashed ? Json(bytes) : Json(sha256_of_file(entry.path().string()));
  }
  return files;
}

Json recorded_files(const WorkFolder& work, const std::string& stage) {
  if (!work.has(stage)) return Json::object();
  return json_get_or<Json>(work.facts(stage), "files", Json::object(), work.path());
}

/// Whether all of `some` are among `files`.
bool contains(const Json& files, const Json& some) {
  return std::all_of(some.items().begin(), some.items().end(), [&](const auto& item) {
    return files.contains(item.key()) && files.at(item.key()) == item.value();
  });
}

}  // namespace

std::string output_stage(const std::string& name, const std::string& out) {
  return name + " " + fs::absolute(out).string();
}

void record_output(WorkFolder& work, const std::string& stage, const std::string& key,
                   const std::string& out) {
  work.record(stage, key,
              {{"out", path_to_text(fs::absolute(out).string())}, {"files", files_of(out)}});
}

bool output_stands(const WorkFolder& work, const std::string& stage, const std::string& key,
                   const std::string& out) {
  const Json recorded = recorded_files(work, stage);
  return work.up_to_date(stage, key) && !recorded.empty() && contains(files_of(out), recorded);
}

bool made_here(const WorkFolder& work, const std::string& stage, const std::string& out) {
  if (fs::exists(out) && !fs::is_directory(out)) return false;
  return contains(recorded_files(work, stage), files_of(out));
}

}  // namespace mpq
