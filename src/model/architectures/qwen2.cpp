// Qwen2 and Qwen2.5: biases on query, key and value; an optional sliding window on the upper
// layers.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen2(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, {.qkv_bias = true});
    set_upper_windows(model, config, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen2, "qwen2", "Qwen2, Qwen2.5: biases on q, k, v");

}  // namespace
}  // namespace mpq
