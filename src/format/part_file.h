#pragma once
// One part on disk: which linears and tensors it holds, each read when asked for.
#include <map>
#include <string>

#include "mpq/io/safetensors.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// Key of the file's metadata that describes its linears.
inline constexpr const char* kPartKey = "mpq_part";
inline constexpr const char* kPartSchema = "mpq-part/2";
/// Suffix of a linear's optional input scale, float32 [in].
inline constexpr const char* kInputScale = ".input_scale";

class PartFile {
 public:
  /// Throws Error(Io) when unreadable, Error(Format) when it is not a part or its tensors disagree
  /// with its encodings.
  explicit PartFile(const std::string& path);

  /// Encoding and sizes of every linear.
  struct Layout {
    Encoding encoding;
    int64_t out = 0;
    int64_t in = 0;
  };
  const std::map<std::string, Layout>& linears() const { return linears_; }
  /// Names and shapes of the tensors that belong to no linear.
  const std::map<std::string, std::vector<int64_t>>& tensors() const { return tensors_; }
  QuantizedLinear linear(const std::string& module) const;
  /// float32 [in], undefined when the linear has none.
  at::Tensor input_scale(const std::string& module) const;
  /// A view of the mapped file: never write to it.
  at::Tensor tensor(const std::string& name) const { return file_.tensor(name); }

 private:
  void add_linear(const std::string& module, const Layout& layout);

  SafetensorsFile file_;
  std::map<std::string, Layout> linears_;
  std::map<std::string, std::vector<int64_t>> tensors_;
};

}  // namespace mpq
