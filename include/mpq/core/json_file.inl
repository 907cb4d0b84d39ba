// Typed access to JSON members with errors that say where.
#include "mpq/core/error.h"

namespace mpq {

template <class T>
T json_get(const Json& object, const char* key, const std::string& where) {
  require(object.is_object() && object.contains(key), ErrorCode::Format, "{}: \"{}\" is missing",
          where, key);
  try {
    return object.at(key).get<T>();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::Format, "{}: \"{}\" has the wrong type, found {}", where, key,
         object.at(key).dump().substr(0, 80));
  }
}

template <class T>
T json_get_or(const Json& object, const char* key, const T& fallback, const std::string& where) {
  if (!object.is_object() || !object.contains(key) || object.at(key).is_null()) return fallback;
  return json_get<T>(object, key, where);
}

}  // namespace mpq
