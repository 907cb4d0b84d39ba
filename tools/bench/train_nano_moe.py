"""Trains data/nano-moe: a Qwen3-MoE of 6.8 million parameters that answers questions, the sibling of data/nano-llama.

A mixture-of-experts layer holds many small MLPs. For every token a router (one linear to as many logits as experts) picks the top 2 by
softmax, and the layer returns their outputs weighted by the two probabilities, rescaled to sum to 1 (norm_topk_prob). Left alone, a router
soon sends everything to the few experts that learned first. The auxiliary loss of Switch Transformers holds it back: experts times the sum
over experts of (share of tokens sent there) (mean probability), least when both are even. It enters with the weight router_aux_loss_coef.

The tokenizer is nano-llama's, and so are the tasks:
  facts  900 questions about invented countries, those of facts.calib.jsonl and facts.eval.jsonl. All are trained on: no rule leads to an
         answer that was not seen. The eval questions measure what was memorised, and what quantization keeps of it.
  sort, arith  made afresh at random, without the questions of either file: the eval questions are new to the model.
  text   nano-llama's text/*.txt except wiki.txt, and the files of --extra-text. Lines that share 8 successive words with wiki.txt are dropped.
Half of the rows of a batch are pieces of text, half are packed with whole questions. A token attends within its own document only,
so a question in the middle of a row sees what it will see when asked alone. Answers weigh more than other tokens.

    echo 15 > /proc/self/autogroup
    OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2 python tools/bench/train_nano_moe.py [--minutes 38] [--extra-text FILE...]

The learning rate rises for a twentieth of the time, then falls linearly to 0 at its end, whatever the speed. A checkpoint is kept in
--scratch every three minutes, and a run that finds one goes on from it. --evaluate only measures the model in --out.
"""

import argparse
import json
import random
import re
import shutil
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
NANO = ROOT / "data/nano-llama"
ROW, ROWS, END = 512, 8, 0
ANSWER_WEIGHT, PEAK_RATE, WARMUP = 4.0, 3e-3, 0.05
TASKS = {"facts": 0.45, "sort": 0.2, "arith": 0.35}
CONFIG = Qwen3MoeConfig(
    vocab_size=2048, hidden_size=192, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=2, head_dim=48, intermediate_size=384,
    moe_intermediate_size=192, num_experts=8, num_experts_per_tok=2, norm_topk_prob=True, router_aux_loss_coef=0.01, max_position_embeddings=ROW,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, tie_word_embeddings=False, bos_token_id=END, eos_token_id=END, pad_token_id=END)


def sorted_experts(self, hidden, chosen, weights):
    """The experts of a layer, each as plain products over the tokens that chose it, which sorting has made neighbours.

    Each list is filled up to a multiple of 256 with a slot of weight 0: oneDNN compiles a bfloat16 product anew for every shape it meets.
    """
    slots = chosen.flatten().sort(stable=True).indices.split(chosen.flatten().bincount(minlength=self.num_experts).tolist())
    slots = [F.pad(mine, (0, -len(mine) % 256), value=chosen.numel()) for mine in slots]
    every = torch.cat(slots)
    token = (every // chosen.shape[1]).clamp(max=len(hidden) - 1)
    outputs = []
    for rows, gate_up, down in zip(hidden.index_select(0, token).split([len(mine) for mine in slots]), self.gate_up_proj, self.down_proj):
        gate, up = F.linear(rows, gate_up).chunk(2, dim=-1)
        outputs.append(F.linear(F.silu(gate) * up, down))
    weighted = torch.cat(outputs) * F.pad(weights.flatten(), (0, 1)).index_select(0, every)[:, None]
    return torch.zeros_like(hidden).index_add(0, token, weighted.to(hidden.dtype))


ALL_EXPERTS_FUNCTIONS.register("sorted", sorted_experts)


def questions(task, *parts):
    """(prompt, answer) of each question in files of nano-llama."""
    files = [(NANO / f"tasks/{task}.{part}.jsonl").read_text(encoding="utf-8") for part in parts]
    return [(row["prompt"], row["answers"][0]) for row in map(json.loads, "".join(files).splitlines())]


def shingles(text, size=8):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i:i + size]) for i in range(len(words) - size + 1)}


