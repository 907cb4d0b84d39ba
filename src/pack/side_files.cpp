// The files beside the weights: configuration, tokenizer and plan.
#include <ATen/ATen.h>

#include <array>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/pack/checkpoint_writer.h"

namespace mpq {
namespace {

constexpr std::array<const char*, 9> kCopied = {"generation_config.json",
                                                "tokenizer.json",
                                                "tokenizer_config.json",
                                                "special_tokens_map.json",
                                                "chat_template.jinja",
                                                "vocab.json",
                                                "merges.txt",
                                                "tokenizer.model",
                                                "added_tokens.json"};

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

}  // namespace

Json source_config(const std::string& source_folder, at::ScalarType dtype) {
  const std::string path = source_folder + "/config.json";
  Json config = read_json_file(path);
  require(config.is_object(), ErrorCode::Format, "{}: is not a JSON object", path);
  config.erase("quantization_config");
  // transformers 5 writes "dtype", earlier ones "torch_dtype"; either reads the other's.
  if (config.contains("torch_dtype") || !config.contains("dtype")) {
    config["torch_dtype"] = torch_name(dtype);
  }
  if (config.contains("dtype")) config["dtype"] = torch_name(dtype);
  return config;
}

void copy_side_files(const ExportJob& job, const OutputFolder& folder) {
  for (const char* name : kCopied) {
    const std::string from = job.source_folder + "/" + name;
    if (!std::filesystem::exists(from)) continue;
    write_text_file(folder.file(name), read_text_file(from));
  }
  write_json_file(folder.file("plan.json"), job.plan);
}

}  // namespace mpq
