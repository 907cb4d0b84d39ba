#pragma once
// Small checkpoints for the tests of formats.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mpq/core/error.h"
#include "mpq/format/format.h"
#include "mpq/io/safetensors.h"
#include "tests/format/random_linear.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {

/// Files cannot grow past `bytes` while it lives: writing fails as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

class MemorySource final : public WeightSource {
 public:
  std::map<std::string, at::Tensor> tensors;

  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, tensor] : tensors) result.push_back(name);
    return result;
  }
  std::vector<int64_t> shape(const std::string& name) const override {
    return load(name).sizes().vec();
  }
  at::ScalarType dtype(const std::string& name) const override { return load(name).scalar_type(); }
  at::Tensor load(const std::string& name) const override {
    const auto found = tensors.find(name);
    require(found != tensors.end(), ErrorCode::Format, "memory: there is no tensor {}", name);
    return found->second;
  }
};

/// A source folder's small files, a base in memory, and one linear for each scheme added.
struct TinyCheckpoint {
  explicit TinyCheckpoint(at::ScalarType dtype = at::kBFloat16) {
    at::manual_seed(7);
    job.source_folder = source.path();
    job.base = &base;
    job.stored_dtype = dtype;
    job.plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
    job.load = [this](const std::string& module) { return linears.at(module); };
    base.tensors["model.embed_tokens.weight"] = at::randn({19, 24}).to(dtype);
    base.tensors["model.norm.weight"] = at::randn({23}).to(at::kFloat);
    base.tensors["model.positions"] = at::arange(5);
    write_json_file(source.file("config.json"), {{"model_type", "llama"},
                                                 {"torch_dtype", "float32"},
                                                 {"quantization_config", {{"quant_method", "x"}}}});
    write_text_file(source.file("tokenizer.json"), "{}");
    write_text_file(source.file("merges.txt"), "a b\n");
    write_text_file(source.file("generation_config.json"), "{\"eos_token_id\": 2}");
    write_text_file(source.file("training_args.bin"), "not for export");
  }

  void add(const Encoding& encoding, int64_t out, int64_t in) {
    const std::string module = fmt::format("model.layers.{}.proj", job.linears.size());
    base.tensors[module + ".weight"] = at::randn({out, in}).to(job.stored_dtype);
    base.tensors[module + ".bias"] = at::randn({out}).to(job.stored_dtype);
    job.linears.push_back({module, out, in, resolved(encoding, job.stored_dtype)});
    if (!encoding.plain()) linears[module] = random_linear(job.linears.back().encoding, out, in);
  }

  /// What the format holds of every_encoding(), as it fits it, in shapes of which few are multiples
  /// of 32, and one weight as it is.
  void add_all_of(const Format& format) {
    for (const auto& asked : every_encoding()) {
      for (const auto& [out, in] : {std::pair{33, 96}, {40, 256}, {7, 172}, {32, 256}}) {
        try {
          add(format.fit(asked, out, in, job.stored_dtype).encoding, out, in);
        } catch (const Error& error) {
          if (error.code() != ErrorCode::Unsupported && error.code() != ErrorCode::Usage) throw;
        }
      }
    }
    add(full_precision(), 9, 172);
  }

  /// Writes and commits; returns the format's count of bytes.
  int64_t write(const Format& format, const std::string& folder) const {
    OutputFolder output(folder, false);
    const int64_t bytes = format.write(job, output);
    output.commit();
    return bytes;
  }

  TemporaryFolder source;
  MemorySource base;
  std::map<std::string, QuantizedLinear> linears;
  ExportJob job;
};

}  // namespace mpq
