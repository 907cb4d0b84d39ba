// The manifest of a work folder.
#include "mpq/pipeline/work_folder.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"

namespace mpq {
namespace fs = std::filesystem;

WorkFolder::WorkFolder(std::string path, bool create) : path_(std::move(path)) {
  std::error_code error;
  if (create) fs::create_directories(path_, error);
  require(!error, ErrorCode::Io, "--work {}: cannot be created: {}", path_, error.message());
  require(fs::is_directory(path_), ErrorCode::Usage,
          "--work {}: there is no such folder; run `mpq calibrate --model DIR --task FILE` first",
          path_);
  const std::string manifest = file("manifest.json");
  if (fs::exists(manifest)) {
    manifest_ = read_json_file(manifest);
    const auto schema = json_get<std::string>(manifest_, "schema", manifest);
    require(schema == "mpq-work/1", ErrorCode::Format,
            "{}: schema is \"{}\", expected mpq-work/1; use another --work folder", manifest,
            schema);
    require(manifest_["stages"].is_object() && manifest_["file_hashes"].is_object(),
            ErrorCode::Format, "{}: is damaged; delete it and start again", manifest);
  } else {
    manifest_ = {
        {"schema", "mpq-work/1"}, {"stages", Json::object()}, {"file_hashes", Json::object()}};
  }
}

bool WorkFolder::has(const std::string& stage) const { return manifest_["stages"].contains(stage); }

bool WorkFolder::up_to_date(const std::string& stage, const std::string& key) const {
  return has(stage) && manifest_["stages"][stage].value("key", "") == key;
}

Json WorkFolder::facts(const std::string& stage) const {
  require(has(stage), ErrorCode::Usage, "--work {}: there is no {} yet; run `mpq {}` first", path_,
          stage, stage);
  return manifest_["stages"][stage];
}

void WorkFolder::record(const std::string& stage, const std::string& key, Json facts) {
  facts["key"] = key;
  manifest_["stages"][stage] = std::move(facts);
  save();
}

std::string WorkFolder::hash_file(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  require(!error, ErrorCode::Io, "{}: cannot be read: {}", path, error.message());
  const auto time = fs::last_write_time(path, error).time_since_epoch().count();
  const std::string name = fs::absolute(path).lexically_normal().string();
  Json& known = manifest_["file_hashes"][name];
  if (known.is_object() && known.value("size", uint64_t{0}) == size &&
      known.value("time", int64_t{0}) == time)
    return known.value("sha256", "");
  known = {{"size", size}, {"time", time}, {"sha256", sha256_of_file(path)}};
  return known["sha256"];
}

void WorkFolder::save() const { write_json_file(file("manifest.json"), manifest_); }

std::string key_of(Json inputs) {
  inputs["mpq"] = MPQ_VERSION;
  return sha256_of(inputs.dump()).substr(0, 32);
}

}  // namespace mpq
