// One JSON file a block; numbers are written with all their digits.
#include "mpq/score/visit_blocks.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"

namespace mpq {
namespace {

std::string block_file(const ScoreContext& context, int64_t block) {
  return fmt::format("{}/block-{:05}.json", context.finished_folder, block);
}

using Table = std::vector<std::vector<double>>;

/// Numbers; null for what is not one.
Table read_table(const Json& file, const char* key, const std::string& path) {
  Table table;
  for (const Json& row : json_get<Json>(file, key, path)) {
    require(row.is_array(), ErrorCode::Format, "{}: \"{}\" holds no rows; delete the file", path,
            key);
    table.emplace_back();
    for (const Json& value : row) {
      require(value.is_number() || value.is_null(), ErrorCode::Format,
              "{}: \"{}\" holds something else than numbers; delete the file", path, key);
      table.back().push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                             : value.get<double>());
    }
  }
  return table;
}

PairLoss read_pair(const ScoreContext& context, const Json& json, const std::string& path) {
  PairLoss pair{json_get<size_t>(json, "first", path), json_get<size_t>(json, "second", path),
                read_table(json, "interaction", path)};
  bool fits = pair.first < pair.second && pair.second < context.units.size();
  fits = fits && pair.interaction.size() == context.units[pair.first].candidates.size() &&
         context.units[pair.first].unit.block == context.units[pair.second].unit.block;
  for (const auto& row : pair.interaction)
    fits = fits && row.size() == context.units[pair.second].candidates.size();
  require(fits, ErrorCode::Format, "{}: a pair does not fit its units; delete the file", path);
  return pair;
}

/// Fills the rows and pairs of a block's units; false when it was not finished.
bool restore_block(const ScoreContext& context, int64_t block, ScoreTable& table) {
  const std::string path = block_file(context, block);
  if (context.finished_folder.empty() || !std::filesystem::exists(path)) return false;
  const Json file = read_json_file(path);
  const Table loss = read_table(file, "loss", path);
  const Table error = read_table(file, "stderr", path);
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
  for (const auto& pair : json_get<Json>(file, "pairs", path))
    table.pairs.push_back(read_pair(context, pair, path));
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

}  // namespace

void visit_blocks(const ScoreContext& context, const VisitedBlocks& blocks, ScoreTable& table,
                  const VisitBlock& visit) {
  const Model& model = *context.model;
  const std::string& folder = context.finished_folder;
  const BlockLoop loop{.title = blocks.title,
                       .products = blocks.products,
                       .state_file = folder.empty() ? "" : folder + "/hidden.safetensors"};
  const int64_t done = blocks_done(model.config(), loop.state_file);
  std::vector<bool> known;
  for (int64_t index = 0; index < model.config().layers; ++index) {
    known.push_back(restore_block(context, index, table));
    require(known.back() || index >= done, ErrorCode::Format,
            "{}: block {} is missing; delete the folder", folder, index);
  }
  if (std::find(known.begin(), known.end(), false) == known.end()) return;
  Streams streams = embed_groups(model, context.groups, *context.memory);
  if (blocks.changed_prefix) {
    for (auto& stream : embed_groups(model, context.groups, *context.memory))
      streams.push_back(std::move(stream));
  }
  for_each_block(model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    if (known[static_cast<size_t>(block.index)] && !blocks.changed_prefix) {
      // Killed before its output was kept.
      forward_groups(block, context.groups, hidden);
      return;
    }
    visit(block, hidden);
    keep_block(context, block.index, table);
  });
}

}  // namespace mpq
