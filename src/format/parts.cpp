// Saves and loads the quantized form of one block.
#include "mpq/format/parts.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/format/linear_tensors.h"
#include "mpq/io/safetensors.h"
#include "part_file.h"

namespace mpq {

void save_part(const std::string& path, const BlockPart& part) {
  std::map<std::string, at::Tensor> tensors = part.tensors;
  Json linears = Json::object();
  for (const auto& [module, linear] : part.linears) {
    validate(linear, module);
    linears[module] = {
        {"encoding", to_string(linear.encoding)}, {"out", linear.out()}, {"in", linear.in()}};
    const auto add = [&, &name = module](const std::string& tensor, const at::Tensor& value) {
      require(tensors.emplace(tensor, value).second, ErrorCode::Internal,
              "{}: {}: a tensor has the name of the linear's own", path, name);
    };
    const auto plan = linear_plan(module, linear.encoding, linear.out(), linear.in());
    const auto values = linear_tensors(module, linear);
    for (size_t i = 0; i < plan.size(); ++i) add(plan[i].name, values[i]);
    if (linear.input_scale.defined()) add(module + kInputScale, linear.input_scale);
  }
  // Wide elements first, so that every tensor begins at a multiple of its element size.
  std::vector<TensorPlan> plan;
  for (const auto& [name, tensor] : tensors)
    plan.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
  std::stable_sort(plan.begin(), plan.end(), [](const TensorPlan& a, const TensorPlan& b) {
    return c10::elementSize(a.dtype) > c10::elementSize(b.dtype);
  });
  const Json description = {{"schema", kPartSchema}, {"linears", linears}};
  SafetensorsWriter writer(path, plan, {{kPartKey, description.dump()}});
  for (const auto& entry : plan) writer.write(entry.name, tensors.at(entry.name));
  writer.finish();
}

BlockPart load_part(const std::string& path) {
  const PartFile file(path);
  BlockPart part;
  for (const auto& [module, layout] : file.linears()) part.linears[module] = file.linear(module);
  for (const auto& [name, shape] : file.tensors()) part.tensors[name] = file.tensor(name).clone();
  return part;
}

std::map<std::string, at::Tensor> load_input_scales(const std::string& path) {
  const PartFile file(path);
  std::map<std::string, at::Tensor> scales;
  for (const auto& [module, layout] : file.linears()) {
    const at::Tensor scale = file.input_scale(module);
    if (scale.defined()) scales[module] = scale;
  }
  return scales;
}

std::string part_path(const std::string& folder, int64_t block) {
  return fmt::format("{}/block-{:05}.safetensors", folder, block);
}

std::string ends_path(const std::string& folder) { return folder + "/ends.safetensors"; }

}  // namespace mpq
