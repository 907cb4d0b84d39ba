// One JSON file a block; numbers are written with all their digits.
#include "mpq/score/finished_blocks.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"

namespace mpq {
namespace {

std::string block_file(const ScoreContext& context, int64_t block) {
  return fmt::format("{}/block-{:05}.json", context.finished_folder, block);
}

using Table = std::vector<std::vector<double>>;

}  // namespace

bool restore_block(const ScoreContext& context, int64_t block, ScoreTable& table) {
  const std::string path = block_file(context, block);
  if (context.finished_folder.empty() || !std::filesystem::exists(path)) return false;
  const Json file = read_json_file(path);
  const auto loss = json_get<Table>(file, "loss", path);
  const auto error = json_get<Table>(file, "stderr", path);
  size_t next = 0;
  for (size_t u = 0; u < context.units.size(); ++u) {
    if (context.units[u].unit.block != block) continue;
    const size_t candidates = context.units[u].candidates.size();
    require(next < loss.size() && next < error.size() && loss[next].size() == candidates &&
                error[next].size() == candidates,
            ErrorCode::Format, "{}: does not fit its block; delete the file", path);
    table.loss[u] = loss[next];
    table.loss_stderr[u] = error[next++];
  }
  for (const auto& pair : json_get<Json>(file, "pairs", path)) {
    table.pairs.push_back({json_get<size_t>(pair, "first", path),
                           json_get<size_t>(pair, "second", path),
                           json_get<Table>(pair, "interaction", path)});
  }
  return true;
}

void keep_block(const ScoreContext& context, int64_t block, const ScoreTable& table) {
  if (context.finished_folder.empty()) return;
  Json file = {{"loss", Json::array()}, {"stderr", Json::array()}, {"pairs", Json::array()}};
  for (size_t u = 0; u < context.units.size(); ++u) {
    if (context.units[u].unit.block != block) continue;
    file["loss"].push_back(table.loss[u]);
    file["stderr"].push_back(table.loss_stderr[u]);
  }
  for (const auto& pair : table.pairs) {
    if (context.units[pair.first].unit.block != block) continue;
    file["pairs"].push_back(
        {{"first", pair.first}, {"second", pair.second}, {"interaction", pair.interaction}});
  }
  std::filesystem::create_directories(context.finished_folder);
  write_json_file(block_file(context, block), file);
}

}  // namespace mpq
