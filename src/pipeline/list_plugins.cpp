// Every plug-in with its options, from the registries.
#include "mpq/alloc/allocator.h"
#include "mpq/format/format.h"
#include "mpq/model/architecture.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/pipeline/targets.h"
#include "mpq/quant/encoding_options.h"
#include "mpq/quant/quantizer.h"
#include "mpq/score/scorer.h"

namespace mpq {
namespace {

Json options_json(const std::vector<OptionInfo>& infos) {
  Json options = Json::array();
  for (const auto& info : infos)
    options.push_back({{"name", info.name}, {"default", info.default_value}, {"help", info.help}});
  return options;
}

/// What every quantizer's spec may say of storage, and the names that say it in one word.
Json describe_encodings() {
  Json list = {{{"name", "int"},
                {"summary", "whole numbers with one scale a group; of every quantizer's spec"},
                {"options", options_json(describe_options<EncodingOptions>())}}};
  for (const auto& [name, encoding] : named_encodings()) {
    list.push_back({{"name", name},
                    {"summary", fmt::format("{} bits a weight in groups of {}", encoding.bits,
                                            encoding.group == 0 ? std::string("a whole row")
                                                                : std::to_string(encoding.group))},
                    {"options", Json::array()}});
  }
  return list;
}

template <class Interface>
Json describe() {
  const auto& registry = Registry<Interface>::instance();
  Json list = Json::array();
  for (const auto& name : registry.names()) {
    const auto& plugin = registry.at(name);
    list.push_back(
        {{"name", name}, {"summary", plugin.summary}, {"options", options_json(plugin.options)}});
  }
  return list;
}

}  // namespace

Json list_plugins() {
  Json targets = Json::array();
  for (const auto& target : all_targets()) {
    targets.push_back({{"name", target.name},
                       {"summary", target.summary},
                       {"format", target.format},
                       {"palette", target.palette},
                       {"may_split_fusion_groups", target.may_split},
                       {"options", Json::array()}});
  }
  return {{"scorers", describe<Scorer>()},
          {"allocators", describe<Allocator>()},
          {"quantizers", describe<Quantizer>()},
          {"encodings", describe_encodings()},
          {"formats", describe<Format>()},
          {"architectures", describe<Architecture>()},
          {"targets", targets}};
}

}  // namespace mpq
