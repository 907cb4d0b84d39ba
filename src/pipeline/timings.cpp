// timings.json of a work folder.
#include "mpq/pipeline/timings.h"

#include <sys/resource.h>

#include <filesystem>

#include "mpq/core/error.h"

namespace mpq {
namespace {

std::string timings_path(const std::string& work) { return work + "/timings.json"; }

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return usage.ru_maxrss * 1024;
#endif
}

}  // namespace

StageTimer::StageTimer(std::string stage)
    : stage_(std::move(stage)), start_(std::chrono::steady_clock::now()) {}

void StageTimer::record(const std::string& work) const {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
  Json stages = read_timings(work);
  stages[stage_] = {{"seconds", seconds.count()}, {"peak_bytes", peak_bytes()}};
  write_json_file(timings_path(work), {{"schema", "mpq-timings/1"}, {"stages", stages}});
}

Json read_timings(const std::string& work) {
  const std::string path = timings_path(work);
  if (!std::filesystem::exists(path)) return Json::object();
  Json stages = json_get<Json>(read_json_file(path), "stages", path);
  require(stages.is_object(), ErrorCode::Format, "{}: \"stages\" is {}, expected an object", path,
          stages.type_name());
  return stages;
}

}  // namespace mpq
