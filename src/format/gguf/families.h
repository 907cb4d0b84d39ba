#pragma once
// The families, each made in a file family_*.cpp.
#include <vector>

#include "family.h"

namespace mpq {

GgufFamily llama_family();
GgufFamily mistral_family();
GgufFamily mixtral_family();
GgufFamily ministral3_family();
GgufFamily mistral3_family();
GgufFamily qwen2_family();
GgufFamily qwen3_family();
GgufFamily qwen2_moe_family();
GgufFamily qwen3_moe_family();
GgufFamily phi3_family();
GgufFamily gemma2_family();
GgufFamily gemma3_text_family();
GgufFamily gemma3_family();
GgufFamily olmo2_family();
GgufFamily smollm3_family();
GgufFamily granite_family();
GgufFamily glm4_family();
GgufFamily cohere2_family();
GgufFamily exaone4_family();
GgufFamily seed_oss_family();

}  // namespace mpq
