#pragma once
// Pieces of an HTML page.
#include <string>
#include <utility>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq::html {

/// `text` with <, >, & and quotes as entities, and control characters as visible ones.
std::string escape(const std::string& text);
/// "0.0123 ± 0.0004" of {"mean", "stderr"}, the error in a span of its own; "–" when absent
/// or unknown.
std::string figure(const Json& value, int digits = 3);
/// A number with so many significant digits; "–" when it is none.
std::string number(const Json& value, int digits = 4);
/// <section> with a heading; empty when the body is.
std::string section(const std::string& title, const std::string& body,
                    const std::string& style = "");
/// Two columns, what and value; values are HTML. Rows with an empty value are left out.
std::string facts_table(const std::vector<std::pair<std::string, std::string>>& rows);
/// A colour key: class of the swatch and its text.
std::string legend(const std::vector<std::pair<std::string, std::string>>& entries);

}  // namespace mpq::html
