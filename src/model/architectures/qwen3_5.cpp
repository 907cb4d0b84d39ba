// Qwen3.5 and 3.6 with images: their language model.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen35 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen35(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_text_part(config, where, "qwen3_5_text");
  }
};

MPQ_REGISTER(Architecture, Qwen35, "qwen3_5", "Qwen3.5, 3.6 with images: the language model");

}  // namespace
}  // namespace mpq
