#pragma once
// The cases of tests/golden/gguf/cases.json as folders and weights.
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "mpq/io/weight_source.h"

namespace mpq {

constexpr uint32_t kAllF32 = 0;  // general.file_type

/// Names of all cases.
std::vector<std::string> gguf_case_names();

/// A checkpoint's folder, put together under a temporary one and removed again.
class GgufCase {
 public:
  explicit GgufCase(const std::string& name);
  ~GgufCase();
  GgufCase(const GgufCase&) = delete;
  GgufCase& operator=(const GgufCase&) = delete;

  /// False: its tokenizer may not be shipped, and is not at hand.
  bool at_hand() const { return at_hand_; }
  bool has_data() const { return golden_.at("model").is_string(); }
  const Json& golden() const { return golden_; }
  const std::string& folder() const { return folder_; }
  /// The checkpoint's own, or shapes alone.
  std::unique_ptr<WeightSource> weights() const;

 private:
  void copy_files(const std::string& from) const;
  Json golden_;
  std::string above_, folder_;
  bool at_hand_ = true;
};

/// [key, type, value] as the golden has them.
Json golden_entry(const GgufEntry& entry);

}  // namespace mpq
