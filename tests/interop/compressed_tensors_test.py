"""What transformers reads from mpq's compressed-tensors checkpoint equals what mpq reads: logits and greedy text.

nano-llama is quantized by plans that mix widths 2, 3, 4 and 8 and several group sizes: once symmetric only, loaded by the plain
`from_pretrained`, once with asymmetric ones too, loaded with a known defect of the reader mended (`packed_zero_points`).
transformers (with compressed-tensors, float32) loads the folder; its logits on 8 prompts must be those of `mpq logits` within
1e-3 of their scale, and every token that it generates greedily must be the most likely one in mpq's logits too.

    python tests/interop/compressed_tensors_test.py --mpq BINARY --source DIR [--work DIR]
"""

import contextlib
import json
import math
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from common import (Mpq, TOLERANCE, arguments, check, compare_greedy, encode, logits_of, make_plan, quantize, read_prompts,
                    relative_difference)

# One after the other for the plan's units. Groups divide nano-llama's 256 and 768 inputs.
SYMMETRIC = ["gptq:bits=3,group=128,sym", "rtn:bits=4,group=64,sym", "gptq:bits=8,group=128,sym", "gptq:bits=3,group=64,sym",
             "rtn:bits=2,group=32,sym"]
MIXED = ["rtn:bits=2,group=32", "gptq:bits=3,group=128", "rtn:bits=4,group=64,sym", "gptq:bits=8,group=128,sym",
         "gptq:bits=3,group=64,sym", "rtn:bits=8,group=128", "gptq:bits=4,group=128", "rtn:bits=2,group=64,sym"]
NEW_TOKENS = 12


def quantize_by(mpq, plan, specs):
    out = quantize(mpq, plan, specs)
    config = json.loads((out / "config.json").read_text())["quantization_config"]
    check(config["quant_method"] == "compressed-tensors", f"quant_method is {config['quant_method']}")
    found = {(group["weights"]["num_bits"], group["weights"]["symmetric"]) for group in config["config_groups"].values()}
    wanted = {(int(spec.split("bits=")[1][0]), spec.endswith(",sym")) for spec in specs}
    check(found == wanted, f"schemes (bits, symmetric) in config.json: {found}, expected {wanted}")
    return out


@contextlib.contextmanager
def packed_zero_points():
    """Mends compressed-tensors 0.20: on the meta device, where transformers makes the parameters to load into, it packs the shape
    of weights but not of zero points, so that no asymmetric packed checkpoint loads ("size mismatch ... weight_zero_point")."""
    original = PackedQuantizationCompressor.compress.__func__

    def compress(cls, state_dict, scheme):
        result, zero = original(cls, state_dict, scheme), state_dict.get("weight_zero_point")
        if state_dict["weight"].device.type == "meta" and "weight_zero_point" in result and len(zero) == len(state_dict["weight"]):
            rows = math.ceil(zero.shape[0] * scheme.weights.num_bits / 32)
            result["weight_zero_point"] = torch.empty((rows, *zero.shape[1:]), dtype=torch.int32, device="meta")
        return result

    PackedQuantizationCompressor.compress = classmethod(compress)
    try:
        yield
    finally:
        PackedQuantizationCompressor.compress = classmethod(original)


def load(out):
    model, info = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, output_loading_info=True)
    check(not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), f"transformers' loading: {info}")
    return model.eval()


@torch.no_grad()
def greedy(model, ids):
    """`ids` and NEW_TOKENS more, each the most likely, and how far each leads."""
    leads = []
    for _ in range(NEW_TOKENS):
        best = model(torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        leads.append((best.values[0] - best.values[1]).item())
        ids = ids + [int(best.indices[0])]
    return ids, leads


def compare(mpq, out, model, prompts):
    tokenizer, worst, scale = mpq.tokenizer(out), 0.0, 0.0
    for prompt, found in zip(prompts, logits_of(mpq, out, prompts, "prompts")):
        with torch.no_grad():
            expected = model(torch.tensor([encode(tokenizer, prompt)]), use_cache=False).logits[0].float()
        worst, scale = max(worst, relative_difference(found, expected)), max(scale, expected.abs().max().item())
    print(f"logits: largest difference {worst:.2e} of the scale")
    check(worst < TOLERANCE, f"mpq's and transformers' logits differ by {worst:.2e} of their scale; at most {TOLERANCE} is allowed")
    chains = [greedy(model, encode(tokenizer, prompt)) for prompt in prompts]
    compare_greedy(mpq, out, tokenizer, prompts, chains, 2 * TOLERANCE * scale)  # nearer is a tie between the two programs


def main():
    args = arguments(__doc__)
    logging.set_verbosity_warning()
    logging.disable_progress_bar()
    data = args.source / "data/nano-llama"
    prompts = read_prompts(data / "tasks/facts.eval.jsonl", 8)
    with Mpq(args.mpq, args.work) as mpq:
        plan = make_plan(mpq, data.resolve(), (data / "tasks/facts.calib.jsonl").resolve(), "--target", "transformers")
        print("symmetric, plain from_pretrained")
        out = quantize_by(mpq, plan, SYMMETRIC)
        compare(mpq, out, load(out), prompts)
        print("symmetric and asymmetric, zero points mended")
        out = quantize_by(mpq, plan, MIXED)
        with packed_zero_points():
            compare(mpq, out, load(out), prompts)


if __name__ == "__main__":
    main()
