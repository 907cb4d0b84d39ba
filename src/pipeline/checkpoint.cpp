// Parts of a plan, the model they make, and what a format needs.
#include "mpq/pipeline/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "mpq/core/log.h"
#include "mpq/core/new_file.h"
#include "mpq/format/parts.h"
#include "mpq/model/expert_source.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
namespace {

/// Quantized models that a work folder keeps for later commands: the plan, its rival, and those of
/// a few budgets before.
constexpr size_t kKeptParts = 8;

/// Opens a full-precision source over parts; keeps the base alive.
class OwningParts final : public WeightSource {
 public:
  OwningParts(std::unique_ptr<WeightSource> base, const std::string& folder, int64_t blocks)
      : base_(std::move(base)), parts_(open_parts(*base_, folder, blocks)) {}
  std::vector<std::string> names() const override { return parts_->names(); }
  std::vector<int64_t> shape(const std::string& name) const override { return parts_->shape(name); }
  at::ScalarType dtype(const std::string& name) const override { return base_->dtype(name); }
  at::Tensor load(const std::string& name) const override { return parts_->load(name); }
  void read_ahead(const std::string& name) const override { parts_->read_ahead(name); }

 private:
  std::unique_ptr<WeightSource> base_;
  std::unique_ptr<WeightSource> parts_;
};

}  // namespace

std::string ensure_parts(Session& session, const Plan& plan, double text_share,
                         const std::string& title) {
  const auto choices = resolve_plan(plan, *session.model);
  Json specs = Json::array();
  for (const auto& unit : plan.units) specs.push_back({unit.modules, unit.spec});
  const std::string key = key_of({{"stage", "parts"},
                                  {"calibration", session.calibration_key()},
                                  {"units", specs},
                                  {"text_share", text_share},
                                  {"dtype", at::toString(session.model->dtype())},
                                  {"seed", session.common.seed}});
  const std::string folder = session.work.file("parts/" + key);
  if (std::filesystem::exists(folder)) {
    std::filesystem::last_write_time(folder, std::filesystem::file_time_type::clock::now());
    log_info("{}: these units were quantized before; skipped", title);
    return folder;
  }
  const auto groups = calibration_groups(session.prompts, {});
  const bool fisher = std::any_of(choices.begin(), choices.end(), [](const UnitChoice& choice) {
    return needs_fisher(choice.spec);
  });
  const std::string unfinished = folder + ".unfinished";
  quantize_to_parts(*session.model, groups, choices,
                    {text_share, title, fisher ? &session.fisher() : nullptr}, unfinished,
                    session.memory);
  put_in_place(unfinished, folder);
  session.work.keep_newest("parts", kKeptParts);
  return folder;
}

std::unique_ptr<Model> open_quantized(const Session& session, const std::string& parts) {
  const std::string& folder = session.model->folder();
  return std::make_unique<Model>(
      folder,
      std::make_unique<OwningParts>(split_experts(open_checkpoint(folder), session.model->config()),
                                    parts, session.model->config().layers),
      session.common.compute);
}

ExportJob export_job(const Model& model, const Plan& plan, const FoldedParts* parts) {
  const ModelConfig& config = model.config();
  std::map<std::string, Encoding> encodings;
  for (const auto& unit : plan.units) {
    for (const auto& module : unit.modules)
      encodings[module] = encoding_of(unit.spec, model.stored_dtype());
  }
  ExportJob job;
  job.source_folder = model.folder();
  job.base = parts != nullptr ? &parts->base() : &model.weights();
  job.stored_dtype = model.stored_dtype();
  job.plan = to_json(plan);
  for (int64_t block = 0; block < config.layers; ++block) {
    const auto& linears = config.block(block).linears;
    for (size_t i = 0; i < linears.size(); ++i) {
      const auto& linear = linears[i];
      const std::string module = config.module_name(block, linear);
      const auto found = encodings.find(module);
      job.linears.push_back({module, linear.out, linear.in,
                             found == encodings.end() ? full_precision() : found->second,
                             fused_module(config, block, i)});
    }
  }
  for (const auto& end : model.end_units()) {
    const auto found = encodings.find(end.module);
    if (found != encodings.end())
      job.linears.push_back({end.module, end.out, end.in, found->second});
  }
  if (parts != nullptr)
    job.load = [parts](const std::string& module) { return parts->linear(module); };
  return job;
}

}  // namespace mpq
