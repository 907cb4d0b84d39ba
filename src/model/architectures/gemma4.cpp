// Gemma 4 with images and sound: its language model.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma4 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma4(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_text_part(with_defaults(config, {{"tie_word_embeddings", true}}),
                                            where, "gemma4_text");
    for (const char* tower : {"embed_vision.", "audio_tower.", "embed_audio."}) {
      model.carried.push_back(tower);
      model.carried.push_back(std::string("model.") + tower);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma4, "gemma4", "Gemma 4 with images and sound: its language model");

}  // namespace
}  // namespace mpq
