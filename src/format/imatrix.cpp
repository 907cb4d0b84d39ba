// Sums and counts by name.
#include "mpq/format/imatrix.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/io/gguf.h"

namespace mpq {
namespace {

GgufMetadata metadata_of(const Imatrix& imatrix) {
  const int64_t chunks = std::max<int64_t>(1, imatrix.sequences);
  // llama-quantize divides by it.
  const int64_t chunk = std::max<int64_t>(1, imatrix.tokens / chunks);
  return {{"general.type", std::string("imatrix")},
          {"imatrix.datasets", GgufArray(imatrix.datasets)},
          {"imatrix.chunk_count", static_cast<uint32_t>(chunks)},
          {"imatrix.chunk_size", static_cast<uint32_t>(chunk)}};
}

}  // namespace

void write_imatrix(const std::string& path, const Imatrix& imatrix) {
  std::vector<const ImatrixEntry*> entries;
  for (const auto& entry : imatrix.entries) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  const GgufType& type = *find_gguf_type("F32");
  std::vector<GgufTensorPlan> plan;
  for (const auto* entry : entries) {
    plan.push_back({entry->name + ".in_sum2", {entry->mean_squares.numel()}, type});
    plan.push_back({entry->name + ".counts", {1}, type});
  }
  GgufWriter file(path, metadata_of(imatrix), plan);
  const auto write = [&](const std::string& name, const at::Tensor& values) {
    const at::Tensor numbers = values.to(at::kFloat).contiguous();
    require((at::isfinite(numbers) & (numbers >= 0)).all().item<bool>(), ErrorCode::Numeric,
            "{}: {} holds a number that is negative or not finite", path, name);
    file.write(name, {static_cast<const uint8_t*>(numbers.const_data_ptr()), numbers.nbytes()});
  };
  const auto count = static_cast<double>(imatrix.tokens);
  for (const auto* entry : entries) {
    write(entry->name + ".in_sum2", entry->mean_squares.to(at::kDouble) * count);
    write(entry->name + ".counts", at::full({1}, count, at::kDouble));
  }
  file.finish();
}

}  // namespace mpq