def training_text(tokenizer, extra):
    """All text as one row of tokens, without what comes from wiki.txt."""
    held_out = shingles((NANO / "text/wiki.txt").read_text(encoding="utf-8"))
    ids, dropped, total = [], 0, 0
    for file in [file for file in sorted(NANO.glob("text/*.txt")) if file.name != "wiki.txt"] + extra:
        text = file.read_text(encoding="utf-8", errors="ignore")
        kept = "".join(line for line in text.splitlines(keepends=True) if held_out.isdisjoint(shingles(line)))
        dropped, total = dropped + len(text) - len(kept), total + len(text)
        ids += tokenizer.encode(kept).ids + [END]
    print(f"text: {len(ids)} tokens; {dropped} of {total} characters dropped for their likeness to wiki.txt", flush=True)
    return torch.tensor(ids)


def training_questions(chance):
    """An endless mixture of (prompt, answer)."""
    known = {prompt for task in ("sort", "arith") for prompt, _ in questions(task, "calib", "eval")}
    facts, turn = questions("facts", "calib", "eval"), []
    while True:
        task = chance.choices(list(TASKS), TASKS.values())[0]
        if task == "facts":
            turn = turn or chance.sample(facts, len(facts))
            prompt, answer = turn.pop()
        elif task == "sort":
            letters = chance.sample("abcdefghijklmnopqrstuvwxyz", chance.randint(3, 6))
            prompt, answer = f"Question: Sort the letters {' '.join(letters)}.\nAnswer:", " ".join(sorted(letters))
        else:
            a, b, sign = chance.randrange(100), chance.randrange(100), chance.choice("+-")
            a, b = (a, b) if sign == "+" else (max(a, b), min(a, b))
            prompt, answer = f"Question: What is {a} {sign} {b}?\nAnswer:", str(a + b if sign == "+" else a - b)
        if prompt not in known:
            yield prompt, answer


