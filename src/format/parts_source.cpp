// Weights as the parts have them, over the checkpoint they were made from.
#include <ATen/ATen.h>

#include <filesystem>
#include <set>

#include "mpq/core/error.h"
#include "mpq/format/parts.h"
#include "part_file.h"

namespace mpq {
namespace {

class PartsSource final : public WeightSource {
 public:
  PartsSource(const WeightSource& base, const std::string& folder, int64_t blocks,
              bool dequantize_linears)
      : base_(base) {
    std::vector<std::string> paths;
    for (int64_t block = 0; block < blocks; ++block) paths.push_back(part_path(folder, block));
    if (std::filesystem::exists(ends_path(folder))) paths.push_back(ends_path(folder));
    for (const auto& path : paths) {
      const auto& file = *files_.emplace_back(std::make_unique<PartFile>(path));
      const auto place = [&](const std::string& name, const std::string& module) {
        require(places_.emplace(name, Place{&file, module}).second, ErrorCode::Format,
                "{}: {} is also in another part", path, name);
      };
      for (const auto& [name, shape] : file.tensors()) place(name, "");
      if (!dequantize_linears) continue;
      for (const auto& [module, layout] : file.linears()) place(module + ".weight", module);
    }
  }

  std::vector<std::string> names() const override {
    const auto base = base_.names();
    std::set<std::string> all(base.begin(), base.end());
    for (const auto& [name, place] : places_) all.insert(name);
    return {all.begin(), all.end()};
  }

  std::vector<int64_t> shape(const std::string& name) const override {
    const auto found = places_.find(name);
    if (found == places_.end()) return base_.shape(name);
    const auto& [file, module] = found->second;
    if (module.empty()) return file->tensors().at(name);
    const auto& layout = file->linears().at(module);
    return {layout.out, layout.in};
  }

  at::ScalarType dtype(const std::string& name) const override { return base_.dtype(name); }

  at::Tensor load(const std::string& name) const override {
    const auto found = places_.find(name);
    if (found == places_.end()) return base_.load(name);
    const auto& [file, module] = found->second;
    return module.empty() ? file->tensor(name) : dequantize(file->linear(module));
  }

  void read_ahead(const std::string& name) const override {
    if (!places_.contains(name)) base_.read_ahead(name);
  }

 private:
  struct Place {
    const PartFile* file;
    std::string module;  // empty: a whole tensor
  };
  const WeightSource& base_;
  std::vector<std::unique_ptr<PartFile>> files_;
  std::map<std::string, Place> places_;
};

}  // namespace

std::unique_ptr<WeightSource> open_parts(const WeightSource& base, const std::string& folder,
                                         int64_t blocks, bool dequantize_linears) {
  return std::make_unique<PartsSource>(base, folder, blocks, dequantize_linears);
}

}  // namespace mpq
