#pragma once
// Exact match and token F1 of short answers, as SQuAD defines them (Rajpurkar et al. 2016,
// evaluate-v1.1.py).
#include <string>
#include <string_view>
#include <vector>

namespace mpq {

/// The answer in a generated text: its first line after leading white space, stripped.
std::string answer_of(std::string_view generated);
/// Whether the answer's line is complete, so that more tokens cannot change it.
bool answer_is_complete(std::string_view generated);

/// Words left by lower case, without ASCII punctuation and the words a, an, the.
std::vector<std::string> answer_words(std::string_view answer);
/// 1 when the words equal those of a gold answer, else 0.
double exact_match(std::string_view answer, const std::vector<std::string>& gold);
/// The best harmonic mean of precision and recall of words over the gold answers. An empty side
/// scores 1 against an empty one, else 0.
double token_f1(std::string_view answer, const std::vector<std::string>& gold);

}  // namespace mpq
