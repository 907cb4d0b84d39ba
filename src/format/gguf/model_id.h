#pragma once
// What the name of a model says by the customs of Hugging Face: "Org/Base-7B-Instruct-v0.2".
#include <cstdint>
#include <string>

namespace mpq {

/// Parts that the name does not have are empty.
struct ModelId {
  std::string name, organization, basename, finetune, version, size_label;
};

/// `parameters` of the model: a size in its name that is far from it is a context length.
ModelId parse_model_id(const std::string& id, int64_t parameters);

/// "tiny-llama-v2" as "Tiny Llama v2".
std::string title_of(const std::string& name);

/// "135M": two digits at least.
std::string rounded_size(int64_t parameters);

}  // namespace mpq
