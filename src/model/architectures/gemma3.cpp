// Gemma 3 with images: its language model.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma3(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    Json whole = with_defaults(config, {{"tie_word_embeddings", true}});
    ModelConfig model = configure_text_part(whole, where, "gemma3_text");
    model.logits_softcap = 0;  // of the text class alone
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma3, "gemma3", "Gemma 3 with images: its language model");

}  // namespace
}  // namespace mpq
