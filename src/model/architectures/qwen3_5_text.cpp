// Qwen3.5 and 3.6 (dense): delta nets with split projections.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen35Text final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen35Text(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    return configure_qwen_hybrid(with_defaults(source, {{"num_key_value_heads", 4}}), where,
                                 /*fused=*/false);
  }
};

MPQ_REGISTER(Architecture, Qwen35Text, "qwen3_5_text", "Qwen3.5, 3.6 (dense): delta nets");

}  // namespace
}  // namespace mpq
