// Splitting at the matches of a pattern; the five behaviours are those of the tokenizers library.
#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "pattern.h"

namespace mpq::text {
namespace {

struct Part {
  Span span;
  bool is_match;
};

std::vector<Part> all_parts(std::string_view text, const Pattern& pattern, bool invert) {
  std::vector<Span> matches;
  pattern.find_all(text, matches);
  std::vector<Part> parts;
  parts.reserve(2 * matches.size() + 1);
  size_t done = 0;
  for (const Span& match : matches) {
    if (done != match.begin) parts.push_back({{done, match.begin}, invert});
    parts.push_back({match, !invert});
    done = match.end;
  }
  if (done != text.size()) parts.push_back({{done, text.size()}, invert});
  return parts;
}

// Joins a part to the one before it where `joins(part, previous part was a match)`.
template <class Iterator, class Joins, class Join>
std::vector<Span> joined(Iterator begin, Iterator end, Joins&& joins, Join&& join) {
  std::vector<Span> spans;
  bool previous_match = false;
  for (; begin != end; ++begin) {
    if (!spans.empty() && joins(begin->is_match, previous_match)) {
      join(spans.back(), begin->span);
    } else {
      spans.push_back(begin->span);
    }
    previous_match = begin->is_match;
  }
  return spans;
}

}  // namespace

SplitBehavior parse_split_behavior(const std::string& name, const std::string& where) {
  // The order of SplitBehavior.
  static const std::vector<std::string> names = {"Removed", "Isolated", "MergedWithPrevious",
                                                 "MergedWithNext", "Contiguous"};
  const auto found = std::find(names.begin(), names.end(), name);
  require(found != names.end(), ErrorCode::Unsupported, "{}: unknown behavior \"{}\"{}", where,
          name, found == names.end() ? suggestion(name, names) : std::string());
  return static_cast<SplitBehavior>(found - names.begin());
}

void split(std::string_view text, const Pattern& pattern, SplitBehavior behavior, bool invert,
           std::vector<Span>& parts) {
  const std::vector<Part> all = all_parts(text, pattern, invert);
  const auto keep = [&](const Span& span) {
    if (!span.empty()) parts.push_back(span);
  };
  const auto lone_match = [](bool match, bool previous) { return match && !previous; };
  switch (behavior) {
    case SplitBehavior::Removed:
    case SplitBehavior::Isolated:
      for (const Part& part : all) {
        if (behavior == SplitBehavior::Isolated || !part.is_match) keep(part.span);
      }
      break;
    case SplitBehavior::MergedWithPrevious:
      for (const Span& span :
           joined(all.begin(), all.end(), lone_match,
                  [](Span&previous, const Span&part) { previous.end = part.end; })) {
        keep(span);
      }
      break;
    case SplitBehavior::MergedWithNext: {
      const auto spans = joined(all.rbegin(), all.rend(), lone_match,
                                [](Span& next, const Span& part) { next.begin = part.begin; });
      std::for_each(spans.rbegin(), spans.rend(), keep);
      break;
    }
    case SplitBehavior::Contiguous:
      for (const Span& span : joined(
               all.begin(), all.end(), [](bool match, bool previous) { return match == previous; },
               [](Span&previous, const Span&part) { previous.end = part.end; })) {
        keep(span);
      }
      break;
  }
}

}  // namespace mpq::text
