// Makes the folder under a temporary name, checks that it can be read, and renames it.
#include "mpq/format/gguf_folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "folder_config.h"
#include "folder_tokenizer.h"
#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/new_file.h"
#include "mpq/core/utf8.h"
#include "mpq/model/architecture.h"
#include "mpq/text/tokenizer.h"
#include "pre_tokenizer.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// Goes up when the same file makes another folder.
constexpr int kRevision = 3;
constexpr const char* kWeights = "model.gguf";
constexpr size_t kKeyDigits = 16;

std::string folder_of(const std::string& path, const std::string& cache) {
  struct stat status {};
  require(::stat(path.c_str(), &status) == 0, ErrorCode::Io, "{}: cannot be read: {}", path,
          std::strerror(errno));
  const std::string key =
      sha256_of(fmt::format("{} {} {} {} {}.{:09} {}.{:09}", kRevision, path, status.st_size,
                            status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                            status.st_ctim.tv_sec, status.st_ctim.tv_nsec))
          .substr(0, kKeyDigits);
  return cache + "/" + limited_name(fs::path(path).stem().string(), "-" + key);
}

/// A folder beside its place, removed unless it was renamed.
class Unfinished {
 public:
  explicit Unfinished(const std::string& folder) : folder_(folder), path_(folder + ".tmp-XXXXXX") {
    std::error_code error;
    fs::create_directories(fs::path(folder).parent_path(), error);
    require(!error && ::mkdtemp(path_.data()) != nullptr, ErrorCode::Io,
            "{}: cannot be made: {}; mpq keeps there what it reads of a GGUF file, and "
            "XDG_CACHE_HOME says where else",
            folder, error ? error.message() : std::strerror(errno));
  }
  ~Unfinished() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const char* name) const { return path_ + "/" + name; }
  void finish() const {
    std::error_code error;
    fs::rename(path_, folder_, error);
    // Another process may have been faster.
    require(!error || fs::exists(folder_ + "/config.json"), ErrorCode::Io, "{}: cannot be made: {}",
            folder_, error.message());
  }

 private:
  std::string folder_, path_;
};

/// Whether its vocabulary is Qwen's: their tokenizers compose characters (NFC), which no GGUF file
/// says and llama.cpp leaves out.
bool is_of_qwen(const Tokenizer& tokenizer, const std::string& pre) {
  if (pre != "qwen2") return false;
  const std::string hash = pre_tokenizer_hash(tokenizer);
  const auto known = known_pre_tokenizers();
  return std::any_of(known.begin(), known.end(), [&](const KnownPreTokenizer& entry) {
    return entry.hash == hash && entry.name == pre;
  });
}

void write_tokenizer(FolderTokenizer& tokenizer, const Unfinished& folder) {
  const std::string path = folder.file("tokenizer.json");
  write_text_file(path, tokenizer.json.dump());
  write_json_file(folder.file("tokenizer_config.json"), tokenizer.config);
  if (!is_of_qwen(*Tokenizer::load(folder.path()), tokenizer.pre)) return;
  tokenizer.json["normalizer"] = {{"type", "NFC"}};
  write_text_file(path, tokenizer.json.dump());
}

}  // namespace

std::optional<std::string> gguf_file_name(const Json& config, const std::string& where) {
  const auto found = config.is_object() ? config.find("quantization_config") : config.end();
  if (!config.is_object() || found == config.end() || !found->is_object() ||
      found->value("quant_method", Json()) != "gguf") {
    return std::nullopt;
  }
  const auto name =
      json_get_or<std::string>(*found, "file", kWeights, where + ": quantization_config");
  require(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos,
          ErrorCode::Format,
          "{}: quantization_config: \"file\": expected the name of a file in "
          "this folder, found \"{}\"",
          where, name);
  return text_to_path(name);
}

std::string gguf_folder(const std::string& file, const std::string& cache) {
  const std::string path = fs::absolute(file).lexically_normal().string();
  const std::string folder = folder_of(path, cache);
  if (fs::exists(folder + "/config.json")) return folder;
  const GgufFile opened(path);
  Json config = folder_config(opened);
  FolderTokenizer tokenizer = folder_tokenizer(opened);
  config.update(tokenizer.ids);
  config["quantization_config"] = {{"quant_method", "gguf"}, {"file", kWeights}};
  const Unfinished unfinished(folder);
  fs::create_symlink(path, unfinished.file(kWeights));
  write_json_file(unfinished.file("config.json"), config);
  write_json_file(unfinished.file("generation_config.json"), tokenizer.generation);
  try {
    read_model_config(unfinished.path());
    write_tokenizer(tokenizer, unfinished);
  } catch (const Error& error) {
    fail(error.code(), "{}: its metadata make no checkpoint: {}", path, error.what());
  }
  unfinished.finish();
  return folder;
}

}  // namespace mpq
