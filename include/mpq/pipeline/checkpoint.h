#pragma once
// From a plan to parts in the work folder, and from parts to a checkpoint.
#include <memory>
#include <string>

#include "mpq/format/format.h"
#include "mpq/pipeline/folding.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/session.h"

namespace mpq {

/// Quantizes what is not yet there and returns the folder of parts; the same plan, model and
/// calibration give the same folder.
std::string ensure_parts(Session& session, const Plan& plan, double text_share,
                         const std::string& title);
/// The quantized model as it will be written, read from its parts.
std::unique_ptr<Model> open_quantized(const Session& session, const std::string& parts);
/// What a format needs of a plan. `parts` may be null when only bytes are asked for; else it
/// must outlive the job.
ExportJob export_job(const Model& model, const Plan& plan, const FoldedParts* parts);

}  // namespace mpq
