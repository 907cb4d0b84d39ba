// One GGUF file for llama.cpp and what is built on it, with the folder's small files beside it.
#include "mpq/io/gguf.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/core/progress.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/gguf_blocks.h"
#include "mpq/format/gguf_folder.h"
#include "mpq/format/gguf_model.h"
#include "mpq/format/gguf_source.h"

namespace mpq {
namespace {

constexpr const char* kFile = "model.gguf";
/// So many numbers are laid out at a time.
constexpr int64_t kChunk = int64_t{1} << 22;

/// Integers that GGUF does not hold as they are stand for the type of their width.
Encoding type_of_width(const Encoding& asked) {
  constexpr std::array<const char*, 9> kTypes = {"",     "",     "q2_k", "q3_k", "q4_k",
                                                 "q5_k", "q6_k", "q8_0", "q8_0"};
  require(asked.uniform() && !asked.hybrid(), ErrorCode::Unsupported,
          "{}: GGUF has no type for it; see `mpq list` for those it has", to_string(asked));
  return parse_encoding(kTypes[static_cast<size_t>(asked.bits)]);
}

/// What llama.cpp takes where blocks of 256 do not divide a row.
Encoding smaller_blocks(const Encoding& encoding) {
  static const std::map<std::string, std::string> kInstead = {
      {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"q4_k", "q5_0"},
      {"q5_k", "q5_1"},   {"q6_k", "q8_0"},   {"iq4_xs", "iq4_nl"}};
  const auto found = kInstead.find(to_string(encoding));
  return found == kInstead.end() ? full_precision() : parse_encoding(found->second);
}

/// Of NVFP4 the file would need a second tensor, which an embedding cannot have.
bool is_held(const Encoding& encoding) {
  if (encoding.scale == ScaleCode::E4M3) return false;
  const auto types = gguf_types();
  return std::any_of(types.begin(), types.end(),
                     [&](const GgufType& type) { return gguf_encoding(type.id) == encoding; });
}

bool divides(const Encoding& encoding, int64_t in) {
  return encoding.plain() || in % gguf_block_columns(gguf_type(encoding)) == 0;
}

/// The tensors of the file and where each comes from.
class GgufPlan {
 public:
  explicit GgufPlan(const ExportJob& job) : job_(job) {
    std::map<std::string, const ExportLinear*> linears;
    std::map<uint32_t, int64_t> weights;
    for (const auto& linear : job.linears) {
      if (linear.encoding.plain()) continue;
      linears[linear.module + ".weight"] = &linear;
      weights[gguf_type(linear.encoding)] += linear.out * linear.in;
    }
    model_ = make_gguf_model(job.source_folder, *job.base, file_type(weights));
    for (const auto& tensor : model_.tensors) {
      linears_.push_back(taken_from(linears, tensor));
      plan_.push_back({tensor.name, tensor.dims(), type_of(tensor, linears_.back())});
    }
    require(linears.empty(), ErrorCode::Unsupported, "{}: has no place in a GGUF file",
            linears.empty() ? "" : linears.begin()->first);
  }

  int64_t bytes() const { return gguf_file_bytes(model_.metadata, plan_); }

  void write(const std::string& path) const {
    for (const auto& deviation : model_.deviations) log_warning("llama.cpp: {}", deviation);
    GgufWriter file(path, model_.metadata, plan_);
    Progress progress("pack", static_cast<int64_t>(plan_.size()));
    for (size_t i = 0; i < plan_.size(); ++i) {
      const GgufTensor& tensor = model_.tensors[i];
      for (const ExportLinear* linear : linears_[i]) write_linear(file, tensor, *linear);
      if (linears_[i].empty()) write_plain(file, tensor, plan_[i].type);
      progress.step();
    }
    file.finish();
  }

 private:
  using Linears = std::vector<const ExportLinear*>;

  /// The quantized linears of a tensor: none, one, or every expert's, which share a type.
  static Linears taken_from(std::map<std::string, const ExportLinear*>& linears,
                            const GgufTensor& tensor) {
    Linears taken;
    const auto sources = tensor.sources();
    for (const auto& source : sources) {
      const auto found = linears.find(source);
      if (found == linears.end()) continue;
      taken.push_back(found->second);
      linears.erase(found);
    }
    for (const ExportLinear* linear : taken) {
      require(taken.size() == sources.size() && linear->encoding == taken.front()->encoding,
              ErrorCode::Unsupported,
              "{}: GGUF holds these matrices of all experts in one tensor of one type, here {} are "
              "of {} in {}",
              tensor.name, taken.size(), sources.size(),
              linear->encoding == taken.front()->encoding ? to_string(linear->encoding)
                                                          : "several types");
    }
    return taken;
  }

