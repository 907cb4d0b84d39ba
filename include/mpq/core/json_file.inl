// Typed access to JSON members with errors that say where.
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpq/core/error.h"

namespace mpq {
namespace json_detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

/// Whether the value is a T without loss; nlohmann::json converts 3.5, true and 1e30 silently.
template <class T>
bool fits(const Json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    if (value.is_number_unsigned()) return std::in_range<T>(value.get<uint64_t>());
    return value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
  } else if constexpr (std::is_floating_point_v<T>) {
    return value.is_number() && std::isfinite(value.get<T>());
  } else if constexpr (IsVector<T>::value) {
    if (!value.is_array()) return false;
    for (const Json& entry : value) {
      if (!fits<typename T::value_type>(entry)) return false;
    }
  }
  return true;
}

[[noreturn]] void fail_missing(const Json& object, const char* key, const std::string& where);
[[noreturn]] void fail_type(const Json& value, const char* key, const std::string& where);
/// The member; null when the object, or what should be one, has none. JsonReads sees it.
const Json* find(const Json& object, const char* key);

template <class T>
T value_of(const Json& member, const char* key, const std::string& where) {
  if (!fits<T>(member)) fail_type(member, key, where);
  try {
    return member.template get<T>();
  } catch (const nlohmann::json::exception&) {
    fail_type(member, key, where);
  }
}

}  // namespace json_detail

template <class T>
T json_get(const Json& object, const char* key, const std::string& where) {
  const Json* found = json_detail::find(object, key);
  if (found == nullptr) json_detail::fail_missing(object, key, where);
  return json_detail::value_of<T>(*found, key, where);
}

template <class T>
T json_get_or(const Json& object, const char* key, const T& fallback, const std::string& where) {
  const Json* found = json_detail::find(object, key);
  if (found == nullptr && !object.is_null() && !object.is_object())
    json_detail::fail_missing(object, key, where);
  return found == nullptr || found->is_null() ? fallback
                                              : json_detail::value_of<T>(*found, key, where);
}

}  // namespace mpq
