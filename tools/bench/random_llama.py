"""Writes a random-weight bfloat16 Llama checkpoint and a calibration file, for timing.

Usage: python tools/bench/random_llama.py DIR --layers 4 [--hidden 1024 --ffn 2816 --heads 16 --kv-heads 8]

The tokenizer is nano-llama's; DIR/calib.jsonl has 32 prompts of at least 256 of its tokens, cut from its general text. Standard library
and safetensors' own layout only: the weights are written by hand, bfloat16 as the upper halves of float32, so any Python serves.
"""

import argparse
import array
import json
import os
import random
import shutil

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NANO = os.path.join(ROOT, "data", "nano-llama")
PROMPTS, CHARACTERS = 32, 2000  # 2000 characters are more than 256 of its tokens


def shapes(options):
    """Names and shapes of all tensors, in file order."""
    hidden, ffn, head = options.hidden, options.ffn, options.hidden // options.heads
    yield "model.embed_tokens.weight", (options.vocab, hidden)
    for layer in range(options.layers):
        prefix = f"model.layers.{layer}."
        for name, rows, columns in (("self_attn.q_proj", hidden, hidden), ("self_attn.k_proj", options.kv_heads * head, hidden),
                                    ("self_attn.v_proj", options.kv_heads * head, hidden), ("self_attn.o_proj", hidden, hidden),
                                    ("mlp.gate_proj", ffn, hidden), ("mlp.up_proj", ffn, hidden), ("mlp.down_proj", hidden, ffn)):
            yield prefix + name + ".weight", (rows, columns)
        yield prefix + "input_layernorm.weight", (hidden,)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (options.vocab, hidden)


def values(shape, pool, source):
    """bfloat16 bytes: ones for norms, else a random stretch of a pool of normal values."""
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if len(shape) == 1:
        return array.array("H", [0x3F80] * count).tobytes()
    pieces, left = [], count
    while left > 0:
        begin = source.randrange(len(pool) // 2)
        pieces.append(pool[begin:begin + min(left, len(pool) // 2)].tobytes())
        left -= len(pieces[-1]) // 2
    return b"".join(pieces)


def write_weights(path, options):
    source = random.Random(options.seed)
    floats = array.array("f", (source.gauss(0, 0.02) for _ in range(1 << 20)))
    pool = array.array("H", array.array("H", floats.tobytes())[1::2])
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes(options):
        size = 2 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, shape in shapes(options):
            file.write(values(shape, pool, source))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--ffn", type=int, default=2816)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--kv-heads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    with open(os.path.join(NANO, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    options.vocab = config["vocab_size"]
    config |= {"hidden_size": options.hidden, "intermediate_size": options.ffn, "num_attention_heads": options.heads,
               "num_key_value_heads": options.kv_heads, "num_hidden_layers": options.layers, "head_dim": options.hidden // options.heads}
    with open(os.path.join(options.folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(os.path.join(NANO, name), options.folder)
    write_weights(os.path.join(options.folder, "model.safetensors"), options)
    with open(os.path.join(NANO, "text", "calib.txt"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(options.folder, "calib.jsonl"), "w", encoding="utf-8") as file:
        for i in range(PROMPTS):
            file.write(json.dumps({"prompt": text[i * CHARACTERS:(i + 1) * CHARACTERS]}) + "\n")


if __name__ == "__main__":
    main()
