#pragma once
// Cases of tests/golden/<method>: tensors, and facts under the metadata key "meta".
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "tests/support/quantized.h"
#include "tests/support/source_path.h"

namespace mpq {

inline std::string golden_path(const std::string& path) {
  return source_path("tests/golden/" + path);
}

/// Names in tests/golden/<method>/cases.json.
inline std::vector<std::string> golden_names(const std::string& method) {
  const std::string path = golden_path(method + "/cases.json");
  const Json file = read_json_file(path);
  const Json& list = file.is_array() ? file : file.at("cases");
  std::vector<std::string> names;
  for (const auto& entry : list)
    names.push_back(entry.is_string() ? entry.get<std::string>()
                                      : entry.at("name").get<std::string>());
  return names;
}

struct GoldenCase {
  GoldenCase(const std::string& method, const std::string& name)
      : file(golden_path(method + "/" + name + ".safetensors")),
        meta(Json::parse(file.metadata().at("meta"))) {}
  at::Tensor operator[](const std::string& name) const { return file.tensor(name).clone(); }
  /// "bits=3,group=64[,sym]"
  std::string encoding() const {
    return fmt::format("bits={},group={}{}", meta.at("bits").get<int>(),
                       meta.at("group").get<int>(), meta.value("sym", 0) != 0 ? ",sym" : "");
  }
  /// The unit of W with all that X tells.
  QuantProblem problem() const {
    const auto x = file.tensor("X").to(at::kDouble);
    const auto hessian = at::mm(x.t(), x) * (2.0 / static_cast<double>(x.size(0)));
    QuantProblem result{.name = "golden",
                        .weight = (*this)["W"],
                        .hessian = std::make_shared<Hessian>(hessian.to(at::kFloat))};
    result.mean_abs = x.abs().mean(0).to(at::kFloat);
    result.max_abs = x.abs().amax(0).to(at::kFloat);
    return result;
  }

  SafetensorsFile file;
  Json meta;
};

/// tr(D H D^T), D = weight - value, in float64.
inline double layer_error(const at::Tensor& weight, const at::Tensor& value,
                          const at::Tensor& hessian) {
  const auto difference = (weight - value).to(at::kDouble);
  return (at::mm(difference, hessian.to(at::kDouble)) * difference).sum().item<double>();
}
inline double trace_error(const QuantProblem& problem, const at::Tensor& value) {
  return layer_error(problem.weight, value, problem.hessian->matrix());
}

}  // namespace mpq
