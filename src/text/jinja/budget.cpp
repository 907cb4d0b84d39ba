// The counters of a rendering and the errors at their ends.
#include "budget.h"

#include "mpq/core/error.h"

namespace mpq::text::jinja {
namespace {

thread_local Budget* current = nullptr;

}  // namespace

Budget::Budget() : outer_(current) { current = this; }

Budget::~Budget() { current = outer_; }

void Budget::spend_steps(int64_t steps) {
  if (!current) return;
  current->steps_ += steps;
  if (current->steps_ > kMaxSteps) {
    fail(ErrorCode::Unsupported, "the template takes more than {} steps", kMaxSteps);
  }
}

void Budget::spend_bytes(size_t bytes) {
  if (!current) return;
  current->bytes_ += static_cast<int64_t>(bytes);
  if (current->bytes_ > kMaxCopiedBytes) {
    fail(ErrorCode::Unsupported, "the template copies more than {} MiB", kMaxCopiedBytes >> 20);
  }
}

void require_text_size(size_t bytes) {
  if (bytes > kMaxTextBytes) {
    fail(ErrorCode::Unsupported, "the template makes a text of more than {} MiB",
         kMaxTextBytes >> 20);
  }
}

void require_item_count(size_t count) {
  if (count > kMaxItems) {
    fail(ErrorCode::Unsupported, "the template makes a list of more than {} items", kMaxItems);
  }
}

void require_nesting(int depth) {
  if (depth > kMaxNesting) {
    fail(ErrorCode::Unsupported, "the template nests deeper than {} levels", kMaxNesting);
  }
}

CallDepth::CallDepth(int& depth) : depth_(depth) {
  if (++depth_ <= kMaxCalls) return;
  --depth_;
  fail(ErrorCode::Unsupported, "the template calls itself too deeply ({} levels)", kMaxCalls);
}

}  // namespace mpq::text::jinja
