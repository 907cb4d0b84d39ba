// Configurations that nest their language model beside a vision tower.
#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {

ModelConfig configure_text_part(const Json& config, const std::string& where,
                                const std::string& fallback) {
  Json text = json_get<Json>(config, "text_config", where);
  require(text.is_object(), ErrorCode::Format, "{}: \"text_config\" is {}, expected an object",
          where, json_text(text));
  if (config.contains("tie_word_embeddings"))
    text = with_defaults(std::move(text), {{"tie_word_embeddings", config["tie_word_embeddings"]}});
  const auto type = json_get_or<std::string>(text, "model_type", fallback, where);
  ModelConfig model = configure_whole(type, text, where + ": text_config");
  model.layouts = {{"model.language_model.", "lm_head.weight"},
                   {"language_model.model.", "language_model.lm_head.weight"},
                   {"model.", "lm_head.weight"}};
  for (const char* prefix : {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                             "visual.", "model.visual.", "model.multi_modal_projector.", "mtp."})
    model.carried.push_back(prefix);
  return model;
}

}  // namespace mpq
