"""Writes tests/golden/architectures: tiny random checkpoints and the logits that transformers computes for them.

Every folder holds config.json, model.safetensors and expected.safetensors (`ids` int64 [n, length], `logits` float32
[n, length, vocab], computed in float32 with eager attention). Weights are stored in the dtype that config.json names, which
is not always float32: readers widen. Configurations appear in the style of transformers 4 (`rope_theta`, `rope_scaling`,
`torch_dtype`) and of transformers 5 (`rope_parameters`, `dtype`). Sizes are odd on purpose (head_dim != hidden / heads,
grouped queries, tied and untied heads). For each feature the script switches it off and stops unless the logits move by more
than 1e-3 of their scale, so that a reader which ignores the feature cannot pass.

Two trained models come on top, with the logits of each prompt's last four tokens only: nano-llama (read from data/) and
stories260K (copied here from --stories when it is given).

    python tools/golden/make_architectures.py [--stories DIR] [--only NAME]
"""

import argparse
import copy
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/architectures"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PROMPTS_NANO = ["Question: What is the capital of Browextis?\nAnswer:", "Sort: 7 3 9 1\nSorted:", "The history of the river"]
PROMPTS_STORIES = ["Once upon a time, there was a little", "Tom and Sue went to the park", "One day"]


def base(model_type, name, **extra):
    """The part of a config that all cases share."""
    config = {"architectures": [name], "model_type": model_type, "vocab_size": 97, "hidden_size": 40, "intermediate_size": 56,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
              "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "bos_token_id": 1,
              "eos_token_id": 2, "pad_token_id": 0}
    config.update(extra)
    return config


def without(*keys):
    """A switch that removes keys of the config."""
    return lambda config, tensors: [config.pop(key) for key in keys]


def setting(**values):
    """A switch that overrides keys of the config; a dict value is merged into the old one."""
    def switch(config, tensors):
        for key, value in values.items():
            config[key] = {**config[key], **value} if isinstance(value, dict) else value
    return switch


def zeroed(part):
    """A switch that zeroes the tensors whose name contains `part`."""
    def switch(config, tensors):
        found = [name for name in tensors if part in name]
        assert found, part
        for name in found:
            tensors[name] = torch.zeros_like(tensors[name])
    return switch


def ones(part):
    """A switch that sets the tensors whose name contains `part` to one."""
    def switch(config, tensors):
        found = [name for name in tensors if part in name]
        assert found, part
        for name in found:
            tensors[name] = torch.ones_like(tensors[name])
    return switch


def shifted(part, by):
    """A switch that adds a constant to the tensors whose name contains `part`."""
    def switch(config, tensors):
        for name in tensors:
            if part in name:
                tensors[name] = tensors[name] + by
    return switch


def retied(config, tensors):
    """A switch for tied heads: an unrelated head instead."""
    config["tie_word_embeddings"] = False
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].flip(0).contiguous()


