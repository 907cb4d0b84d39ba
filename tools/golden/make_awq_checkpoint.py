"""Writes tests/golden/awq_checkpoint: a small Qwen2 quantized to AWQ as AutoRound publishes it, and what its weights are.

config.json, model.safetensors: by AutoRound 0.16.1, format "auto_awq" (AutoAWQ's "gemm"), rounding to nearest: 4 bits, groups of 32, zero points of
0 to 15; embeddings, head and layer 0's down_proj are not quantized; q, k and v have biases. One group has a subnormal float16 scale.
Per linear MODULE of [out, in] weights:
  MODULE.qweight int32 [in, out/8], MODULE.qzeros int32 [in/32, out/8]: eight neighbours along out share a word, whose nibbles from the lowest
  hold the outputs 8 i + 0, 2, 4, 6, 1, 3, 5, 7; MODULE.scales float16 [in/32, out]; MODULE.bias float16 [out]; weight = (q - zero) scale.
expected.safetensors: MODULE.weight float16 [ceil(out/5), in], the outputs 0, 5, 10, ... of every quantized linear (all would be 110 kB), as
AutoRound's dequantize_gemm gives them, each product rounded to float16. `--check` reads the checkpoint with vLLM's CPU kernel (0.32), which gives
the same bits.

  PYTHONHASHSEED=0 AUTOROUND_ENVIRONMENT/bin/python tools/golden/make_awq_checkpoint.py    (the seed orders modules_to_not_convert)
  VLLM_ENVIRONMENT/bin/python tools/golden/make_awq_checkpoint.py --check
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import load_file, save_file

FOLDER = Path(__file__).resolve().parents[2] / "tests/golden/awq_checkpoint"
GROUP = 32
STEP = 5  # expected.safetensors has every fifth row
EXCLUDED = "model.layers.0.mlp.down_proj"


def random_model():
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(7)
    model = Qwen2ForCausalLM(Qwen2Config(
        architectures=["Qwen2ForCausalLM"], vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=False))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.1 + ("norm" in name))
            if "proj.weight" in name:  # groups with means of their own, up to all of one sign
                parameter.view(-1, GROUP).add_(torch.rand(parameter.numel() // GROUP, 1) * 0.6 - 0.3)
        model.model.layers[1].self_attn.o_proj.weight[5, :GROUP] *= 1e-3
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    return model.eval()


def quantized_modules(tensors):
    return [name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight")]


def write():
    from auto_round import AutoRound
    from auto_round.export.export_to_awq.utils import dequantize_gemm

    with tempfile.TemporaryDirectory() as folder:
        # On a CPU AutoRound computes in bfloat16 unless amp is off, and low_cpu_mem_usage would write the rest of the model in that type. It wants a
        # tokenizer, though rounding to nearest needs none.
        AutoRound(random_model(), object(), bits=4, group_size=GROUP, sym=False, iters=0, disable_opt_rtn=True, layer_config={EXCLUDED: {"bits": 16}},
                  amp=False, low_cpu_mem_usage=False, device_map="cpu").quantize_and_save(folder, format="auto_awq")
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "model.safetensors"):
            shutil.copyfile(next(Path(folder).rglob(name)), FOLDER / name)
    tensors = load_file(FOLDER / "model.safetensors")
    expected = {}
    for module in quantized_modules(tensors):
        weight = dequantize_gemm(*(tensors[f"{module}.{suffix}"] for suffix in ("qweight", "qzeros", "scales")), 4, GROUP)
        expected[f"{module}.weight"] = weight.t()[::STEP].contiguous()
    save_file(expected, FOLDER / "expected.safetensors")
    (FOLDER / "expected.safetensors").chmod(0o644)
    sizes = {path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())}
    assert sum(sizes.values()) < 100_000, sizes
    print(sizes)


def check():
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.distributed import init_distributed_environment, initialize_model_parallel
    from vllm.model_executor.layers.quantization.auto_awq import AutoAWQConfig, AutoAWQMarlinLinearMethod

    with tempfile.TemporaryDirectory() as folder, set_current_vllm_config(VllmConfig()):  # parameters ask for their rank
        init_distributed_environment(1, 0, f"file://{folder}/store", 0, "gloo")
        initialize_model_parallel(1, 1)
    method = AutoAWQMarlinLinearMethod(AutoAWQConfig.from_config(json.loads((FOLDER / "config.json").read_text())["quantization_config"]))
    tensors, expected = load_file(FOLDER / "model.safetensors"), load_file(FOLDER / "expected.safetensors")
    modules = quantized_modules(tensors)
    assert {f"{module}.weight" for module in modules} == set(expected)
    for module in modules:
        columns, rows = tensors[f"{module}.qweight"].shape[0], tensors[f"{module}.scales"].shape[1]
        layer = torch.nn.Module()
        layer.bias = None
        method.create_weights(layer, columns, [rows], columns, rows, torch.float16, weight_loader=None)
        for suffix in ("qweight", "qzeros", "scales"):
            getattr(layer, suffix).data.copy_(tensors[f"{module}.{suffix}"])
        method.process_weights_after_loading(layer)
        weight = method.apply(layer, torch.eye(columns, dtype=torch.float16)).t()
        assert torch.equal(weight[::STEP], expected[f"{module}.weight"]), module
    print(f"vLLM reads the same {len(modules)} weights")


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare expected.safetensors with what vLLM reads, and write nothing")
    check() if parser.parse_args().check else write()


if __name__ == "__main__":
    main()
