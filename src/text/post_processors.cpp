// The post-processors of tokenizer.json, for one text (pairs are not needed here).
#include "mpq/core/error.h"
#include "post_processor.h"
#include "tokenizer_json.h"

namespace mpq::text {
namespace {

std::vector<int32_t> ids_of(const Json& component, const std::string& name,
                            const std::string& where) {
  const Json tokens = json_get_or<Json>(component, "special_tokens", Json::object(), where);
  const Json token = json_get<Json>(tokens, name.c_str(), where + ": special_tokens");
  const std::string place = where + ": special_tokens: " + name;
  auto ids = json_get<std::vector<int32_t>>(token, "ids", place);
  for (const int32_t id : ids)
    require(id >= 0, ErrorCode::Format, "{}: \"ids\" holds {}, expected an id", place, id);
  return ids;
}

PostProcessor template_processing(const Json& component, const std::string& where) {
  PostProcessor result;
  int sequences = 0;
  for (const Json& piece : component_list(component, "single", where)) {
    if (piece.is_object() && piece.contains("Sequence")) {
      ++sequences;
      continue;
    }
    const Json special = json_get<Json>(piece, "SpecialToken", where + ": single");
    const auto ids = ids_of(component, json_get<std::string>(special, "id", where), where);
    auto& side = sequences == 0 ? result.before : result.after;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  require(sequences == 1, ErrorCode::Unsupported,
          "{}: the template holds the text {} times, expected once", where, sequences);
  return result;
}

}  // namespace

PostProcessor make_post_processor(const Json& component, const std::string& where) {
  PostProcessor result;
  if (component.is_null()) return result;
  const std::string type = component_type(component, where);
  if (type == "ByteLevel") return result;
  if (type == "TemplateProcessing") return template_processing(component, where);
  require(type == "Sequence", ErrorCode::Unsupported,
          "{}: the post-processor \"{}\" is not supported; supported: TemplateProcessing, "
          "ByteLevel, Sequence",
          where, type);
  for (const Json& part : component_list(component, "processors", where)) {
    const PostProcessor inner = make_post_processor(part, where);
    result.before.insert(result.before.begin(), inner.before.begin(), inner.before.end());
    result.after.insert(result.after.end(), inner.after.begin(), inner.after.end());
  }
  return result;
}

}  // namespace mpq::text