def cases():
    """name -> (config, input length, stored dtype, {feature: switch that turns it off})."""
    llama = lambda **extra: base("llama", "LlamaForCausalLM", **extra)
    qwen2 = lambda **extra: base("qwen2", "Qwen2ForCausalLM", **extra)
    qwen3 = lambda **extra: base("qwen3", "Qwen3ForCausalLM", **extra)
    phi3 = lambda **extra: base("phi3", "Phi3ForCausalLM", **extra)
    biases = {"q bias": zeroed("q_proj.bias"), "k bias": zeroed("k_proj.bias"), "v bias": zeroed("v_proj.bias")}
    longrope = {"short_factor": [1.0, 1.3, 1.7, 2.2, 2.9, 3.5], "long_factor": [1.2, 2.0, 3.1, 4.5, 6.0, 8.0]}
    return {
        "llama_default": (
            llama(head_dim=12, attention_bias=False, mlp_bias=False,
                  rope_parameters={"rope_type": "default", "rope_theta": 500.0}), 32, "float32",
            {"rope theta": setting(rope_parameters={"rope_theta": 10000.0}), "norms": ones("layernorm.weight"),
             "final norm": ones("model.norm.weight"), "norm epsilon": setting(rms_norm_eps=0.1)}),
        "llama_no_rope_keys": (
            llama(hidden_size=48, tie_word_embeddings=True), 24, "float16",
            {"default theta": setting(rope_theta=500.0), "tied head": retied}),
        "llama_biases": (
            llama(head_dim=8, attention_bias=True, mlp_bias=True, rope_theta=1000.0, rope_scaling=None), 24, "bfloat16",
            {**biases, "o bias": zeroed("o_proj.bias"), "gate bias": zeroed("gate_proj.bias"), "up bias": zeroed("up_proj.bias"),
             "down bias": zeroed("down_proj.bias")}),
        "llama_llama3": (
            llama(hidden_size=36, head_dim=16, num_key_value_heads=1, num_attention_heads=3, tie_word_embeddings=True,
                  rope_theta=1000.0, rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                                   "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
            40, "bfloat16",
            {"rope scaling": setting(rope_scaling=None), "high_freq_factor": setting(rope_scaling={"high_freq_factor": 1.5}),
             "low_freq_factor": setting(rope_scaling={"low_freq_factor": 0.4}), "tied head": retied}),
        "llama_linear": (
            llama(hidden_size=24, head_dim=16, rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.5}), 32, "bfloat16",
            {"rope scaling": setting(rope_scaling=None)}),
        "llama_yarn": (
            llama(head_dim=16, max_position_embeddings=128,
                  rope_parameters={"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0,
                                   "original_max_position_embeddings": 32}), 40, "bfloat16",
            {"rope scaling": lambda c, t: c.update(rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
             "attention factor": setting(rope_parameters={"attention_factor": 1.0}),
             "original length": setting(rope_parameters={"original_max_position_embeddings": 128}),
             "truncated ramp": setting(rope_parameters={"truncate": False})}),
        "llama_dynamic": (
            llama(hidden_size=32, head_dim=12, max_position_embeddings=16, rope_theta=10000.0,
                  rope_scaling={"type": "dynamic", "factor": 2.0}), 40, "bfloat16",
            {"rope scaling": setting(rope_scaling=None), "length": setting(max_position_embeddings=64)}),
        "mistral_window": (
            base("mistral", "MistralForCausalLM", head_dim=12, sliding_window=8, rope_theta=10000.0), 32, "bfloat16",
            {"sliding window": setting(sliding_window=None), "window is exact": setting(sliding_window=9)}),
        "qwen2_full": (
            qwen2(num_attention_heads=5, num_key_value_heads=1, use_sliding_window=False, sliding_window=8, max_window_layers=1,
                  rope_theta=1000.0), 32, "bfloat16",
            {**biases, "unused window": setting(use_sliding_window=True)}),
        "qwen2_window": (
            qwen2(hidden_size=32, num_hidden_layers=3, use_sliding_window=True, sliding_window=9, max_window_layers=1,
                  tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1000.0}), 32, "bfloat16",
            {**biases, "sliding window": setting(use_sliding_window=False), "window layers": setting(max_window_layers=0),
             "tied head": retied}),
        "qwen3_default": (
            qwen3(hidden_size=36, num_attention_heads=3, num_key_value_heads=1, head_dim=16, attention_bias=False,
                  rope_parameters={"rope_type": "default", "rope_theta": 1000.0}), 32, "bfloat16",
            {"q norm": ones("q_norm"), "k norm": ones("k_norm"), "norm epsilon": setting(rms_norm_eps=0.1)}),
        "qwen3_yarn": (
            qwen3(hidden_size=24, head_dim=16, tie_word_embeddings=True, rope_theta=1000.0, max_position_embeddings=512,
                  rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "beta_fast": 2.0,
                                "beta_slow": 0.5, "attention_factor": 0.8}), 40, "bfloat16",
            {"q norm": ones("q_norm"), "k norm": ones("k_norm"), "rope scaling": setting(rope_scaling=None),
             "beta_fast": setting(rope_scaling={"beta_fast": 32.0}), "beta_slow": setting(rope_scaling={"beta_slow": 1.0}),
             "attention factor": setting(rope_scaling={"attention_factor": 1.0}), "tied head": retied}),
        "phi3_window": (
            phi3(hidden_size=48, num_attention_heads=4, original_max_position_embeddings=128, sliding_window=10,
                 rope_theta=1000.0, rope_scaling=None), 32, "bfloat16",
            {"sliding window": setting(sliding_window=None)}),
        "phi3_longrope_short": (
            phi3(hidden_size=48, num_attention_heads=4, original_max_position_embeddings=48, sliding_window=None,
                 rope_theta=1000.0, rope_scaling={"type": "longrope", **longrope}), 32, "bfloat16",
            {"rope scaling": setting(rope_scaling=None),
             "short factors": setting(rope_scaling={"short_factor": longrope["long_factor"]}),
             "attention factor": setting(rope_scaling={"attention_factor": 1.0})}),
        "phi3_longrope_long": (
            phi3(hidden_size=48, num_attention_heads=3, num_key_value_heads=1, partial_rotary_factor=0.75,
                 original_max_position_embeddings=24, sliding_window=None, tie_word_embeddings=True,
                 rope_theta=1000.0, rope_scaling={"type": "longrope", **longrope}), 32, "bfloat16",
            {"rope scaling": setting(rope_scaling=None),
             "long factors": setting(rope_scaling={"long_factor": longrope["short_factor"]}),
             "attention factor": setting(rope_scaling={"attention_factor": 1.0}),
             "partial rotation": lambda c, t: (c.pop("partial_rotary_factor"), c["rope_scaling"].update(
                 short_factor=longrope["short_factor"] + [1.0, 1.0], long_factor=longrope["long_factor"] + [1.0, 1.0])),
             "tied head": retied}),
        "gemma2": (
            {**{k: v for k, v in base("gemma2", "Gemma2ForCausalLM").items() if k != "hidden_act"},
             "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 4, "head_dim": 10, "sliding_window": 8,
             "query_pre_attn_scalar": 20, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 2.5,
             "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True, "rope_theta": 1000.0}, 32, "bfloat16",
            {"sliding window": setting(sliding_window=128), "alternation": setting(layer_types=["sliding_attention"] * 4),
             "query scalar": setting(query_pre_attn_scalar=10), "attention cap": setting(attn_logit_softcapping=None),
             "final cap": setting(final_logit_softcapping=None), "norms are 1 + w": shifted("norm.weight", -1.0),
             "norm after attention": zeroed("post_attention_layernorm"), "norm before mlp": zeroed("pre_feedforward_layernorm"),
             "norm after mlp": zeroed("post_feedforward_layernorm"), "tanh gelu": setting(hidden_activation="silu"),
             "embedding scale": None, "tied head": retied}),
    }


