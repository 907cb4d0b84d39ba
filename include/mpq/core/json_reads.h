#pragma once
// Which members of JSON objects were asked for: what nobody asked for has no effect.
#include <set>
#include <string>
#include <string_view>

namespace mpq {

/// While it lives, the names that this thread's json_get() and json_get_or() look up, in whatever
/// object. One within another hands what it saw to the outer one.
class JsonReads {
 public:
  JsonReads();
  ~JsonReads();
  JsonReads(const JsonReads&) = delete;
  JsonReads& operator=(const JsonReads&) = delete;

  bool has(const std::string& name) const { return names_.count(name) != 0; }
  /// As if the member had been looked up.
  static void note(std::string_view name);

 private:
  JsonReads* outer_;
  std::set<std::string> names_;
};

}  // namespace mpq
