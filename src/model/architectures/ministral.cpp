// Ministral 8B of 2024: Mistral whose layers say which have a window.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Ministral final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Ministral(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    return configure_as("mistral", config, where);
  }
};

MPQ_REGISTER(Architecture, Ministral, "ministral", "Ministral 8B: windows by layer");

}  // namespace
}  // namespace mpq
