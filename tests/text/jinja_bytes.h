#pragma once
// Templates from any bytes: they must give a text or an Error.
#include <string_view>

namespace mpq {

/// Parses and renders; an Error is fine, anything else is not.
void check_template_bytes(std::string_view bytes);
/// The goldens' templates with random edits, so many of them.
void check_mutated_templates(int count);

}  // namespace mpq
