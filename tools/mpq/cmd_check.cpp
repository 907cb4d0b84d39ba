// mpq check
#include "app.h"
#include "mpq/core/error.h"
#include "mpq/pipeline/inspect.h"

namespace mpq::cli {
namespace {

struct CheckOptions {
  std::string checkpoint, target;
};

}  // namespace

void add_check(App& app) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = add_command(
      app, "check", "Read a checkpoint back, verify its hashes, and apply a runtime's rules",
      [options] {
        Json result = check(options->checkpoint, options->target);
        if (!result["faults"].empty()) result["exit_status"] = static_cast<int>(ErrorCode::Gate);
        return result;
      },
      [](const Json& result) {
        for (const auto& fault : result["faults"]) fmt::print("{}\n", fault.get<std::string>());
        fmt::print("{}: {} tensors read, {} faults\n", result["checkpoint"].get<std::string>(),
                   result["tensors"].get<int>(), result["faults"].size());
      });
  command->add_option("checkpoint", options->checkpoint, "checkpoint folder or GGUF file")
      ->required();
  command->add_option("--target", options->target, "runtime whose rules to apply, see `mpq list`");
}

}  // namespace mpq::cli
