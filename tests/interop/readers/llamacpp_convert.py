"""llama.cpp's converter, for what needs no exact tokenizer: a pre-tokenizer that it does not know goes by "qwen2", which cuts as that
of nano-llama does. Arguments are the
converter's."""

import sys

sys.path.insert(0, sys.prefix)  # tools/readers.sh lays it there

import convert_hf_to_gguf
from conversion.base import TextModel

original = TextModel.get_vocab_base_pre


def known_or_qwen2(self, tokenizer):
    try:
        return original(self, tokenizer)
    except NotImplementedError:
        print("unknown pre-tokenizer: qwen2", file=sys.stderr)
        return "qwen2"


if __name__ == "__main__":
    TextModel.get_vocab_base_pre = known_or_qwen2
    convert_hf_to_gguf.main()
