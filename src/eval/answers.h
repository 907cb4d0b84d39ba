#pragma once
// The generative part of an evaluation.
#include "mpq/eval/evaluate.h"

namespace mpq {

/// Generates for the prompts that have answers and fills exact_match, f1, generated and their
/// figures by prompt.
void measure_answers(const Model& model, const Tokenizer& tokenizer, const EvalInput& input,
                     EvalResult& result);

}  // namespace mpq
