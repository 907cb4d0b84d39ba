// Every plug-in with its options, from the registries.
#include "mpq/alloc/allocator.h"
#include "mpq/model/architecture.h"
#include "mpq/format/format.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/pipeline/targets.h"
#include "mpq/quant/quantizer.h"
#include "mpq/score/scorer.h"

namespace mpq {
namespace {

template <class Interface>
Json describe() {
  const auto& registry = Registry<Interface>::instance();
  Json list = Json::array();
  for (const auto& name : registry.names()) {
    const auto& plugin = registry.at(name);
    Json options = Json::array();
    for (const auto& option : plugin.options) {
      options.push_back(
          {{"name", option.name}, {"default", option.default_value}, {"help", option.help}});
    }
    list.push_back({{"name", name}, {"summary", plugin.summary}, {"options", options}});
  }
  return list;
}

}  // namespace

Json list_plugins() {
  Json targets = Json::array();
  for (const auto& target : all_targets()) {
    targets.push_back({{"name", target.name},
                       {"summary", target.summary},
                       {"palette", target.palette},
                       {"may_split_fusion_groups", target.may_split},
                       {"options", Json::array()}});
  }
  return {{"scorers", describe<Scorer>()},
          {"allocators", describe<Allocator>()},
          {"quantizers", describe<Quantizer>()},
          {"formats", describe<Format>()},
          {"architectures", describe<Architecture>()},
          {"targets", targets}};
}

}  // namespace mpq
