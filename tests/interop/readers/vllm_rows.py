"""vLLM on the CPU; the rows are log-probabilities. Its CPU kernels take 4 bits alone; --reference adds a kernel for all of 2 to 8 bits, which
dequantizes when loading: vLLM's own code still reads the configuration, chooses each linear's scheme, loads and fuses the tensors, and runs the
model; only the product is ours."""

import os

os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_OMP_THREADS_BIND="nobind", VLLM_NO_USAGE_STATS="1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")

import numpy as np
import rows
import torch


def unpack(words, bits, count):
    """int32 [rows, words], each row a little-endian bitstream, to unsigned codes [rows, count]."""
    stream = ((words.unsqueeze(-1) >> torch.arange(32, dtype=torch.int32)) & 1).flatten(1)[:, : count * bits]
    return (stream.view(len(words), count, bits) << torch.arange(bits, dtype=torch.int32)).sum(-1)


def add_reference_kernel():
    from vllm.model_executor.kernels.linear import MPLinearKernel, register_linear_kernel
    from vllm.platforms import PlatformEnum

    class Reference(MPLinearKernel):
        @classmethod
        def get_min_capability(cls):
            return -1

        @classmethod
        def can_implement(cls, c):
            return True, None

        def process_weights_after_loading(self, layer):
            c, (codes, scale, zero) = self.config, self._get_weight_params(layer)
            inputs, outputs = c.partition_weight_shape
            codes = unpack(codes.data, c.weight_type.size_bits, inputs).view(outputs, -1, inputs if c.group_size == -1 else c.group_size)
            if c.zero_points:
                zero = unpack(zero.data.t().contiguous(), c.weight_type.size_bits, outputs).t().unsqueeze(-1)
            else:
                zero = c.weight_type.bias
            self.weight = ((codes - zero) * scale.data.float().unsqueeze(-1)).flatten(1).to(c.act_type)

        def apply_weights(self, layer, x, bias=None):
            return torch.nn.functional.linear(x, self.weight, bias)

    register_linear_kernel(Reference, PlatformEnum.CPU)
    os.environ["VLLM_DISABLED_KERNELS"] = "CPUWNA16LinearKernel"  # takes 16-bit activations alone


def dense(logprobs, vocab):
    row = np.full(vocab, -np.inf, np.float32)
    row[list(logprobs)] = [entry.logprob for entry in logprobs.values()]
    return row


def main():
    given, prompts = rows.arguments(__doc__, dtype={"default": "float32"}, reference={"action": "store_true"})
    from vllm import LLM, SamplingParams

    if given.reference:
        add_reference_kernel()
    llm = LLM(model=str(given.checkpoint), dtype=given.dtype, enforce_eager=True, distributed_executor_backend="uni", max_num_seqs=8,
              max_model_len=max(map(len, prompts)) + given.new_tokens, enable_prefix_caching=False, max_logprobs=-1)
    vocab = llm.model_config.get_vocab_size()
    sampling = SamplingParams(temperature=0, max_tokens=given.new_tokens, ignore_eos=True, prompt_logprobs=-1, logprobs=-1, detokenize=False)
    results = []
    for prompt, result in zip(prompts, llm.generate([{"prompt_token_ids": ids} for ids in prompts], sampling, use_tqdm=False)):
        new = [dense(entry, vocab) for entry in result.outputs[0].logprobs]
        kept = np.stack([dense(entry, vocab) for entry in result.prompt_logprobs[1:]] + new[:1])
        results.append((kept, [*prompt, *result.outputs[0].token_ids], [rows.lead(row) for row in new]))
    rows.write(given.out, results)


if __name__ == "__main__":
    main()
