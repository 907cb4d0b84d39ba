// Byte-pair merging: by scanning for short words, with a priority queue for long ones, O(n log n).
#include "merges.h"

#include <queue>

#include "mpq/core/error.h"
#include "utf8.h"

namespace mpq::text {
namespace {

constexpr size_t kScanLimit = 32;  // symbols; below it the quadratic scan is the faster one

std::pair<std::string, std::string> parse_merge(const nlohmann::json& merge, size_t index,
                                                const std::string& where) {
  if (merge.is_string()) {
    const auto text = merge.get<std::string>();
    const size_t space = text.find(' ');
    if (space != text.npos && text.find(' ', space + 1) == text.npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
             merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  fail(ErrorCode::Format, "{}: \"merges\"[{}] is neither \"a b\" nor [\"a\", \"b\"]", where, index);
}

}  // namespace

Merges::Merges(const nlohmann::json& merges, const Vocabulary& vocabulary,
               const std::string& prefix, const std::string& where)
    : table_(merges.is_array() ? merges.size() : 0) {
  require(merges.is_array(), ErrorCode::Format, "{}: \"merges\" is not an array", where);
  int32_t rank = 0;
  for (const auto& merge : merges) {
    if (merge.is_string() && merge.get_ref<const std::string&>().rfind("#version", 0) == 0)
      continue;
    const auto [left, right] = parse_merge(merge, static_cast<size_t>(rank), where);
    add(left, right, rank++, vocabulary, prefix, where);
  }
}

void Merges::add(const std::string& left, const std::string& right, int32_t rank,
                 const Vocabulary& vocabulary, const std::string& prefix,
                 const std::string& where) {
  require(right.size() >= prefix.size(), ErrorCode::Format,
          "{}: the merge of \"{}\" and \"{}\" lacks the prefix \"{}\"", where, left, right, prefix);
  const std::string joined = left + right.substr(prefix.size());
  const auto left_id = vocabulary.find(left), right_id = vocabulary.find(right),
             result = vocabulary.find(joined);
  require(left_id && right_id && result, ErrorCode::Format,
          "{}: the merge of \"{}\" and \"{}\" has a token that is not in the vocabulary", where,
          left, right);
  table_.set(static_cast<uint64_t>(static_cast<uint32_t>(*left_id)) << 32 |
                 static_cast<uint32_t>(*right_id),
             {rank, *result});
  size_t at = 0;
  char32_t previous = joined.empty() ? 0 : next_code_point(joined, at);
  while (at < joined.size()) {
    const char32_t next = next_code_point(joined, at);
    joints_.set(uint64_t{previous} << 32 | next, 1);
    previous = next;
  }
}

void Merges::apply(std::vector<int32_t>& symbols) const {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kScanLimit) {
    apply_by_scan(symbols);
  } else {
    apply_by_heap(symbols);
  }
}

void Merges::apply_by_scan(std::vector<int32_t>& symbols) const {
  Merge found[kScanLimit];  // of the pair that starts at a symbol; rank -1: none
  const auto look_up = [&](size_t i) {
    const Merge* merge = i + 1 < symbols.size() ? find(symbols[i], symbols[i + 1]) : nullptr;
    found[i] = merge ? *merge : Merge{-1, 0};
  };
  for (size_t i = 0; i < symbols.size(); ++i) look_up(i);
  while (true) {
    size_t best = symbols.size();
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (found[i].rank < 0) continue;
      if (best == symbols.size() || found[i].rank < found[best].rank) best = i;
    }
    if (best == symbols.size()) return;
    symbols[best] = found[best].result;
    symbols.erase(symbols.begin() + static_cast<long>(best) + 1);
    for (size_t i = best + 1; i < symbols.size(); ++i) found[i] = found[i + 1];
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
}

void Merges::apply_by_heap(std::vector<int32_t>& symbols) const {
  struct Node {
    int32_t id;
    int64_t previous, next;  // -1: none
    bool alive;
  };
  struct Candidate {
    int32_t rank;
    int64_t at;
    int32_t result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const auto count = static_cast<int64_t>(symbols.size());
  std::vector<Node> nodes;
  nodes.reserve(symbols.size());
  for (int64_t i = 0; i < count; ++i) {
    nodes.push_back({symbols[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1, true});
  }
  const auto node = [&](int64_t i) -> Node& { return nodes[static_cast<size_t>(i)]; };
  std::vector<Candidate> candidates;
  const auto candidate_at = [&](int64_t i) -> const Merge* {
    return i >= 0 && node(i).next >= 0 ? find(node(i).id, node(node(i).next).id) : nullptr;
  };
  for (int64_t i = 0; i + 1 < count; ++i) {
    if (const Merge* merge = candidate_at(i)) candidates.push_back({merge->rank, i, merge->result});
  }
  std::priority_queue queue(std::greater<Candidate>(), std::move(candidates));
  const auto push = [&](int64_t i) {
    if (const Merge* merge = candidate_at(i)) queue.push({merge->rank, i, merge->result});
  };
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    if (!node(top.at).alive) continue;
    const Merge* merge = candidate_at(top.at);
    if (!merge || merge->result != top.result) continue;  // the pair is gone
    Node& left = node(top.at);
    Node& right = node(left.next);
    left.id = top.result;
    left.next = right.next;
    right.alive = false;
    if (right.next >= 0) node(right.next).previous = top.at;
    push(left.previous);
    push(top.at);
  }
  symbols.clear();
  for (int64_t i = 0; i >= 0; i = node(i).next) symbols.push_back(node(i).id);
}

}  // namespace mpq::text
