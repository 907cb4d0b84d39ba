// The general text, placed into the binary by the assembler so that mpq stays one file.
#include "mpq/pipeline/session.h"

__asm__(
    ".section .rodata\n"
    ".global mpq_general_text_begin\n"
    ".global mpq_general_text_end\n"
    "mpq_general_text_begin:\n"
    ".incbin \"" MPQ_GENERAL_TEXT
    "\"\n"
    "mpq_general_text_end:\n"
    ".byte 0\n"
    ".section .text\n");

extern "C" {
extern const char mpq_general_text_begin[];  // NOLINT(readability-identifier-naming)
extern const char mpq_general_text_end[];    // NOLINT(readability-identifier-naming)
}

namespace mpq {

std::string general_text() { return {mpq_general_text_begin, mpq_general_text_end}; }

}  // namespace mpq
