// Ministral 8B of 2024: Mistral whose layers say which have a window.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Ministral final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Ministral(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, {});
    const auto window = json_get_or<int64_t>(config, "sliding_window", 0, where);
    set_windows(
        model, config, window, [](int64_t) { return true; }, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Ministral, "ministral", "Ministral 8B: windows by layer");

}  // namespace
}  // namespace mpq
