// The export-recipe stage: a plan becomes what llama-quantize is told.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>

#include "mpq/calib/input_squares.h"
#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/core/utf8.h"
#include "mpq/format/gguf_blocks.h"
#include "mpq/format/gguf_model.h"
#include "mpq/format/imatrix.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/output_record.h"
#include "mpq/pipeline/plan_session.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

constexpr const char* kTypesFile = "tensor-types.txt";
constexpr const char* kImatrixFile = "imatrix.gguf";

/// A matrix of the GGUF file.
struct RecipeTensor {
  GgufTensor tensor{};
  uint32_t type = 0;  // ggml's
  bool quantized = false;
  int64_t bytes = 0;
  int64_t weights() const { return tensor.shape[0] * tensor.shape[1]; }
};

/// All matrices of the model, in the types that the gguf format has for the plan's encodings.
std::vector<RecipeTensor> recipe_tensors(const Model& model, const Plan& plan) {
  resolve_plan(plan, model);
  const auto format = Registry<Format>::instance().make("gguf");
  std::map<std::string, Fit> fits;
  for (const auto& linear : export_job(model, plan, nullptr).linears) {
    if (linear.encoding.plain()) continue;
    fits[linear.module + ".weight"] =
        format->fit(linear.encoding, linear.out, linear.in, model.stored_dtype());
  }
  std::vector<RecipeTensor> result;
  for (auto& tensor : gguf_tensors(model.config(), model.weights())) {
    if (tensor.is_float32()) continue;
    RecipeTensor entry{.type = gguf_type(model.weights().dtype(tensor.source))};
    entry.tensor = std::move(tensor);
    const auto fit = fits.find(entry.tensor.source);
    if (fit != fits.end()) {
      entry.quantized = !fit->second.encoding.plain();
      if (entry.quantized) entry.type = gguf_type(fit->second.encoding);
      fits.erase(fit);
    }
    entry.bytes = entry.tensor.shape[0] * gguf_row_bytes(entry.type, entry.tensor.shape[1]);
    result.push_back(std::move(entry));
  }
  require(fits.empty(), ErrorCode::Unsupported, "{}: has no place in a GGUF file",
          fits.empty() ? "" : fits.begin()->first);
  return result;
}

/// llama-quantize takes the first line whose name, a regular expression, is found in a tensor's.
std::string types_text(const std::vector<RecipeTensor>& tensors) {
  std::string text;
  for (const auto& entry : tensors) {
    std::string pattern;
    for (const char c : entry.tensor.name) pattern += c == '.' ? "\\." : std::string(1, c);
    text += fmt::format("^{}$={}\n", pattern, gguf_type_name(entry.type));
  }
  return text;
}

