// Llama 1 to 3 and everything published under its model_type.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Llama final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Llama(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_llama_like(config, where, traits_with_biases(config, where));
  }
};

MPQ_REGISTER(Architecture, Llama, "llama", "Llama 1-3: grouped queries, every rope scaling");

}  // namespace
}  // namespace mpq
