// Seed-OSS: biases on query, key and value, of the output when asked for.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class SeedOss final : public Architecture {
 public:
  using Options = NoOptions;
  explicit SeedOss(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"head_dim", 128}});
    return configure_llama_like(
        config, where,
        {.qkv_bias = json_get_or<bool>(config, "attention_bias", true, where),
         .output_bias = json_get_or<bool>(config, "attention_out_bias", false, where),
         .mlp_bias = json_get_or<bool>(config, "mlp_bias", false, where)});
  }
};

MPQ_REGISTER(Architecture, SeedOss, "seed_oss", "Seed-OSS: biases on q, k, v");

}  // namespace
}  // namespace mpq
