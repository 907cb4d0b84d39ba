// One recorder a thread, the innermost.
#include "mpq/core/json_reads.h"

namespace mpq {
namespace {

thread_local JsonReads* t_innermost = nullptr;

}  // namespace

JsonReads::JsonReads() : outer_(t_innermost) { t_innermost = this; }

JsonReads::~JsonReads() {
  t_innermost = outer_;
  if (outer_ != nullptr) outer_->names_.merge(names_);
}

void JsonReads::note(std::string_view name) {
  if (t_innermost != nullptr) t_innermost->names_.emplace(name);
}

}  // namespace mpq
