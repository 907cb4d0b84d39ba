// Kimi K2: DeepSeek-V3 of other sizes.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class KimiK2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit KimiK2(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_as("deepseek_v3", config, where);
  }
};

MPQ_REGISTER(Architecture, KimiK2, "kimi_k2", "Kimi K2: DeepSeek-V3 of other sizes");

}  // namespace
}  // namespace mpq
