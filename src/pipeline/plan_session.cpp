// Finds the work folder, and holds its model and task against the plan's.
#include "mpq/pipeline/plan_session.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace {

/// The work folder that the plan was made in, unless --work names one that is there.
CommonOptions with_plan_work(const CommonOptions& common, const std::string& work) {
  CommonOptions result = common;
  const std::string recorded = text_to_path(work);
  if (!std::filesystem::exists(common.work) && std::filesystem::exists(recorded))
    result.work = recorded;
  return result;
}

}  // namespace

Session open_plan_session(const CommonOptions& common, const Plan& plan, const std::string& where) {
  const std::string made_from = calibration_of(plan, where);
  const auto work = json_get_or<std::string>(plan.header, "work", "", where);
  Session session(with_plan_work(common, work), made_from);
  const auto planned = json_get<Json>(plan.header, "model", where);
  const auto hash = json_get<std::string>(planned, "sha256", where);
  require(hash == session.calibration.at("model_sha256"), ErrorCode::Usage,
          "{}: was made for another model than the one in --work {}", where, session.common.work);
  const auto task = json_get_or<Json>(plan.header, "task", Json::object(), where);
  require(!made_from.empty() || !task.is_object() || !task.contains("sha256") ||
              task.at("sha256") ==
                  json_get<Json>(session.calibration, "task_sha256", session.common.work),
          ErrorCode::Usage,
          "{}: was made for another task than the one in --work {}; it names --work {}", where,
          session.common.work, work.empty() ? "?" : work);
  return session;
}

}  // namespace mpq
