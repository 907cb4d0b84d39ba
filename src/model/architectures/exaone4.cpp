// EXAONE 4: norms behind, normalised heads, rotation under windows alone where there are any.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Exaone4 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Exaone4(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, {.eps = 1e-5});
    for (const char* member : {"sliding_window", "sliding_window_pattern"}) JsonReads::note(member);
    const bool has_window =
        !config.contains("sliding_window") || !config.at("sliding_window").is_null();
    if (has_window) {
      const bool counts = config.contains("sliding_window_pattern") &&
                          config.at("sliding_window_pattern").is_number_integer();
      const auto pattern = counts ? json_get<int64_t>(config, "sliding_window_pattern", where) : 4;
      require(pattern > 0, ErrorCode::Format,
              "{}: \"sliding_window_pattern\" is {}, expected above 0", where, pattern);
      set_windows(
          model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
          [pattern](int64_t layer) { return (layer + 1) % pattern != 0; }, where);
    }
    for (auto& block : model.blocks) {
      move_norms_behind(block, model.hidden);
      set_head_norms(block, HeadNorm::PerHead);
      block.attention.rotates = !has_window || block.attention.window > 0;
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Exaone4, "exaone4", "EXAONE 4: norms behind, layers without rotation");

}  // namespace
}  // namespace mpq