  /// llama.cpp's number for the type that most weights have.
  static uint32_t file_type(const std::map<uint32_t, int64_t>& weights) {
    static const std::map<uint32_t, uint32_t> kFileTypes = {
        {0, 0},   {1, 1},   {2, 2},   {3, 3},   {6, 8},   {7, 9},   {8, 7},   {10, 10}, {11, 12},
        {12, 15}, {13, 17}, {14, 18}, {20, 25}, {23, 30}, {30, 32}, {39, 38}, {42, 41}};
    const auto most =
        std::max_element(weights.begin(), weights.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto found =
        kFileTypes.find(most == weights.end() ? gguf_type(at::kBFloat16) : most->first);
    return found == kFileTypes.end() ? 32 : found->second;
  }

  GgufType type_of(const GgufTensor& tensor, const Linears& linears) const {
    if (!linears.empty()) return *find_gguf_type(gguf_type(linears.front()->encoding));
    if (tensor.is_float32() || tensor.source.empty()) return *find_gguf_type(gguf_type(at::kFloat));
    return *find_gguf_type(gguf_type(job_.base->dtype(tensor.source)));
  }

  void write_linear(GgufWriter& file, const GgufTensor& tensor, const ExportLinear& linear) const {
    QuantizedLinear quantized = load_planned(job_, linear);
    const at::Tensor order = row_index(tensor);
    if (order.defined()) quantized = select_rows(quantized, order);
    const int64_t rows = std::max<int64_t>(1, kChunk / linear.in);
    const int64_t row_bytes = gguf_row_bytes(linear.encoding, linear.in);
    std::vector<uint8_t> bytes;
    for (int64_t row = 0; row < linear.out; row += rows) {
      const int64_t count = std::min(rows, linear.out - row);
      bytes.resize(static_cast<size_t>(count * row_bytes));
      pack_gguf_rows(slice_rows(quantized, row, count), reinterpret_cast<std::byte*>(bytes.data()));
      file.write(tensor.name, bytes);
    }
  }

  void write_plain(GgufWriter& file, const GgufTensor& tensor, const GgufType& type) const {
    const at::ScalarType dtype = type.name == "F32"   ? at::kFloat
                                 : type.name == "F16" ? at::kHalf
                                                      : at::kBFloat16;
    const auto write = [&](const at::Tensor& value) {
      const at::Tensor stored = value.to(dtype).contiguous();
      file.write(tensor.name,
                 {static_cast<const uint8_t*>(stored.const_data_ptr()), stored.nbytes()});
    };
    if (tensor.source.empty()) write(at::tensor(tensor.values, at::kFloat));
    for (const auto& source : tensor.sources()) write(gguf_value(tensor, job_.base->load(source)));
  }

  const ExportJob& job_;
  GgufModel model_;
  std::vector<Linears> linears_;  // by tensor; empty: as the source has it
  std::vector<GgufTensorPlan> plan_;
};

class Gguf final : public Format {
 public:
  using Options = NoOptions;
  explicit Gguf(const Options&) {}

  Fit fit(const Encoding& asked, int64_t out, int64_t in,
          at::ScalarType stored_dtype) const override {
    Encoding encoding = asked;
    if (!is_held(asked)) encoding = type_of_width(asked);
    if (!divides(encoding, in)) encoding = smaller_blocks(encoding);
    if (!divides(encoding, in)) encoding = full_precision();
    const int64_t row = encoding.plain() ? in * static_cast<int64_t>(c10::elementSize(stored_dtype))
                                         : gguf_row_bytes(encoding, in);
    return {encoding, out * row};
  }

  bool holds_ends() const override { return true; }

  int64_t write(const ExportJob& job, const OutputFolder& folder) const override {
    const GgufPlan plan(job);
    plan.write(folder.file(kFile));
    Json config = source_config(job.source_folder, job.stored_dtype);
    config["quantization_config"] = {{"quant_method", "gguf"}, {"file", kFile}};
    write_json_file(folder.file("config.json"), config);
    copy_side_files(job, folder);
    return static_cast<int64_t>(std::filesystem::file_size(folder.file(kFile)));
  }

  int64_t file_bytes(const ExportJob& job) const override { return GgufPlan(job).bytes(); }

  std::unique_ptr<WeightSource> open(const std::string& folder, const Json& config) const override {
    const auto file = gguf_file_name(config, folder + "/config.json");
    return file ? open_gguf(folder, folder + "/" + *file) : nullptr;
  }
};

MPQ_REGISTER(Format, Gguf, "gguf",
             "one GGUF file for llama.cpp, Ollama and LM Studio; K-quants and their kin, mixed");

}  // namespace
}  // namespace mpq
