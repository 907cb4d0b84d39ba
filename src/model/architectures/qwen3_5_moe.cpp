// Qwen3.5 and 3.6 mixtures with images: their language model.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen35Moe final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen35Moe(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_text_part(config, where, "qwen3_5_moe_text");
  }
};

MPQ_REGISTER(Architecture, Qwen35Moe, "qwen3_5_moe",
             "Qwen3.5, 3.6 mixtures with images: the language model");

}  // namespace
}  // namespace mpq
