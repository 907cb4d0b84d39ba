// Chains of quantizers, and problems in scaled coordinates.
#include "mpq/quant/quantize_unit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "mpq/quant/encoding_options.h"

namespace mpq {
namespace {

std::vector<std::string> members_of(const std::string& name) {
  std::vector<std::string> members{""};
  for (const char c : name) {
    if (c == '+') {
      members.emplace_back();
    } else {
      members.back() += c;
    }
  }
  return members;
}

bool takes(const Plugin<Quantizer>& plugin, const std::string& option) {
  return std::any_of(plugin.options.begin(), plugin.options.end(),
                     [&](const OptionInfo& info) { return info.name == option; });
}

/// The scale of the first, the codes of the second.
class Chain final : public Quantizer {
 public:
  Chain(std::unique_ptr<Quantizer> transform, std::unique_ptr<Quantizer> quantizer)
      : transform_(std::move(transform)), quantizer_(std::move(quantizer)) {}

  Encoding encoding(const Encoding& asked) const override { return quantizer_->encoding(asked); }
  InputNeeds needs() const override { return both(transform_->needs(), quantizer_->needs()); }
  at::Tensor input_scale(const QuantProblem& problem) const override {
    return transform_->input_scale(problem);
  }
  QuantizedLinear quantize(const QuantProblem& problem) const override {
    return quantizer_->quantize(problem);
  }
  std::unique_ptr<LearnedLinear> learn(const QuantProblem& problem) const override {
    return quantizer_->learn(problem);
  }

 private:
  std::unique_ptr<Quantizer> transform_, quantizer_;
};

/// Every option is one of a member's, or says how codes are stored.
void require_known(const Spec& spec, const std::string& text) {
  std::vector<std::string> known;
  const auto learn = [&](const std::vector<OptionInfo>& options) {
    for (const auto& option : options) known.push_back(option.name);
  };
  learn(describe_options<EncodingOptions>());
  for (const auto& member : members_of(spec.name))
    learn(Registry<Quantizer>::instance().at(member).options);
  for (const auto& [key, value] : spec.options) {
    require(std::find(known.begin(), known.end(), key) != known.end(), ErrorCode::Usage,
            "{}: unknown option \"{}\"{}", text, key, suggestion(key, known));
  }
}

/// The quantizer of a spec whose options are its own, `text` as it was given.
std::unique_ptr<Quantizer> make_quantizer(const Spec& spec, const std::string& text) {
  const auto& registry = Registry<Quantizer>::instance();
  const auto members = members_of(spec.name);
  if (members.size() == 1) return registry.make(spec);
  require(members.size() == 2, ErrorCode::Usage,
          "{}: expected one transform before a quantizer, as in awq+gptq", text);
  std::vector<std::unique_ptr<Quantizer>> made;
  for (const auto& member : members) {
    Spec own{member, {}};
    for (const auto& [key, value] : spec.options) {
      if (takes(registry.at(member), key)) own.set(key, value);
    }
    made.push_back(registry.make(own));
  }
  require(made[0]->needs().ranges, ErrorCode::Usage,
          "{}: {} does not scale inputs, so it cannot stand before another quantizer", text,
          members[0]);
  return std::make_unique<Chain>(std::move(made[0]), std::move(made[1]));
}

}  // namespace

InputNeeds both(const InputNeeds& a, const InputNeeds& b) {
  return {a.hessian || b.hessian, a.ranges || b.ranges, a.fisher || b.fisher, a.aim || b.aim,
          std::max(a.steps, b.steps)};
}

at::Tensor diagonal_of(const QuantProblem& problem) {
  return problem.hessian != nullptr ? problem.hessian->diagonal() : at::Tensor();
}

Encoding Quantizer::encoding(const Encoding& asked) const {
  require(!asked.hybrid() && asked.high_ratio == 0 && asked.zero != Zero::Real, ErrorCode::Usage,
          "{}: hybrids are made by hir alone, real zero points by hqq", to_string(asked));
  return asked;
}

Method make_method(const std::string& text) {
  if (text == kFullPrecision) return {};
  const Spec spec = parse_spec(text);
  require_known(spec, text);
  Spec stored{"int", {}}, rest{spec.name, {}};
  for (const auto& [key, value] : spec.options) {
    (is_encoding_option(key) ? stored : rest).set(key, value);
  }
  Method method{make_quantizer(rest, text), {}};
  method.encoding = method.quantizer->encoding(parse_options<EncodingOptions>(stored).encoding());
  return method;
}

Method make_method(const std::string& spec, at::ScalarType checkpoint_dtype) {
  Method method = make_method(spec);
  method.encoding = resolved(method.encoding, checkpoint_dtype);
  return method;
}

QuantProblem scaled_problem(QuantProblem problem, const at::Tensor& scale) {
  if (!scale.defined()) return problem;
  problem.weight = problem.weight * scale;
  if (problem.hessian != nullptr) {
    const auto inverse = scale.reciprocal();
    problem.hessian = std::make_shared<Hessian>(problem.hessian->matrix() * inverse.unsqueeze(0) *
                                                inverse.unsqueeze(1));
  }
  if (problem.mean_abs.defined()) problem.mean_abs = problem.mean_abs / scale;
  if (problem.max_abs.defined()) problem.max_abs = problem.max_abs / scale;
  return problem;
}

QuantizedLinear quantize_scaled(const Quantizer& quantizer, QuantProblem problem,
                                const at::Tensor& scale) {
  QuantizedLinear result = quantizer.quantize(scaled_problem(std::move(problem), scale));
  result.input_scale = scale;
  return result;
}

}  // namespace mpq
