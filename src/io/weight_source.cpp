// Full-precision checkpoint folders: one safetensors file, or shards with an index.
#include "mpq/io/weight_source.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "strict_json.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxIndexDepth = 16;
constexpr const char* kIndex = "model.safetensors.index.json";

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

  at::ScalarType dtype(const std::string& name) const override {
    return file_of(name).tensors().at(name).dtype;
  }

  at::Tensor load(const std::string& name) const override { return file_of(name).tensor(name); }

  void read_ahead(const std::string& name) const override { file_of(name).read_ahead(name); }

  bool contains(const std::string& name) const { return places_.contains(name); }

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
          shown(shard));
}

/// The index's weight_map: tensor to shard.
std::map<std::string, std::string> read_weight_map(const std::string& index) {
  const auto json = parse_strict_json(read_text_file(index), index, kMaxIndexDepth);
  const auto found = json.is_object() ? json.find("weight_map") : json.end();
  require(found != json.end() && found->is_object(), ErrorCode::Format,
          "{}: there is no object \"weight_map\"", index);
  std::map<std::string, std::string> places;
  for (const auto& [tensor, shard] : found->items()) {
    require(shard.is_string(), ErrorCode::Format, "{}: the shard of {} is not a string", index,
            shown(tensor));
    check_shard_name(shard.get_ref<const std::string&>(), index);
    places.emplace(tensor, shard.get_ref<const std::string&>());
  }
  require(!places.empty(), ErrorCode::Format, "{}: \"weight_map\" is empty", index);
  return places;
}

void add_shards(SafetensorsFolder& source, const std::string& folder, const std::string& index) {
  const auto places = read_weight_map(index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : places) shards.insert(shard);
  for (const auto& shard : shards) source.add_file(shard);
  for (const auto& name : source.names()) {
    require(places.contains(name), ErrorCode::Format, "{}: does not list tensor {} of {}", index,
            name, source.file_of(name).path());
  }
  for (const auto& [tensor, shard] : places) {
    require(source.contains(tensor), ErrorCode::Format,
            "{}: lists {} in {}, but there is no tensor {} in any shard", index, tensor, shard,
            tensor);
    const std::string expected = fmt::format("{}/{}", folder, shard);
    require(source.file_of(tensor).path() == expected, ErrorCode::Format,
            "{}: lists {} in {}, found in {}", index, tensor, expected,
            source.file_of(tensor).path());
  }
}

}  // namespace

std::unique_ptr<WeightSource> open_safetensors_folder(const std::string& folder) {
  auto source = std::make_unique<SafetensorsFolder>(folder);
  std::error_code error;
  const auto there = [&](const char* name) { return fs::exists(folder + "/" + name, error); };
  require(fs::is_directory(folder, error), ErrorCode::Io, "{}: is not a folder: {}", folder,
          error ? error.message() : "expected one with model.safetensors");
  if (there("model.safetensors")) {
    source->add_file("model.safetensors");
  } else if (there(kIndex)) {
    add_shards(*source, folder, folder + "/" + kIndex);
  } else {
    const bool pickled = there("pytorch_model.bin") || there("pytorch_model.bin.index.json");
    require(!pickled, ErrorCode::Unsupported,
            "{}: holds pickled weights only; convert them to safetensors "
            "(save_pretrained with safe_serialization=True) and run again",
            folder);
    fail(ErrorCode::Io, "{}: neither model.safetensors nor {} is there", folder, kIndex);
  }
  return source;
}

}  // namespace mpq
