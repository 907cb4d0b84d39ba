"""Writes tests/golden/architectures/<case> for the model families beyond those of make_architectures.py.

Every folder holds config.json, model.safetensors (tensor names and expert layout as the families' published repositories
have them) and expected.safetensors, all computed by transformers in float32 with eager attention:
    ids       int64 [2, length]
    logits    float32 [2, length, vocab]
    gradient  float32, of the mean next-token cross-entropy over all predicted positions of both sequences, with respect to
              the tensor of model.safetensors that the metadata key "gradient_of" names (a linear of block 0)
    greedy    int64 [1, 12], the greedy continuation (with a cache) of the first 8 ids of sequence 0
For each feature of a family the script switches it off and stops unless the logits move by more than 1e-3 of their scale.
Where tokens are routed to experts, ids are chosen so that no decision between experts or groups of experts is nearer than
1e-3 (2e-4 for the tokens of the greedy continuation, which cannot be chosen). The continuation holds no end token. Of a
nested config the language model alone is run; its checkpoint holds other tensors (vision, prediction layers) too.
families.json lists the cases. transformers' default for experts (grouped_mm) refuses their odd sizes: load them with
experts_implementation="eager".

    python tools/golden/make_families.py [--only NAME]...
"""

import argparse
import contextlib
import copy
import json
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from make_architectures import DTYPES, OUT, write_checkpoint
from family_cases import cases
from family_switches import EOS, Model, NEW, ONE_PLUS, PROMPT

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.utils import logging

INSERTED = ("ernie4_5", "qwen3_5_moe_text")  # made after the cases that follow them, whose seeds do not count them

# Making a case.


def load(folder):
    config = AutoConfig.from_pretrained(folder)
    kind = AutoModelForImageTextToText if config.model_type == "mistral3" else AutoModelForCausalLM
    model, info = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                       experts_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    return model.eval()


def loaded(config, tensors):
    with tempfile.TemporaryDirectory() as scratch:
        write_checkpoint(Path(scratch), config, tensors)
        return load(scratch)


class Gaps:
    """The least gap between a chosen and a dropped score of all torch.topk calls while it is entered."""

    def __enter__(self):
        self.least, original = float("inf"), torch.topk

        def topk(scores, k, *args, **kwargs):
            if k < scores.shape[-1]:
                ordered = scores.detach().sort(dim=-1, descending=True)[0]
                gaps = ordered[..., k - 1] - ordered[..., k]
                self.least = min(self.least, gaps.min().item())
            return original(scores, k, *args, **kwargs)
        self.patch = mock.patch("torch.topk", topk)
        self.patch.__enter__()
        return self

    def __exit__(self, *error):
        self.patch.__exit__(*error)


