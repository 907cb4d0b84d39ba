// Parts of a plan, the model they make, and what an exporter needs.
#include "mpq/pipeline/checkpoint.h"

#include <map>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pack/parts.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
namespace {

/// Loads parts as their linears are asked for, one block in memory at a time.
class PartLoader {
 public:
  explicit PartLoader(std::string folder) : folder_(std::move(folder)) {}

  QuantizedLinear load(const std::string& module, int64_t block) {
    if (block != block_) {
      part_ = load_part(part_path(folder_, block));
      block_ = block;
    }
    const auto found = part_.linears.find(module);
    require(found != part_.linears.end(), ErrorCode::Internal, "{}: has no {}", folder_, module);
    return found->second;
  }

 private:
  std::string folder_;
  int64_t block_ = -1;
  BlockPart part_;
};

/// Opens a full-precision source over parts; keeps the base alive.
class OwningParts final : public WeightSource {
 public:
  OwningParts(std::unique_ptr<WeightSource> base, const std::string& folder, int64_t blocks)
      : base_(std::move(base)), parts_(open_parts(*base_, folder, blocks)) {}
  std::vector<std::string> names() const override { return parts_->names(); }
  std::vector<int64_t> shape(const std::string& name) const override { return parts_->shape(name); }
  at::Tensor load(const std::string& name) const override { return parts_->load(name); }

 private:
  std::unique_ptr<WeightSource> base_;
  std::unique_ptr<WeightSource> parts_;
};

}  // namespace

std::string ensure_parts(Session& session, const Plan& plan, double text_share,
                         const std::string& title) {
  const auto choices = resolve_plan(plan, session.model->config());
  Json specs = Json::array();
  for (const auto& unit : plan.units) specs.push_back({unit.modules, unit.spec});
  const std::string key = key_of({{"stage", "parts"},
                                  {"calibration", session.calibration_key()},
                                  {"units", specs},
                                  {"text_share", text_share},
                                  {"dtype", at::toString(session.model->dtype())},
                                  {"seed", session.common.seed}});
  const std::string folder = session.work.file("parts/" + key);
  if (session.work.up_to_date("parts " + key, key)) {
    log_info("{}: these units were quantized before; skipped", title);
    return folder;
  }
  const auto groups = calibration_groups(session.prompts, {});
  quantize_to_parts(*session.model, groups, choices, {text_share, title}, folder, session.memory);
  session.work.record("parts " + key, key, {{"folder", folder}});
  return folder;
}

std::unique_ptr<Model> open_quantized(const Session& session, const std::string& parts) {
  const std::string& folder = session.model->folder();
  return std::make_unique<Model>(
      folder,
      std::make_unique<OwningParts>(open_checkpoint(folder), parts, session.model->config().layers),
      session.common.compute);
}

ExportJob export_job(const Model& model, const Plan& plan, const WeightSource* base,
                     const std::string& parts) {
  const ModelConfig& config = model.config();
  std::map<std::string, Scheme> schemes;
  for (const auto& unit : plan.units) {
    for (const auto& module : unit.modules) schemes[module] = scheme_of(unit.spec);
  }
  ExportJob job;
  job.source_folder = model.folder();
  job.base = base != nullptr ? base : &model.weights();
  job.scale_dtype = model.stored_dtype();
  job.plan = to_json(plan);
  std::map<std::string, int64_t> blocks;
  for (int64_t block = 0; block < config.layers; ++block) {
    for (const auto& linear : config.linears) {
      const std::string module = config.block_prefix(block) + linear.module;
      const auto found = schemes.find(module);
      const Scheme scheme = found == schemes.end()
                                ? Scheme{.bits = 16, .group = 0, .symmetric = true}
                                : found->second;
      job.linears.push_back({module, linear.out, linear.in, scheme});
      blocks[module] = block;
    }
  }
  if (!parts.empty()) {
    auto loader = std::make_shared<PartLoader>(parts);
    job.load = [loader, blocks](const std::string& module) {
      return loader->load(module, blocks.at(module));
    };
  }
  return job;
}

}  // namespace mpq