def write_checkpoint(folder, config, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def load(folder):
    # Eager attention: the one implementation that knows soft caps.
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def compute_logits(config, tensors, ids, embedding_scale=True):
    with tempfile.TemporaryDirectory() as scratch:
        write_checkpoint(Path(scratch), config, tensors)
        model = load(scratch)
        if not embedding_scale:
            model.model.embed_tokens.embed_scale = None
            inputs = torch.nn.functional.embedding(ids, model.model.embed_tokens.weight)
            return model(inputs_embeds=inputs, use_cache=False).logits
        return model(ids, use_cache=False).logits


def random_tensors(config, dtype, generator):
    """Random weights of the model that `config` describes, in names and shapes that transformers saves."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(scratch))
    tensors = {}
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and config["tie_word_embeddings"]:
            continue
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name:
            value = noise * 0.2 + (0.0 if config["model_type"] == "gemma2" else 1.0)
        elif "embed_tokens" in name:
            value = noise * (0.3 if config["tie_word_embeddings"] else 1.0)
        else:
            value = noise * 0.3
        tensors[name] = value.to(DTYPES[dtype]).contiguous()
    return tensors


def make_case(name, config, length, dtype, features, seed):
    generator = torch.Generator().manual_seed(seed)
    config = dict(config)
    config["dtype" if "rope_parameters" in config else "torch_dtype"] = dtype
    tensors = random_tensors(config, dtype, generator)
    ids = torch.randint(0, config["vocab_size"], (2, length), generator=generator)
    logits = compute_logits(config, tensors, ids)
    scale = logits.abs().max().item()
    print(f"{name}: length {length}, logits std {logits.std():.2f}, max {scale:.2f}")
    assert 0.3 < logits.std() < 10, "logits are not O(1)"
    for feature, switch in features.items():
        other_config, other_tensors = copy.deepcopy(config), dict(tensors)
        if switch is not None:
            switch(other_config, other_tensors)
        other = compute_logits(other_config, other_tensors, ids, embedding_scale=switch is not None)
        change = (other - logits).abs().max().item() / scale
        print(f"    without {feature}: {change:.4f}")
        assert change > 1e-3, f"{name}: {feature} does not matter"
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    write_checkpoint(folder, config, tensors)
    save_file({"ids": ids, "logits": logits.contiguous()}, str(folder / "expected.safetensors"))
    size = sum(f.stat().st_size for f in folder.iterdir())
    assert size < 300_000, size
    return size


@torch.no_grad()
def make_trained(folder, model_folder, prompts):
    """expected.safetensors: per prompt N `prompt.N.ids` int64 [length] and `prompt.N.logits` float32 [min(4, length), vocab]."""
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    model, tensors = load(model_folder), {}
    for index, prompt in enumerate(prompts):
        ids = torch.tensor(tokenizer.encode(prompt).ids)
        tensors[f"prompt.{index}.ids"] = ids
        tensors[f"prompt.{index}.logits"] = model(ids[None], use_cache=False).logits[0, -4:].contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(folder / "expected.safetensors"))
    (folder / "prompts.json").write_text(json.dumps(prompts, indent=1) + "\n")
    print(f"{folder.name}: {[tensors[f'prompt.{i}.ids'].numel() for i in range(len(prompts))]} tokens")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stories", type=Path, help="folder of stories260K to copy")
    parser.add_argument("--only", help="make one case")
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    total = 0
    for index, (name, (config, length, dtype, features)) in enumerate(cases().items()):
        if args.only in (None, name):
            total += make_case(name, config, length, dtype, features, seed=100 + index)
    if args.only is None:
        if args.stories:
            (OUT / "stories260K").mkdir(parents=True, exist_ok=True)
            for file in args.stories.iterdir():
                shutil.copyfile(file, OUT / "stories260K" / file.name)
        make_trained(OUT / "stories260K", OUT / "stories260K", PROMPTS_STORIES)
        for name in ("nano-llama", "nano-moe"):
            make_trained(OUT / name, ROOT / "data" / name, PROMPTS_NANO)
        listing = {"tiny": list(cases()), "trained": {"stories260K": "tests/golden/architectures/stories260K",
                                                      "nano-llama": "data/nano-llama", "nano-moe": "data/nano-moe"}}
        (OUT / "cases.json").write_text(json.dumps(listing, indent=1) + "\n")
    print(f"{total} bytes of tiny checkpoints")


if __name__ == "__main__":
    main()