def random_checkpoint(config, dtype, generator):
    """Random weights of the model of `config`, in the names that save_pretrained writes, which are the published ones."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        full = AutoConfig.from_pretrained(scratch)
        kind = AutoModelForImageTextToText if full.model_type == "mistral3" else AutoModelForCausalLM
        model = kind.from_config(full)
        tied = model.config.get_text_config().tie_word_embeddings if full.model_type != "mistral3" else False
        if full.model_type in ("gemma3", "gemma4"):
            tied = True
        if full.model_type == "mistral3":
            model.config.tie_word_embeddings = False
            model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        state = model.state_dict()
        for name, value in state.items():
            noise = torch.randn(value.shape, generator=generator)
            if "norm" in name:
                one_plus = full.model_type in ONE_PLUS and "linear_attn.norm" not in name
                value.copy_(noise * (0.4 if full.model_type == "lfm2" else 0.2) + (0.0 if one_plus else 1.0))
            elif "A_log" in name:
                value.copy_(torch.log(0.1 + torch.rand(value.shape, generator=generator)))
            elif "lm_head" in name and tied:
                continue
            elif "embed_tokens" in name or ".embeddings.weight" in name or "lm_head" in name:
                scaled = full.model_type.startswith(("gemma", "granite"))  # these multiply it
                small = "lm_head" in name or tied and full.model_type != "cohere"
                value.copy_(noise * (0.1 if scaled else 0.3 if small else 1.0))
            elif "conv.in_proj" in name or "conv.out_proj" in name:
                value.copy_(noise * 0.15)  # their product is cubic
            elif "dt_bias" in name or "sinks" in name or "conv" in name:
                value.copy_(noise * 0.7)
            elif "layer_scalar" in name or "per_expert_scale" in name or "router.scale" in name:
                value.copy_(0.6 + 0.6 * torch.rand(value.shape, generator=generator) + (3.0 if "router.scale" in name else 0.0))
            else:
                value.copy_(noise * 0.3)
        model.save_pretrained(f"{scratch}/out", max_shard_size="1GB")
        tensors = load_file(f"{scratch}/out/model.safetensors")
    def stored(name, value):
        # The correction bias is float32 in every published file, A_log in those of some families.
        if "e_score_correction_bias" in name:
            return value.float()
        return value if "A_log" in name else value.to(DTYPES[dtype]).contiguous()
    return {name: stored(name, value) for name, value in tensors.items()}


@torch.no_grad()
def choose_ids(model, length, vocab, generator):
    """Random ids, token after token so that no router comes near a tie; the same for both sequences where there is no router."""
    sequences = []
    for _ in range(2):
        ids = torch.randint(0, vocab, (1, length), generator=generator)
        with Gaps() as gaps:
            model(ids, use_cache=False)
        if gaps.least < 1e-3:
            for position in range(length):
                for attempt in range(60):
                    with Gaps() as gaps:
                        model(ids[:, :position + 1], use_cache=False)
                    if gaps.least > 1e-3:
                        break
                    ids[0, position] = torch.randint(0, vocab, (1,), generator=generator)
                else:
                    return None
        sequences.append(ids)
    return torch.cat(sequences)


@torch.no_grad()
def greedy(model, prompt):
    """The continuation, and the least of (gap of the two best logits) and (gap of a router) on the way."""
    cache, ids, out, margin = None, prompt, [], float("inf")
    with Gaps() as gaps:
        for _ in range(NEW):
            result = model(ids, past_key_values=cache, use_cache=True)
            cache, last = result.past_key_values, result.logits[:, -1]
            best = last.sort(dim=-1, descending=True)[0]
            margin = min(margin, (best[0, 0] - best[0, 1]).item())
            ids = last.argmax(-1, keepdim=True)
            out.append(ids)
    return torch.cat(out, 1), margin, gaps.least


def gradient(model, ids, shape):
    names = dict(model.named_parameters())
    # The tensor's name in the model may have another prefix than in the checkpoint.
    name, = (name for name in names if name.endswith(shape[0]) and ".visual." not in name and "vision" not in name)
    assert names[name].shape == shape[1], name
    logits = model(ids, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    return torch.autograd.grad(loss, names[name])[0], loss.item()


def make_case(name, config, length, dtype, first, features, seed, change=None):
    config = copy.deepcopy(config)
    config["dtype" if "rope_parameters" in config else "torch_dtype"] = dtype
    vocab = config.get("text_config", config)["vocab_size"]
    for attempt in range(8):
        generator = torch.Generator().manual_seed(seed + 1000 * attempt)
        tensors = random_checkpoint(config, dtype, generator)
        if change:
            tensors = change(tensors, generator)
        model = loaded(config, tensors)
        ids = choose_ids(model, length, vocab, generator)
        if ids is None:
            continue
        continuation, margin, gap = greedy(model, ids[:1, :PROMPT])
        tokens = set(continuation[0].tolist())
        if margin > 5e-3 and gap > 2e-4 and len(tokens) > 2 and EOS not in tokens:
            break
    else:
        raise AssertionError(f"{name}: no seed without near ties (margin {margin}, gap {gap})")
    with torch.no_grad():
        with Gaps() as gaps:
            logits = model(ids, use_cache=False).logits
        assert gaps.least > 1e-3
        whole = torch.cat([ids[:1, :PROMPT], continuation], 1)
        again = model(whole, use_cache=False).logits[:, PROMPT - 1:-1].argmax(-1)
    assert torch.equal(again, continuation), f"{name}: the cache changes the continuation"
    slope, loss = gradient(model, ids, (first.split("layers.")[1], tensors[first].shape))
    scale = logits.abs().max().item()
    print(f"{name}: length {length}, attempt {attempt}, logits std {logits.std():.2f}, max {scale:.2f}, loss {loss:.2f}, "
          f"gradient {slope.abs().max():.4f}, router gap {gaps.least:.4f}, greedy margin {margin:.4f} {continuation[0].tolist()}")
    assert 0.3 < logits.std() < 10 and slope.abs().max() > 1e-4, "not O(1)"
    for feature, switch in features.items():
        other_config, other_tensors = copy.deepcopy(config), dict(tensors)
        with contextlib.ExitStack() as stack, torch.no_grad():
            if not isinstance(switch, Model):
                switch(other_config, other_tensors)
            other_model = loaded(other_config, other_tensors)
            if isinstance(switch, Model):
                switch.change(other_model, stack)
            other = other_model(ids, use_cache=False).logits
        difference = (other - logits).abs().max().item() / scale
        change_seen = difference if difference == difference else float("inf")
        print(f"    without {feature}: {change_seen:.4f}")
        assert change_seen > 1e-3, f"{name}: {feature} does not matter"
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    write_checkpoint(folder, config, tensors)
    save_file({"ids": ids, "logits": logits.contiguous(), "gradient": slope.contiguous(), "greedy": continuation},
              str(folder / "expected.safetensors"), metadata={"gradient_of": first})
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert size < 300_000, size
    print(f"    {size} bytes")
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", help="make one case")
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    total, everything, before = 0, cases(), 0
    for index, (name, case) in enumerate(everything.items()):
        seed = 500 + index - before
        before += name in INSERTED
        if args.only and name not in args.only:
            continue
        config, length, dtype, first, features, *change = case
        total += make_case(name, config, length, dtype, first, features, seed, *change)
        made = [name for name in everything if (OUT / name / "expected.safetensors").exists()]
        (OUT / "families.json").write_text(json.dumps({"families": made}, indent=1) + "\n")
    print(f"{total} bytes")


if __name__ == "__main__":
    main()
