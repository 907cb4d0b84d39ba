// Folders from the repository and the shared data; values as the golden's script writes them.
#include "tests/format/gguf_cases.h"

#include <ATen/ATen.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/model/architecture.h"
#include "mpq/model/outline_source.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

constexpr size_t kFirst = 3;       // elements of an array that the golden shows
constexpr size_t kLongText = 100;  // a longer one is a hash
constexpr const char* kTypes[] = {"UINT8",  "INT8",    "UINT16", "INT16",  "UINT32",
                                  "INT32",  "FLOAT32", "BOOL",   "STRING", "ARRAY",
                                  "UINT64", "INT64",   "FLOAT64"};

const Json& all_cases() {
  static const Json cases = read_json_file(source_path("tests/golden/gguf/cases.json"));
  return cases;
}

std::string path_of(const std::string& part) {
  const std::string shared = "shared/";
  if (!part.starts_with(shared)) return source_path(part);
  const char* given = std::getenv("MPQ_SHARED_DATA");
  return (given != nullptr ? given : source_path("../shared/data")) + "/" +
         part.substr(shared.size());
}

template <class T>
std::string bytes_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return bytes_of<uint64_t>(value.size()) + value;
  } else {
    return {reinterpret_cast<const char*>(&value), sizeof(T)};
  }
}

template <class T>
Json as_json(const T& value) {
  if constexpr (std::is_same_v<T, float>) return static_cast<double>(value);
  return value;
}

Json array_value(const GgufArray& array) {
  return std::visit(
      []<class Elements>(const Elements& elements) -> Json {
        if constexpr (std::is_same_v<Elements, std::monostate>) {
          return nullptr;
        } else {
          std::string raw;
          Json first = Json::array();
          for (const typename Elements::value_type& element : elements) {
            raw += bytes_of(element);
            if (first.size() < kFirst) first.push_back(as_json(element));
          }
          return {{"length", elements.size()}, {"sha256", sha256_of(raw)}, {"first", first}};
        }
      },
      array);
}

Json text_value(const std::string& text) {
  if (text.size() < kLongText) return text;
  return {{"length", text.size()}, {"sha256", sha256_of(text)}, {"first", text.substr(0, 20)}};
}

}  // namespace

std::vector<std::string> gguf_case_names() {
  std::vector<std::string> names;
  for (const Json& entry : all_cases()) names.push_back(entry.at("name"));
  return names;
}

GgufCase::GgufCase(const std::string& name) {
  for (const Json& entry : all_cases()) {
    if (entry.at("name") == name) golden_ = entry;
  }
  above_ = (fs::temp_directory_path() / "mpq-gguf-XXXXXX").string();
  above_ = ::mkdtemp(above_.data());
  folder_ = above_ + "/" + name;
  fs::create_directory(folder_);
  for (const char* part : {"model", "tokenizer"}) {
    if (golden_.at(part).is_null()) continue;
    const std::string path = path_of(golden_.at(part));
    at_hand_ = at_hand_ && fs::exists(path);
    if (at_hand_) copy_files(path);
  }
  for (const auto& [file, value] : golden_.at("files").items())
    write_text_file(folder_ + "/" + file,
                    value.is_string() ? value.get<std::string>() : value.dump());
}

GgufCase::~GgufCase() { fs::remove_all(above_); }

void GgufCase::copy_files(const std::string& from) const {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (!entry.is_regular_file() || entry.path().filename() == "expected.safetensors") continue;
    fs::copy_file(entry.path(), fs::path(folder_) / entry.path().filename(),
                  fs::copy_options::overwrite_existing);
  }
}

std::unique_ptr<WeightSource> GgufCase::weights() const {
  if (has_data()) return open_safetensors_folder(folder_);
  return std::make_unique<OutlineSource>(read_model_config(folder_), at::kFloat);
}

Json golden_entry(const GgufEntry& entry) {
  std::string type = kTypes[entry.value.index()];
  if (const auto* array = std::get_if<GgufArray>(&entry.value)) {
    type += std::string(" ") + kTypes[array->index()];
    return {entry.key, type, array_value(*array)};
  }
  if (const auto* text = std::get_if<std::string>(&entry.value))
    return {entry.key, type, text_value(*text)};
  Json value;
  std::visit(
      [&]<class T>(const T& stored) {
        if constexpr (!std::is_same_v<T, GgufArray>) value = as_json(stored);
      },
      entry.value);
  return {entry.key, type, value};
}

}  // namespace mpq
