// Full-precision checkpoint folders: one safetensors file, or shards with an index.
#include "mpq/io/weight_source.h"

#include <filesystem>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

class SafetensorsFolder final : public WeightSource {
 public:
  explicit SafetensorsFolder(std::string folder) : folder_(std::move(folder)) {}

  void add_file(const std::string& name) {
    files_.push_back(std::make_unique<SafetensorsFile>(folder_ + "/" + name));
    for (const auto& [tensor, entry] : files_.back()->tensors()) {
      require(places_.emplace(tensor, files_.back().get()).second, ErrorCode::Format,
              "{}/{}: tensor {} is also in another shard", folder_, name, tensor);
    }
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, file] : places_) result.push_back(name);
    return result;
  }

  std::vector<int64_t> shape(const std::string& name) const override {
    return file_of(name).tensors().at(name).shape;
  }

  at::Tensor load(const std::string& name) const override { return file_of(name).tensor(name); }

  const SafetensorsFile& file_of(const std::string& name) const {
    const auto found = places_.find(name);
    require(found != places_.end(), ErrorCode::Format, "{}: there is no tensor {}", folder_, name);
    return *found->second;
  }

 private:
  std::string folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, const SafetensorsFile*> places_;
};

/// A shard must be a plain name in the same folder.
void check_shard_name(const std::string& shard, const std::string& index) {
  const bool plain = !shard.empty() && shard.find('/') == std::string::npos && shard != "." &&
                     shard != ".." && shard.find('\0') == std::string::npos;
  require(plain, ErrorCode::Format, "{}: shard \"{}\" is not a file name in the same folder", index,
          shard);
}

void add_shards(SafetensorsFolder& source, const std::string& folder, const std::string& index) {
  const Json json = read_json_file(index);
  const Json map = json_get<Json>(json, "weight_map", index);
  require(map.is_object(), ErrorCode::Format, "{}: \"weight_map\" is not an object", index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map.items()) {
    require(shard.is_string(), ErrorCode::Format, "{}: the shard of {} is not a string", index,
            tensor);
    check_shard_name(shard.get<std::string>(), index);
    shards.insert(shard.get<std::string>());
  }
  for (const auto& shard : shards) source.add_file(shard);
  for (const auto& name : source.names()) {
    require(map.contains(name), ErrorCode::Format, "{}: does not list tensor {} of {}", index, name,
            source.file_of(name).path());
  }
  for (const auto& [tensor, shard] : map.items()) {
    const std::string expected = folder + "/" + shard.get<std::string>();
    require(source.file_of(tensor).path() == expected, ErrorCode::Format,
            "{}: lists {} in {}, found in {}", index, tensor, expected,
            source.file_of(tensor).path());
  }
}

}  // namespace

std::unique_ptr<WeightSource> open_safetensors_folder(const std::string& folder) {
  auto source = std::make_unique<SafetensorsFolder>(folder);
  const std::string index = folder + "/model.safetensors.index.json";
  if (fs::exists(folder + "/model.safetensors")) {
    source->add_file("model.safetensors");
  } else if (fs::exists(index)) {
    add_shards(*source, folder, index);
  } else {
    const bool pickled = fs::exists(folder + "/pytorch_model.bin") ||
                         fs::exists(folder + "/pytorch_model.bin.index.json");
    require(!pickled, ErrorCode::Unsupported,
            "{}: holds pickled weights only; save them with safe_serialization=True first", folder);
    fail(ErrorCode::Io, "{}: neither model.safetensors nor model.safetensors.index.json is there",
         folder);
  }
  return source;
}

}  // namespace mpq
