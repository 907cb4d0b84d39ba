#pragma once
// Looking at models, checkpoints and mpq's own files; comparing outputs with other implementations.
#include "mpq/core/json_file.h"
#include "mpq/core/tokens.h"
#include "mpq/pipeline/options.h"

namespace mpq {

/// What a file or folder is: kind, sizes, schemes by layer.
Json inspect(const std::string& path);
/// Reads back every tensor of a checkpoint, compares hashes with mpq.json, and applies a target's
/// rules ("" : none). The result lists "faults"; the caller decides the exit status.
Json check(const std::string& checkpoint, const std::string& target);
/// Every plug-in with its options and defaults, by kind.
Json list_plugins();
/// Token ids of each prompt of the task, or window of the text.
std::vector<TokenSequence> tokenize_input(const EvalOptions& options);
/// What the model will read, for people: {"source", "held_out" (of a task), "tokens", "pieces"
/// ([{"ids", "text", "special"}]), "answers", "choices" ([{"right", "pieces"}])} a prompt. Answers
/// are not read, they are compared with what is generated; choices follow the prompt when they are
/// measured. Calibration reads neither, except where prompts are read with their answers:
/// "answer_from" is then the index of the answer's first token.
Json show_input(const EvalOptions& options, double holdout);
/// Logits of each prompt: `prompt.N` float32 [tokens, vocab] in a safetensors file.
Json write_logits(const CommonOptions& common, const EvalOptions& options, const std::string& out);

}  // namespace mpq
