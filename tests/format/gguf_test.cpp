// A GGUF file of nano-llama with every type that mpq writes, read back.
#include <gmock/gmock.h>

#include "mpq/core/hash.h"
#include "mpq/model/architecture.h"
#include "mpq/quant/grid.h"
#include "tests/format/checkpoints.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

const std::string kNanoLlama = source_path("data/nano-llama");

std::unique_ptr<Format> gguf() { return Registry<Format>::instance().make("gguf"); }

Encoding named(const std::string& name) { return parse_encoding(name); }

/// Its linears, the embedding and the head, each rounded to the next of the types.
struct NanoJob {
  NanoJob() {
    const ModelConfig config = read_model_config(kNanoLlama);
    job.source_folder = kNanoLlama;
    job.base = base.get();
    job.stored_dtype = at::kBFloat16;
    job.plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
    job.load = [this](const std::string& module) { return quantized.at(module); };
    for (int64_t block = 0; block < config.layers; ++block) {
      for (const auto& linear : config.blocks.front().linears)
        add(config.block_prefix(block) + linear.module, linear.out, linear.in);
    }
    add("model.embed_tokens", config.vocab, config.hidden);
    add("lm_head", config.vocab, config.hidden);
  }

  void add(const std::string& module, int64_t out, int64_t in) {
    static const std::vector<std::string> kTypes = {"q4_k", "q2_k",   "16",     "q3_k", "q5_k",
                                                    "q6_k", "q8_0",   "q4_0",   "q4_1", "q5_0",
                                                    "q5_1", "iq4_nl", "iq4_xs", "q2_0", "mxfp4"};
    const Encoding encoding = named(kTypes[job.linears.size() % kTypes.size()]);
    job.linears.push_back({module, out, in, encoding});
    if (encoding.plain()) return;
    const at::Tensor weight = base->load(module + ".weight").to(at::kFloat);
    quantized.emplace(module, round_to_nearest(weight, {encoding}, module));
  }

  int64_t write(const std::string& folder) const {
    OutputFolder output(folder, false);
    const int64_t bytes = gguf()->write(job, output);
    output.commit();
    return bytes;
  }

  std::unique_ptr<WeightSource> base = open_safetensors_folder(kNanoLlama);
  std::map<std::string, QuantizedLinear> quantized;
  ExportJob job;
};

TEST(GgufFormat, ReadsBackEveryTypeAndAllTheRest) {
  const NanoJob nano;
  TemporaryFolder place;
  const std::string out = place.file("out");
  const int64_t bytes = nano.write(out);
  EXPECT_EQ(bytes, gguf()->file_bytes(nano.job));
  EXPECT_EQ(bytes, static_cast<int64_t>(fs::file_size(out + "/model.gguf")));
  const auto found = open_checkpoint(out);
  EXPECT_EQ(found->names(), nano.base->names());
  for (const auto& name : nano.base->names()) {
    const auto linear = nano.quantized.find(name.substr(0, name.rfind('.')));
    const at::Tensor expected = linear == nano.quantized.end()
                                    ? nano.base->load(name).to(at::kFloat)
                                    : dequantize(linear->second);
    EXPECT_TRUE(found->load(name).to(at::kFloat).equal(expected)) << name;
  }
}

TEST(GgufFormat, PredictsTheBytesOfEveryTensor) {
  const NanoJob nano;
  ExportJob plain = nano.job;
  for (auto& linear : plain.linears) linear.encoding = full_precision();
  int64_t saved = 0;
  for (const auto& linear : nano.job.linears) {
    const auto bytes = [&](const Encoding& encoding) {
      return gguf()->fit(encoding, linear.out, linear.in, at::kBFloat16).bytes;
    };
    saved += bytes(full_precision()) - bytes(linear.encoding);
  }
  // Tensors begin at multiples of 32 bytes.
  EXPECT_NEAR(static_cast<double>(gguf()->file_bytes(plain) - gguf()->file_bytes(nano.job)),
              static_cast<double>(saved), 32.0 * static_cast<double>(nano.job.linears.size()));
}

TEST(GgufFormat, RowsThatBlocksDoNotDivideFallBackAsLlamaCppDoes) {
  const auto fitted = [](const Encoding& asked, int64_t in) {
    return to_string(gguf()->fit(asked, 64, in, at::kBFloat16).encoding);
  };
  for (const auto& [type, instead] : {std::pair{"q2_k", "iq4_nl"},
                                      {"q3_k", "iq4_nl"},
                                      {"q4_k", "q5_0"},
                                      {"q5_k", "q5_1"},
                                      {"q6_k", "q8_0"},
                                      {"iq4_xs", "iq4_nl"},
                                      {"q8_0", "q8_0"}}) {
    EXPECT_EQ(fitted(named(type), 1536), type);
    EXPECT_EQ(fitted(named(type), 576), instead);
    EXPECT_EQ(fitted(named(type), 40), "16");
  }
  // Integers stand for the type of their width.
  EXPECT_EQ(fitted(integers(3, 128, true), 512), "q3_k");
  EXPECT_EQ(fitted(integers(8, 0, false), 512), "q8_0");
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { fitted(named("fp8"), 512); }),
              ::testing::HasSubstr("fp8"));
}

TEST(GgufFormat, AFullDiskLeavesNothingBehind) {
  const NanoJob nano;
  TemporaryFolder place;
  {
    const FullDisk full(1 << 20);
    error_of(ErrorCode::Io, [&] { nano.write(place.file("out")); });
  }
  EXPECT_TRUE(fs::is_empty(place.path()));
}

TEST(GgufFormat, IsDeterministic) {
  const NanoJob nano;
  TemporaryFolder place;
  nano.write(place.file("a"));
  nano.write(place.file("b"));
  EXPECT_EQ(sha256_of_file(place.file("a/model.gguf")), sha256_of_file(place.file("b/model.gguf")));
}

TEST(GgufFormat, DamageIsAFormatError) {
  const NanoJob nano;
  TemporaryFolder place;
  const std::string out = place.file("out");
  nano.write(out);
  fs::resize_file(out + "/model.gguf", fs::file_size(out + "/model.gguf") - 64);
  error_of(ErrorCode::Format, [&] { open_checkpoint(out); });
}

}  // namespace
}  // namespace mpq
