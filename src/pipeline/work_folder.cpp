// Keys, kept values and the manifest of a work folder.
#include "mpq/pipeline/work_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "algorithms.h"
#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/new_file.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace fs = std::filesystem;
WorkFolder::WorkFolder(std::string path, Access access, const std::string& command, bool create)
    : path_(std::move(path)) {
  std::error_code error;
  if (create) fs::create_directories(path_, error);
  require(!error, ErrorCode::Io, "--work {}: cannot be created: {}", path_, error.message());
  require(fs::is_directory(path_), ErrorCode::Usage,
          "--work {}: there is no such folder; run `mpq calibrate --model DIR --task FILE` first",
          path_);
  if (access == Access::Work) {
    lock_ = std::make_shared<FolderLock>(path_, command);
    sweep_temporary_files(path_, /*and_below=*/true);
  }
  read_manifest();
}

void WorkFolder::read_manifest() {
  const std::string manifest = file("manifest.json");
  if (!fs::exists(manifest)) {
    manifest_ = {
        {"schema", "mpq-work/2"}, {"stages", Json::object()}, {"file_hashes", Json::object()}};
    return;
  }
  manifest_ = read_json_file(manifest);
  const auto schema = json_get<std::string>(manifest_, "schema", manifest);
  require(schema == "mpq-work/2", ErrorCode::Format,
          "{}: schema is \"{}\", expected mpq-work/2; use another --work folder", manifest, schema);
  bool sound = manifest_["stages"].is_object() && manifest_["file_hashes"].is_object();
  for (const auto& [name, stage] : manifest_["stages"].items()) sound = sound && stage.is_object();
  require(sound, ErrorCode::Format, "{}: is damaged; delete it and start again", manifest);
}

bool WorkFolder::has(const std::string& stage) const {
  return manifest_["stages"].contains(path_to_text(stage));
}

bool WorkFolder::up_to_date(const std::string& stage, const std::string& key) const {
  return has(stage) && manifest_["stages"][path_to_text(stage)].value("key", Json()) == key;
}

Json WorkFolder::facts(const std::string& stage) const {
  require(has(stage), ErrorCode::Usage, "--work {}: there is no {} yet; run `mpq {}` first", path_,
          stage, stage);
  return manifest_["stages"][path_to_text(stage)];
}

void WorkFolder::record(const std::string& stage, const std::string& key, Json facts) {
  require(lock_ != nullptr, ErrorCode::Internal, "--work {}: {} is recorded without the lock",
          path_, stage);
  const Json hashes = manifest_["file_hashes"];
  read_manifest();  // another stage of this process may have written since
  manifest_["file_hashes"].update(hashes);
  facts["key"] = key;
  manifest_["stages"][path_to_text(stage)] = std::move(facts);
  write_json_file(file("manifest.json"), manifest_);
}

void WorkFolder::keep_newest(const std::string& kind, size_t count) const {
  std::vector<std::pair<fs::file_time_type, fs::path>> folders;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(file(kind), none))
    folders.emplace_back(entry.last_write_time(), entry.path());
  std::sort(folders.rbegin(), folders.rend());
  for (size_t i = count; i < folders.size(); ++i) fs::remove_all(folders[i].second);
}

std::string WorkFolder::keep(const std::string& kind, const Json& value) const {
  const std::string text = json_text(value, 2) + "\n";
  const std::string name = kind + "/" + sha256_of(text).substr(0, 32) + ".json";
  fs::create_directories(file(kind));
  if (!fs::exists(file(name))) write_text_file(file(name), text);
  return name;
}

Json WorkFolder::kept(const std::string& name) const {
  return kept(name, fs::path(name).stem().string());
}

Json WorkFolder::kept(const std::string& name, const std::string& hash) const {
  const std::string path = file(name);
  require(fs::exists(path), ErrorCode::Usage,
          "{}: is not there; the plan was made in another --work folder, or make it again", path);
  const std::string text = read_text_file(path);
  require(!hash.empty() && sha256_of(text).starts_with(hash), ErrorCode::Format,
          "{}: was changed since it was written; make the plan again", path);
  return read_json_file(path);
}

std::string WorkFolder::hash_file(const std::string& path) {
  struct stat status {};
  require(::stat(path.c_str(), &status) == 0, ErrorCode::Io, "{}: cannot be read: {}", path,
          std::strerror(errno));
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  };
  const Json state = {status.st_size, status.st_ino, nanoseconds(status.st_mtim),
                      nanoseconds(status.st_ctim)};
  Json& known = manifest_["file_hashes"][lasting_path(path)];
  if (!known.is_object() || known.value("state", Json()) != state ||
      !known.value("sha256", Json()).is_string())
    known = {{"state", state}, {"sha256", sha256_of_file(path)}};
  return known["sha256"];
}

std::string key_of(Json inputs) {
  inputs["algorithms"] = kAlgorithms;
  return sha256_of(json_text(inputs)).substr(0, 32);
}

}  // namespace mpq
