// One file a quantized model and input.
#include "mpq/pipeline/kept_evaluation.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/eval_input.h"

namespace mpq {
namespace {

Json read_evaluation(const std::string& path) {
  const Json file = read_json_file(path);
  const auto result = json_get<Json>(file, "result", path);
  require(json_get<std::string>(file, "sha256", path) == sha256_of(json_text(result)),
          ErrorCode::Format, "{}: was changed since it was written; delete it", path);
  return result;
}

}  // namespace

Json evaluation_of_parts(Session& session, const std::string& parts, const EvalInput& input,
                         const std::string& title) {
  const std::string key = key_of({{"stage", "evaluation"},
                                  {"parts", std::filesystem::path(parts).filename().string()},
                                  {"input", input_hash(input)},
                                  {"stop_tokens", input.stop_tokens},
                                  {"batch_tokens", input.batch_tokens}});
  const std::string path = session.work.file("evaluations/" + key + ".json");
  if (std::filesystem::exists(path)) {
    log_info("{}: was measured before; skipped", title);
    return read_evaluation(path);
  }
  const auto model = open_quantized(session, parts);
  const Json result =
      to_json(evaluate(*model, session.model.get(), *session.tokenizer, input, session.memory));
  std::filesystem::create_directories(session.work.file("evaluations"));
  write_json_file(path, {{"result", result}, {"sha256", sha256_of(json_text(result))}});
  return result;
}

}  // namespace mpq