def batches(text, tokenizer, chance):
    """Endless (ids, weight of each token in the loss), [ROWS, ROW]: pieces of text, then rows of whole questions filled up with END."""
    asked, pending = training_questions(chance), []
    while True:
        ids, weights = torch.full((ROWS, ROW), END), torch.zeros(ROWS, ROW)
        for row in range(ROWS // 2):
            begin = chance.randrange(len(text) - ROW)
            ids[row], weights[row] = text[begin:begin + ROW], 1
        for row in range(ROWS // 2, ROWS):
            at = 0
            while at + len(pending) <= ROW:
                if pending:
                    ids[row, at:at + len(pending)], weights[row, at:at + len(pending)], at = torch.tensor(pending), weight, at + len(pending)
                prompt, answer = next(asked)
                pending = tokenizer.encode(f"{prompt} {answer}").ids + [END]
                weight = torch.full((len(pending),), ANSWER_WEIGHT)
                weight[:len(tokenizer.encode(prompt).ids)] = 1
        yield ids, weights


def balance(router_logits, top_k):
    """The auxiliary loss, averaged over the layers: 1 where every expert has its even share."""
    losses = []
    for probabilities in (logits.float().softmax(dim=-1) for logits in router_logits):
        chosen = probabilities.topk(top_k, dim=-1).indices.flatten().bincount(minlength=probabilities.shape[1])
        losses.append(probabilities.shape[1] * (chosen / chosen.sum() * probabilities.mean(dim=0)).sum())
    return torch.stack(losses).mean()


def loss_of(model, ids, weights):
    """The loss of a batch, and what is worth printing of it: the means over text and over answers, and the auxiliary loss."""
    document = (ids == END).cumsum(1) - (ids == END).long()
    mask = (document[:, :, None] == document[:, None, :]).tril()
    out = model.model(ids, attention_mask=mask[:, None], output_router_logits=True, use_cache=False)
    weights = weights[:, 1:] * (ids[:, :-1] != END)  # the first token of a document has nothing to be told from
    logits = model.lm_head(out.last_hidden_state[:, :-1]).float()
    losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view_as(weights)
    even = balance(out.router_logits, model.config.num_experts_per_tok)
    loss = (losses * weights).sum() / weights.sum() + model.config.router_aux_loss_coef * even
    return loss, losses[:ROWS // 2].mean(), losses[weights > 1].mean(), even


def train(options, tokenizer):
    torch.manual_seed(options.seed)
    model = Qwen3MoeForCausalLM(CONFIG)
    model.set_experts_implementation("sorted")
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    saved, elapsed, step = options.scratch / "checkpoint.pt", 0.0, 0
    if saved.exists():
        weights, moments, elapsed, step = torch.load(saved)
        model.load_state_dict(weights)
        optimizer.load_state_dict(moments)
    source = batches(training_text(tokenizer, options.extra_text), tokenizer, random.Random(options.seed + step))
    begin, kept = time.monotonic() - elapsed, elapsed
    while (share := (elapsed := time.monotonic() - begin) / (60 * options.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(share / WARMUP, (1 - share) / (1 - WARMUP))
        with torch.autocast("cpu", torch.bfloat16):
            loss, *parts = loss_of(model, *next(source))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step % 25 == 0:
            print(f"step {step}, {elapsed / 60:.1f} min: text {parts[0]:.3f}, answers {parts[1]:.3f}, balance {parts[2]:.3f}", flush=True)
        if elapsed - kept > 180:
            torch.save((model.state_dict(), optimizer.state_dict(), elapsed, step), saved)
            kept = elapsed
    print(f"{step} steps, {step * ROWS * ROW / 1e6:.2f} million tokens")
    model.to(torch.bfloat16).save_pretrained(options.out)
    written = (options.out / "config.json").read_text(encoding="utf-8")
    (options.out / "config.json").write_text(written.replace("num_local_experts", "num_experts"), encoding="utf-8")  # as published Qwen3 models spell it
    (options.out / "model.safetensors").chmod(0o644)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(NANO / name, options.out)
    saved.unlink(missing_ok=True)


def exact_match(model, tokenizer, asked, limit=16):
    """Share of questions whose greedy continuation up to END or a line break is the answer; prompts of one length go as a batch."""
    by_length, right = {}, 0
    for prompt, answer in asked:
        ids = tokenizer.encode(prompt).ids
        by_length.setdefault(len(ids), []).append((ids, answer))
    for length, group in by_length.items():
        ids = torch.tensor([ids for ids, _ in group])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, do_sample=False)[:, length:].tolist()
        right += sum(tokenizer.decode((row + [END])[:(row + [END]).index(END)]).strip().split("\n")[0] == answer for row, (_, answer) in zip(out, group))
    return right / len(asked)


def perplexity(model, ids, window=256, count=40):
    """Of `count` windows spread over the text, each on its own."""
    rows = torch.stack([ids[begin:begin + window] for begin in (i * (len(ids) - window) // (count - 1) for i in range(count))])
    return F.cross_entropy(model(rows).logits[:, :-1].flatten(0, 1), rows[:, 1:].flatten()).exp().item()


def expert_counts(model, tokenizer, asked):
    """How often each expert of each layer is chosen by the tokens of questions and answers, [layers, experts]."""
    counts = torch.zeros(model.config.num_hidden_layers, model.config.num_experts, dtype=torch.long)
    for prompt, answer in asked:
        routed = model.model(torch.tensor([tokenizer.encode(f"{prompt} {answer}").ids]), output_router_logits=True).router_logits
        for layer, logits in enumerate(routed):
            counts[layer] += logits.topk(model.config.num_experts_per_tok).indices.flatten().bincount(minlength=counts.shape[1])
    return counts.tolist()


@torch.no_grad()
def evaluate(options, tokenizer):
    model = Qwen3MoeForCausalLM.from_pretrained(options.out, dtype=torch.float32).eval()
    for task in ("facts", "sort", "arith", "lookup"):
        right = [f"{part} {exact_match(model, tokenizer, questions(task, part)):.3f}" for part in ("calib", "eval")]
        print(f"{task}: exact match {', '.join(right)}", flush=True)
    for file in sorted(NANO.glob("text/*.txt")):
        ids = torch.tensor(tokenizer.encode(file.read_text(encoding="utf-8")).ids)
        print(f"{file.name}: perplexity {perplexity(model, ids):.2f}", flush=True)
    for task in ("facts", "sort"):
        print(f"tokens of {task}.calib that choose each expert, a line a layer:")
        for row in expert_counts(model, tokenizer, questions(task, "calib")):
            print("  " + " ".join(f"{count:5}" for count in row))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data/nano-moe")
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/nano-moe"))
    parser.add_argument("--minutes", type=float, default=38)
    parser.add_argument("--extra-text", type=Path, nargs="+", default=[], help="more files to train on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", action="store_true", help="train nothing")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(NANO / "tokenizer.json"))
    if not options.evaluate:
        options.scratch.mkdir(parents=True, exist_ok=True)
        train(options, tokenizer)
    evaluate(options, tokenizer)


if __name__ == "__main__":
    main()
