// Mistral: Llama with a sliding window on all layers.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Mistral final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Mistral(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, {});
    const auto window = json_get_or<int64_t>(config, "sliding_window", 0, where);
    set_windows(
        model, config, window, [](int64_t) { return true; }, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Mistral, "mistral", "Mistral: sliding window attention");

}  // namespace
}  // namespace mpq