/// The file's type: that of most quantized weights. llama-quantize reads the tensors' types only
/// beside one that is quantized itself.
std::string file_type(const std::vector<RecipeTensor>& tensors) {
  std::map<uint32_t, int64_t> weights;
  const bool quantized = std::any_of(tensors.begin(), tensors.end(),
                                     [](const auto& entry) { return entry.quantized; });
  for (const auto& entry : tensors) {
    if (entry.quantized == quantized) weights[entry.type] += entry.weights();
  }
  const auto most =
      std::max_element(weights.begin(), weights.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string name = gguf_type_name(most->first);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name == "MXFP4" ? "MXFP4_MOE" : name;
}

/// Of the work folder's calibration, summed when first asked for and kept there.
InputSquares squares_of(Session& session, const std::vector<SequenceGroup>& groups) {
  const std::string path = session.work.file(fmt::format(
      "input-squares/{}.safetensors", key_of({{"stage", "input squares"},
                                              {"calibration", session.calibration_key()},
                                              {"dtype", at::toString(session.model->dtype())}})));
  const std::string state = path + ".state";
  if (fs::exists(path)) {
    log_info("export-recipe: the inputs of this calibration were summed before; skipped");
  } else {
    fs::create_directories(fs::path(path).parent_path());
    save_input_squares(path, input_squares(*session.model, groups, session.memory, state));
  }
  fs::remove_all(state);
  return load_input_squares(path, session.model->config());
}

/// Tokens, sequences and names of the kinds of calibration that have a share.
Imatrix imatrix_of_kinds(const Session& session, const InputSquares& squares, double text_share) {
  const bool text = squares.tokens[1] > 0 && (text_share > 0 || squares.tokens[0] == 0);
  const bool task = squares.tokens[0] > 0 && (text_share < 1 || !text);
  Imatrix imatrix;
  const auto add = [&](size_t kind, const char* name, size_t sequences,
                       const std::string& otherwise) {
    imatrix.tokens += squares.tokens[kind];
    imatrix.sequences += static_cast<int64_t>(sequences);
    auto names =
        json_get_or<std::vector<std::string>>(session.calibration, name, {}, session.work.path());
    if (names.empty()) names.push_back(otherwise);
    imatrix.datasets.insert(imatrix.datasets.end(), names.begin(), names.end());
  };
  if (task) add(0, "task", session.prompts.task.size(), "task");
  if (text) add(1, "text", session.prompts.text.size(), "mpq's general text");
  return imatrix;
}

/// Every matrix by what it is multiplied with. A tied one is the head too; an embedding alone is
/// not multiplied.
Imatrix imatrix_of(const Session& session, const std::vector<RecipeTensor>& tensors,
                   const InputSquares& squares, double text_share) {
  const ModelConfig& config = session.model->config();
  const bool untied = std::any_of(tensors.begin(), tensors.end(), [](const auto& entry) {
    return entry.tensor.kind == GgufTensor::Kind::Head;
  });
  const auto sums_of = [&](const GgufTensor& tensor) -> const at::Tensor* {
    if (tensor.kind == GgufTensor::Kind::Embedding && untied) return nullptr;
    if (tensor.kind != GgufTensor::Kind::Linear) return &squares.head;
    for (const auto& linear : config.block(tensor.block).linears) {
      if (linear.role == tensor.role) return &squares.at(tensor.block, linear.stage);
    }
    fail(ErrorCode::Internal, "{}: no linear has its role", tensor.name);
  };
  Imatrix imatrix = imatrix_of_kinds(session, squares, text_share);
  for (const auto& entry : tensors) {
    const at::Tensor* sums = sums_of(entry.tensor);
    if (sums == nullptr) continue;
    imatrix.entries.push_back(
        {entry.tensor.name, blended_squares(*sums, squares.tokens, text_share)});
  }
  return imatrix;
}

Json summary_of(const Model& model, const RecipeOptions& options,
                const std::vector<RecipeTensor>& tensors) {
  int64_t bytes = 0;
  std::map<std::string, int64_t> types;
  for (const auto& entry : tensors) {
    bytes += entry.bytes;
    ++types[gguf_type_name(entry.type)];
  }
  const std::string stored = gguf_type_name(gguf_type(model.stored_dtype()));
  const std::string type = file_type(tensors), full = fmt::format("model-{}.gguf", stored);
  return {{"stage", "export-recipe"},
          {"plan", options.plan},
          {"out", options.out},
          {"tensors", tensors.size()},
          {"types", types},
          {"bytes", bytes},
          {"convert",
           {"python3", "convert_hf_to_gguf.py", model.folder(), "--outtype", stored, "--outfile",
            full}},
          {"quantize",
           {"llama-quantize", "--imatrix", options.out + "/" + kImatrixFile, "--tensor-type-file",
            options.out + "/" + kTypesFile, full, fmt::format("model-{}.gguf", type), type}}};
}

/// One forward pass over all calibration tokens.
void add_estimate(const Session& session, Json& summary) {
  RunSize size = size_of_job(*session.model, session.prompts);
  size.task_tokens += size.text_tokens;
  size.text_tokens = 0;
  summary["dry_run"] = true;
  summary["seconds"] = estimated_seconds(*session.model, work_of(size).calibrate);
  summary["peak_bytes"] = peak_of(size).calibrate;
}

}  // namespace

Json export_recipe(const CommonOptions& common, const RecipeOptions& options) {
  const Plan plan = read_plan(options.plan);
  Session session = open_plan_session(common, plan, options.plan);
  const std::string out = path_to_text(fs::absolute(options.out).string());
  const std::string stage = output_stage("export-recipe", options.out);
  const bool own = made_here(session.work, stage, options.out);
  std::vector<std::string> inputs = session.inputs();
  inputs.push_back(session.work.path());
  inputs.push_back(options.plan);
  require_apart(options.out, inputs, "--out", own);
  const auto tensors = recipe_tensors(*session.model, plan);
  Json summary = summary_of(*session.model, options, tensors);
  if (common.dry_run) {
    add_estimate(session, summary);
    return summary;
  }
  const std::string key = key_of({{"stage", "export-recipe"},
                                  {"calibration", session.calibration_key()},
                                  {"plan", to_json(plan)},
                                  {"dtype", at::toString(session.model->dtype())},
                                  {"out", out}});
  if (output_stands(session.work, stage, key, options.out)) {
    log_info("export-recipe: {} is up to date; skipped", options.out);
    summary["skipped"] = true;
    return summary;
  }
  const StageTimer timer("export-recipe");
  OutputFolder folder(options.out, common.overwrite || own);
  const double text_share = json_get_or<double>(plan.header, "text_share", 0.2, options.plan);
  const InputSquares squares = squares_of(session, calibration_groups(session.prompts, {}));
  write_text_file(folder.file(kTypesFile), types_text(tensors));
  write_imatrix(folder.file(kImatrixFile), imatrix_of(session, tensors, squares, text_share));
  folder.commit();
  record_output(session.work, stage, key, options.out);
  timer.record(session.common.work);
  return summary;
}

}  // namespace mpq
