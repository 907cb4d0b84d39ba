"""Writes tests/golden/fisher: Fisher channel scores and first-order sensitivities of nano-llama, by torch's autograd.

Independent of mpq: transformers' model (eager attention), weights read as stored (bfloat16) and computed in float64. Prompts: the first 4
lines of data/nano-llama/tasks/facts.calib.jsonl. As mpq's tokenize_prompts(), a calibration sequence is encode(prompt) with the special tokens
that the tokenizer's post-processor adds; nano-llama's adds none (add_bos_token false), so there is no BOS. The answer is not part of it;
prompts are shorter than max_tokens, so nothing is cut. Token ids are stored. (mpq's held-out split and evenly spread choice of
prompts are not applied: the test builds its sequences from the ids.) Each prompt is run alone.

 loss of a prompt = *sum* over its tokens but the first of -log p(token | those before), in nats.  (loss_sums; the mean next-token cross
 entropy of methods.md, times the number of predicted tokens. `mean_scored_fisher` says what dividing each prompt's loss by that number gives.)
 Fisher: g = gradient of a prompt's loss by W [out, in]; F = mean over prompts of g^2; score of an input channel = sum of its column of F.
 grad: W_q = RTN of W, 3 bits, asymmetric, group 128; y = the linear's output for the full-precision model's inputs x,
 y_q - y = x (W_q - W)^T, g_y = gradient of the prompt's loss by y. The RTN is done in float32 (numpy): bfloat16 weights have many exact ties, also of
 zero points (low = -high), and golden_common.py's float64 divisions would decide them otherwise. `dot_float64` is the score with
 those: up to 24 % away for a single linear, so the test needs the float32 grid exactly (torch's operations give the same codes, all of them).
 grad score of a linear = sum over the tokens of all prompts (last tokens too) of (g_y . (y_q - y))^2, a dot product over channels per token;
 of a unit (qkv; o; gate_up; down): the dot product runs over its linears' stacked channels. `elementwise` sums (g (y_q - y))^2 per element
 instead, another reading of methods.md 1.5. mpq's scorer `grad` divides by the number of tokens (`tokens`).

What the C++ test compares, in float32: channel_fisher() over the 4 sequences: per linear first 8 scores 2e-4 relative, the
sum 1e-4 (torch in float32 is within 2e-5 of these). Scorer grad on the same sequences, candidate rtn:bits=3,group=128,
scale_dtype float32: score * tokens against dot, 1e-3 relative (torch in float32: 1e-5). loss_sums 1e-5.

nano.json: ids [4][T], loss_sums [4], predicted [4] (tokens), tokens (all positions), fisher {block: {role: {first [8], sum, max, argmax}}},
mean_scored_fisher {block: {role: sum}}, grad {linears {block: {role: {dot, elementwise, dot_float64}}},
units {block: {unit: {dot, elementwise}}}}.
Roles: q k v o gate up down; units: qkv o gate_up down.
"""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from golden_common import ROOT, out_folder, rtn, write_json
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

ROLES = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj", "gate": "mlp.gate_proj",
         "up": "mlp.up_proj", "down": "mlp.down_proj"}
UNITS = {"qkv": ("q", "k", "v"), "o": ("o",), "gate_up": ("gate", "up"), "down": ("down",)}
PROMPTS = 4
NANO = ROOT / "data/nano-llama"


def rtn_float32(w, bits, group):
    """golden_common's asymmetric RTN with every operation in float32; value in float64."""
    f = np.float32
    blocks = w.astype(f).reshape(w.shape[0], -1, group)
    assert (blocks == w.reshape(blocks.shape)).all()
    low, high = np.minimum(blocks.min(axis=2), f(0)), np.maximum(blocks.max(axis=2), f(0))
    scale = (high - low) / f(2**bits - 1)
    scale[scale == 0] = 1
    zero = np.clip(np.rint(-low / scale), f(0), f(2**bits - 1))[:, :, None]
    scale = scale[:, :, None]
    assert scale.dtype == zero.dtype == f
    codes = np.clip(np.rint(blocks / scale) + zero, f(0), f(2**bits - 1))
    return ((codes - zero).astype(np.float64) * scale).reshape(w.shape)


class Recorder:
    """Inputs, outputs and output gradients of every linear of the latest run."""

    def __init__(self, model):
        self.inputs, self.outputs = {}, {}
        self.linears = {(block, role): layer.get_submodule(path) for block, layer in enumerate(model.model.layers) for role, path in ROLES.items()}
        for key, linear in self.linears.items():
            linear.register_forward_hook(self.hook(key))

    def hook(self, key):
        def keep(module, args, output):
            output.retain_grad()
            self.inputs[key], self.outputs[key] = args[0].detach()[0], output
        return keep


