#pragma once
// What one rendering may cost. A template comes from a download: it must not hang or fill memory.
#include <cstddef>
#include <cstdint>

namespace mpq::text::jinja {

constexpr size_t kMaxTextBytes = size_t{64} << 20;  // of one text, the output among them
constexpr size_t kMaxItems = 1'000'000;             // of one list
constexpr int64_t kMaxRange = 100'000;              // as the sandbox of jinja2
constexpr int64_t kMaxSteps = 20'000'000;
constexpr int64_t kMaxCopiedBytes = int64_t{1} << 30;  // of all texts and lists made
constexpr int kMaxCalls = 1500;                        // nodes being evaluated inside one another
constexpr int kMaxNesting = 200;                       // of expressions, statements and values

/// The budget of the rendering that this thread is in; every limit is an Error(Unsupported).
class Budget {
 public:
  Budget();
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Nothing happens outside a rendering.
  static void spend_steps(int64_t steps);
  static void spend_bytes(size_t bytes);

 private:
  Budget* outer_;
  int64_t steps_ = 0;
  int64_t bytes_ = 0;
};

/// Throws when a text of so many bytes, or a list of so many items, is more than may be made.
void require_text_size(size_t bytes);
void require_item_count(size_t count);
void require_nesting(int depth);

/// One level of evaluation, as long as it lives.
class CallDepth {
 public:
  explicit CallDepth(int& depth);
  ~CallDepth() { --depth_; }
  CallDepth(const CallDepth&) = delete;
  CallDepth& operator=(const CallDepth&) = delete;

 private:
  int& depth_;
};

}  // namespace mpq::text::jinja
