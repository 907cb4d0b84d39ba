// Mistral Small 3.1, 3.2 with images: their language model.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Mistral3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Mistral3(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_text_part(config, where, "mistral");
  }
};

MPQ_REGISTER(Architecture, Mistral3, "mistral3", "Mistral Small 3 with images: its language model");

}  // namespace
}  // namespace mpq
