#pragma once
// Linears laid out by the formats' own libraries (tools/golden/make_format_goldens.py).
#include <gmock/gmock.h>

#include "tests/format/checkpoints.h"
#include "tests/support/source_path.h"

namespace mpq {

/// One case of a golden file.
struct GoldenLayout {
  std::string name;
  Encoding encoding;  // resolved with float32
  Json weights;       // how the library's configuration says it
  QuantizedLinear linear;
  std::map<std::string, at::Tensor> tensors;  // by what follows the module's name and a dot
  at::Tensor value;                           // float32, as the library dequantizes it
};

inline std::vector<GoldenLayout> golden_layouts(const std::string& file_name) {
  const SafetensorsFile file(source_path("tests/golden/formats/" + file_name));
  std::vector<GoldenLayout> cases;
  const Json described = Json::parse(file.metadata().at("meta"));
  for (const auto& [name, meta] : described.items()) {
    GoldenLayout golden;
    golden.name = name;
    golden.weights = meta.at("weights");
    golden.encoding = resolved(parse_encoding(meta.at("encoding").get<std::string>()), at::kFloat);
    const auto input = [&, prefix = name + "/in."](const char* key) {
      return file.contains(prefix + key) ? file.tensor(prefix + key).clone() : at::Tensor();
    };
    golden.linear.encoding = golden.encoding;
    golden.linear.codes = input("codes");
    Grid& grid = golden.linear.grid;
    grid.scale = input("scale");
    grid.zero = input("zero");
    grid.offset = input("offset");
    grid.scale_code = input("scale_code");
    grid.super_scale = input("super_scale");
    const std::string out = name + "/out.";
    for (const auto& [key, entry] : file.tensors()) {
      if (key.starts_with(out)) golden.tensors[key.substr(out.size())] = file.tensor(key).clone();
    }
    golden.value = file.tensor(name + "/value").clone();
    cases.push_back(std::move(golden));
  }
  return cases;
}

inline bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  const at::Tensor x = a.contiguous(), y = b.contiguous();
  return std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

/// The format writes these bytes and no others, and reads them as the library does, to `accuracy`
/// of each weight. Returns the quantization_config it wrote.
inline Json expect_golden(const Format& format, const GoldenLayout& golden, double accuracy) {
  const TemporaryFolder place;
  TinyCheckpoint tiny(at::kFloat);
  tiny.add(golden.encoding, golden.linear.out(), golden.linear.in());
  const std::string module = "model.layers.0.proj";
  tiny.linears[module] = golden.linear;
  tiny.write(format, place.file("out"));
  const SafetensorsFile file(place.file("out/model.safetensors"));
  size_t found = 0;
  for (const auto& [name, entry] : file.tensors())
    found += name.starts_with(module + ".") && !name.ends_with(".bias") ? 1 : 0;
  EXPECT_EQ(found, golden.tensors.size()) << golden.name;
  for (const auto& [suffix, tensor] : golden.tensors) {
    const std::string name = module + "." + suffix;
    const bool same = file.contains(name) && same_bytes(file.tensor(name), tensor);
    EXPECT_TRUE(same) << golden.name << " " << suffix;
  }
  const at::Tensor weight = open_checkpoint(place.file("out"))->load(module + ".weight");
  const at::Tensor difference = weight.sub(golden.value).abs();
  EXPECT_TRUE(difference.le(golden.value.abs().mul(accuracy)).all().item<bool>()) << golden.name;
  return read_json_file(place.file("out/config.json")).at("quantization_config");
}

}  // namespace mpq
