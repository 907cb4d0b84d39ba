"""llama.cpp on the CPU. The key-value cache is float32, attention is not fused and weights are used as they lie in the file, so that what is
left between it and another program is its 8-bit rounding of activations in products with quantized weights."""

import ctypes

import llama_cpp
import numpy as np
import rows

ERROR = 4  # ggml_log_level


@llama_cpp.llama_log_callback
def log(level, text, _):
    if level == ERROR:
        print(text.decode(errors="replace"), end="", flush=True)


def load(path):
    options = llama_cpp.llama_model_default_params()
    options.n_gpu_layers = 0
    options.check_tensors = True
    options.use_extra_bufts = False
    return llama_cpp.llama_model_load_from_file(str(path).encode(), options) or exit(f"llama.cpp does not load {path}")


def new_context(model, length):
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = options.n_batch = options.n_ubatch = length
    options.n_threads = options.n_threads_batch = 1
    options.type_k = options.type_v = llama_cpp.GGML_TYPE_F32
    options.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return llama_cpp.llama_init_from_model(model, options) or exit("llama.cpp makes no context")


def main():
    given, prompts = rows.arguments(__doc__)
    llama_cpp.llama_log_set(log, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    model = load(given.checkpoint)
    length = max(map(len, prompts)) + given.new_tokens
    context, batch = new_context(model, length), llama_cpp.llama_batch_init(length, 0, 1)
    vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))

    def forward(ids):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        batch.n_tokens = len(ids)
        for position, token in enumerate(ids):
            batch.token[position], batch.pos[position], batch.logits[position] = token, position, 1
            batch.n_seq_id[position], batch.seq_id[position][0] = 1, 0
        status = llama_cpp.llama_decode(context, batch)
        if status != 0:
            exit(f"llama_decode failed with {status}")
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(context), shape=(len(ids), vocab))

    rows.run(given, prompts, forward)


if __name__ == "__main__":
    main()