def main():
    folder = out_folder("fisher", __doc__)
    torch.set_num_threads(1)
    lines = (NANO / "tasks/facts.calib.jsonl").read_text(encoding="utf-8").splitlines()[:PROMPTS]
    tokenizer = Tokenizer.from_file(str(NANO / "tokenizer.json"))
    ids = [tokenizer.encode(json.loads(line)["prompt"]).ids for line in lines]
    model = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float64, attn_implementation="eager").eval()
    recorder = Recorder(model)
    errors, errors_float64 = {}, {}
    for key, linear in recorder.linears.items():
        w = linear.weight.detach().numpy()
        errors[key] = torch.from_numpy(rtn_float32(w, 3, 128) - w)
        errors_float64[key] = torch.from_numpy(rtn(w, 3, 128, False)[0] - w)
    fisher = {key: torch.zeros_like(linear.weight) for key, linear in recorder.linears.items()}
    mean_scored = {key: 0.0 for key in fisher}
    dots = {key: 0.0 for key in fisher}
    dots_float64 = {key: 0.0 for key in fisher}
    elements = {key: 0.0 for key in fisher}
    unit_dots = {(block, unit): 0.0 for block in range(len(model.model.layers)) for unit in UNITS}
    loss_sums = []
    for sequence in ids:
        model.zero_grad()
        tokens = torch.tensor([sequence])
        log_p = torch.log_softmax(model(tokens, use_cache=False).logits[0, :-1], dim=-1)
        loss = -log_p.gather(1, tokens[0, 1:, None]).sum()
        loss.backward()
        loss_sums.append(loss.item())
        moved = {}
        for key, linear in recorder.linears.items():
            gradient, x = recorder.outputs[key].grad[0], recorder.inputs[key]
            # The weight's gradient is the product of the two: the hooks see what autograd used.
            assert torch.allclose(gradient.T @ x, linear.weight.grad, rtol=1e-9, atol=1e-12)
            fisher[key] += linear.weight.grad**2 / len(ids)
            mean_scored[key] += float((linear.weight.grad**2).sum()) / len(ids) / (len(sequence) - 1) ** 2
            product = gradient * (x @ errors[key].T)
            moved[key] = product.sum(dim=1)
            dots[key] += float((moved[key] ** 2).sum())
            dots_float64[key] += float(((gradient * (x @ errors_float64[key].T)).sum(dim=1) ** 2).sum())
            elements[key] += float((product**2).sum())
        for block, unit in unit_dots:
            unit_dots[block, unit] += float((sum(moved[block, role] for role in UNITS[unit]) ** 2).sum())
    blocks = range(len(model.model.layers))
    scores = {key: f.sum(dim=0).numpy() for key, f in fisher.items()}
    document = {
        "about": "Fisher channel scores (sum over rows of the mean over prompts of squared gradients of the summed loss) and first-order "
                 "sensitivities to 3-bit RTN; see tools/golden/make_fisher.py",
        "model": "data/nano-llama", "ids": ids, "loss_sums": loss_sums, "predicted": [len(s) - 1 for s in ids], "tokens": sum(map(len, ids)),
        "fisher": {str(b): {role: {"first": scores[b, role][:8], "sum": scores[b, role].sum(), "max": scores[b, role].max(),
                                   "argmax": int(scores[b, role].argmax())} for role in ROLES} for b in blocks},
        "mean_scored_fisher": {str(b): {role: mean_scored[b, role] for role in ROLES} for b in blocks},
        "grad": {"linears": {str(b): {role: {"dot": dots[b, role], "elementwise": elements[b, role], "dot_float64": dots_float64[b, role]}
                                      for role in ROLES} for b in blocks},
                 "units": {str(b): {unit: {"dot": unit_dots[b, unit], "elementwise": sum(elements[b, role] for role in UNITS[unit])}
                                    for unit in UNITS} for b in blocks}}}
    write_json(folder / "nano.json", document, digits=9)
    print("losses", loss_sums, "tokens", document["tokens"], "most that ties change", max(abs(dots_float64[k] / dots[k] - 1) for k in dots))
    print("sums", {b: {r: float(f"{v['sum']:.3g}") for r, v in d.items()} for b, d in document["fisher"].items()})
    print("units", {b: {u: float(f"{v['dot']:.3g}") for u, v in d.items()} for b, d in document["grad"]["units"].items()})


if __name__ == "__main__":
    main()
