"""Writes tests/golden/eval: an evaluation of two small models that is independent of mpq, with transformers and numpy alone.

 - facts: nano-llama on the first 40 lines of facts.eval.jsonl (greedy answers, EM, F1) and 20 choices made from its answers.
 - text: nano-llama's perplexity on the head of wiki.txt.
 - stories260K against a damaged copy of itself (stories260K-damaged/, float16, written here: every linear rounded to 3 bits in
   groups of 4): perplexity of both, and the divergence of the copy from the original, on stories and on prompts.

Figures and inputs (token ids, so that a tokenizer is not under test) go to expected.json; `definitions` there states every figure.

    python tools/golden/make_eval.py
"""

import json
import os
import re
import shutil
import string
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from transformers.utils import logging

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/eval"
NANO = ROOT / "data/nano-llama"
STORIES = ROOT / "tests/golden/architectures/stories260K"

DEFINITIONS = {
    "arithmetic": "models in float32, eager attention; log-softmax and all means in float64; natural logarithms",
    "nll": "windows(window, stride): window k is tokens [k stride, k stride + window); the last one ends with the text. Within a window "
           "a token is scored when the window before did not hold it, given all tokens before it in the window; the very first token of "
           "the text is never scored; with stride = window the first token of every window is not scored either. "
           "nll = mean over scored tokens of -log p; perplexity = exp(nll)",
    "nll_stderr": "clusters are windows: sqrt(W/(W-1) sum_w (s_w - n_w nll)^2) / N, with s_w the sum and n_w the count of window w, "
                  "N = sum n_w, W windows",
    "kl": "per token position t of a document (all of them, the last included): KL(p || q) = sum_v p_v (log p_v - log q_v), p of the "
          "reference, q of the tested model, next-token distributions at t, clamped to >= 0. mean is over tokens; median, p99, p999 "
          "interpolate linearly (numpy's default)",
    "kl_stderr": "clusters are documents, as nll_stderr; mean_of_documents and its stderr (sample standard deviation / sqrt(D)) are given too",
    "top1": "share of token positions where both models have the same most likely successor (ties: the lower id)",
    "answer": "greedy generation (ties: the lower id), at most 16 new tokens, ends before eos and at the first newline of the decoded text; "
              "the answer is the text before that newline, stripped",
    "em": "1 when the answer equals a gold answer after SQuAD normalisation (lower case; ASCII punctuation removed; the words a, an, the "
          "removed; white space collapsed); the best over gold answers",
    "f1": "2 P R / (P + R) of the bags of words after the same normalisation; 0 without a common word; when either side is empty, 1 if both "
          "are, else 0; the best over gold answers",
    "stderr": "sample standard deviation (n - 1) / sqrt(n) over prompts",
    "choices": "tokens of a choice: encode(prompt + ' ' + text) past its first len(encode(prompt)) ids; score = sum of log p of them; "
               "accuracy: argmax score = label; accuracy_per_byte: argmax score / UTF-8 bytes of ' ' + text; accuracy_per_token: / tokens",
}


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def log_probs(model, ids):
    """float64 [tokens, vocab]: log p of every token's successor."""
    return torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0].double(), dim=-1).numpy()


def clustered(sums, counts):
    """Mean over all members of the clusters, and its cluster-robust standard error."""
    sums, counts = np.array(sums), np.array(counts)
    mean = sums.sum() / counts.sum()
    spread = len(sums) / (len(sums) - 1) * ((sums - counts * mean) ** 2).sum()
    return float(mean), float(np.sqrt(spread) / counts.sum())


def mean_and_error(values):
    values = np.array(values, dtype=np.float64)
    return {"mean": float(values.mean()), "stderr": float(values.std(ddof=1) / np.sqrt(len(values)))}


def perplexity(model, ids, window, stride):
    sums, counts, scored_to = [], [], 0
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        first = max(scored_to, begin + 1)
        if first < end:
            table = log_probs(model, ids[begin:end])
            positions = np.arange(first, end) - begin
            losses = -table[positions - 1, np.array(ids)[first:end]]
            sums.append(losses.sum())
            counts.append(len(losses))
        scored_to = end
        if end == len(ids):
            break
    nll, error = clustered(sums, counts)
    return {"window": window, "stride": stride, "tokens": int(sum(counts)), "nll": nll, "nll_stderr": error, "perplexity": float(np.exp(nll))}


def divergence(reference, tested, documents):
    kls, same = [], []
    for ids in documents:
        p, q = log_probs(reference, ids), log_probs(tested, ids)
        kls.append(np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0))
        same.append(p.argmax(axis=1) == q.argmax(axis=1))
    every = np.concatenate(kls)
    counts = [len(k) for k in kls]
    mean, error = clustered([k.sum() for k in kls], counts)
    agreement, agreement_error = clustered([s.sum() for s in same], counts)
    return {"tokens": len(every), "mean": mean, "stderr": error, "mean_of_documents": mean_and_error([k.mean() for k in kls]),
            "median": float(np.median(every)), "p99": float(np.quantile(every, 0.99)), "p999": float(np.quantile(every, 0.999)),
            "max": float(every.max()), "top1_agreement": agreement, "top1_stderr": agreement_error,
            "document_kl": [float(k.mean()) for k in kls]}


def normalised(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(answer, gold):
    have, want = normalised(answer).split(), normalised(gold).split()
    if not have or not want:
        return float(have == want)
    common = sum((Counter(have) & Counter(want)).values())
    return 2 * common / (len(have) + len(want))


def greedy(model, tokenizer, ids, eos):
    """The answer's text, by recomputing the whole sequence each step (no cache, nothing to get wrong), and its token ids."""
    new = []
    while len(new) < 16:
        token = int(log_probs(model, ids + new)[-1].argmax())
        if token == eos:
            break
        new.append(token)
        if "\n" in tokenizer.decode(new):
            break
    return tokenizer.decode(new).split("\n")[0].strip(), new


def answers(model, tokenizer, lines):
    prompts = []
    for line in lines:
        ids = tokenizer.encode(line["prompt"]).ids
        answer, new = greedy(model, tokenizer, ids, eos=0)
        prompts.append({"ids": ids, "answers": line["answers"], "generated": answer, "generated_ids": new,
                        "em": max(float(normalised(answer) == normalised(g)) for g in line["answers"]),
                        "f1": max(f1(answer, g) for g in line["answers"])})
    return {"em": mean_and_error([p["em"] for p in prompts]), "f1": mean_and_error([p["f1"] for p in prompts]), "prompts": prompts}


def make_choices(lines):
    """20 questions with 4 choices: the gold answer among the next three different answers to the same kind of question."""
    kind = lambda line: line["prompt"].rsplit(" ", 1)[0].rsplit(" ", 1)[0]
    made = []
    for index, line in enumerate(lines[:20]):
        gold, others = line["answers"][0], []
        for other in lines[index + 1:] + lines[:index]:
            answer = other["answers"][0]
            if kind(other) == kind(line) and answer != gold and answer not in others and len(others) < 3:
                others.append(answer)
        label = index % 4
        made.append({"prompt": line["prompt"], "choices": others[:label] + [gold] + others[label:], "label": label})
    return made


def choices(model, tokenizer, lines):
    prompts = []
    for line in lines:
        context = tokenizer.encode(line["prompt"]).ids
        entry = {"ids": context, "label": line["label"], "choices": [], "log_likelihoods": [], "bytes": []}
        for text in line["choices"]:
            whole = tokenizer.encode(line["prompt"] + " " + text).ids
            ids = whole[len(context):]
            assert whole[:len(context)] == context and ids, line
            table = log_probs(model, context + ids)
            positions = np.arange(len(context), len(context) + len(ids)) - 1
            entry["choices"].append(ids)
            entry["log_likelihoods"].append(float(table[positions, ids].sum()))
            entry["bytes"].append(len((" " + text).encode()))
        prompts.append(entry)

    def accuracy(weights):
        return mean_and_error([float(np.argmax(np.array(p["log_likelihoods"]) / weights(p)) == p["label"]) for p in prompts])
    return {"accuracy": accuracy(lambda p: 1), "accuracy_per_byte": accuracy(lambda p: np.array(p["bytes"])),
            "accuracy_per_token": accuracy(lambda p: np.array([len(ids) for ids in p["choices"]])), "prompts": prompts}


def make_story_choices(paragraphs):
    """20 stories cut after two sentences, with the third sentences of this and of three other stories, of unequal length."""
    split = [re.split(r"(?<=[.!?]) ", p) for p in paragraphs]
    split = [s for s in split if len(s) >= 4 and all(len(x) > 3 for x in s[:4]) and '"' not in "".join(s[:4])]
    made = []
    for i in range(20):
        picks = [split[i][2], split[i + 20][2], split[i + 40][2], split[i + 60][3]]
        label = i % 4
        made.append({"prompt": " ".join(split[i][:2]), "choices": picks[1:label + 1] + [picks[0]] + picks[label + 1:], "label": label})
    return made


def normalisation_table():
    """EM and F1 of pairs that exercise the normalisation."""
    pairs = [("The Eiffel Tower!", ["eiffel tower"]), ("an apple, a pear", ["apple pear"]), ("1,000", ["1000"]), ("Paris", ["London", "Paris."]),
             ("in Paris, France", ["Paris"]), ("theatre", ["atre"]), ("a", ["the"]), ("", ["x"]), ("", ["the"]), ("to be or not to be", ["to be"]),
             ("blue  \t green", ["Blue green"]), ("U.S.A.", ["usa"]), ("\u00c9cole", ["\u00e9cole"]), ("rock-n-roll", ["rock n roll"]),
             ("it\u2019s", ["its"]), ("the the cat", ["cat"])]
    return [{"answer": a, "gold": g, "em": max(float(normalised(a) == normalised(x)) for x in g), "f1": max(f1(a, x) for x in g)}
            for a, g in pairs]


def damage(source, target, bits=3, group=4):
    """A copy of a checkpoint whose linears are rounded to an asymmetric min/max grid, stored in float16."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    tensors = {}
    for name, value in load_file(str(source / "model.safetensors")).items():
        value = value.float()
        if "_proj" in name:
            blocks = value.reshape(value.shape[0], -1, group)
            low = blocks.amin(2, keepdim=True).clamp(max=0)
            scale = ((blocks.amax(2, keepdim=True).clamp(min=0) - low) / (2**bits - 1)).clamp(min=1e-8)
            zero = (-low / scale).round()
            codes = ((blocks / scale).round() + zero).clamp(0, 2**bits - 1)
            value = ((codes - zero) * scale).reshape(value.shape)
        tensors[name] = value.half().contiguous()
    save_file(tensors, str(target / "model.safetensors"), metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text()) | {"torch_dtype": "float16"}
    (target / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copyfile(source / file, target / file)


def stories():
    """Full precision and damaged: perplexity on a text, divergence on 24 short documents of unequal length."""
    damage(STORIES, OUT / "stories260K-damaged")
    reference, tested = load(STORIES), load(OUT / "stories260K-damaged")
    tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    paragraphs = [p for p in (NANO / "text/stories.txt").read_text(encoding="utf-8").split("\n") if len(p) > 80]
    text = tokenizer.encode("\n".join(paragraphs)[:12000]).ids[:2000]
    documents = [tokenizer.encode(p).ids[:40 + 5 * (i % 7)] for i, p in enumerate(paragraphs[100:124])]
    settings, made = [(256, 256), (256, 128)], make_story_choices(paragraphs)
    (OUT / "story_choices.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    return {"reference": "tests/golden/architectures/stories260K", "tested": "tests/golden/eval/stories260K-damaged",
            "text_ids": text, "reference_perplexity": [perplexity(reference, text, *s) for s in settings],
            "tested_perplexity": [perplexity(tested, text, *s) for s in settings],
            "documents": documents, "divergence": divergence(reference, tested, documents),
            "choices_file": "tests/golden/eval/story_choices.jsonl", "choices": choices(reference, tokenizer, made)}


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    model, tokenizer = load(NANO), Tokenizer.from_file(str(NANO / "tokenizer.json"))
    lines = [json.loads(line) for line in (NANO / "tasks/facts.eval.jsonl").read_text(encoding="utf-8").splitlines()]
    made = make_choices(lines)
    (OUT / "choices.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    text = tokenizer.encode((NANO / "text/wiki.txt").read_text(encoding="utf-8")[:8000]).ids[:1500]
    document = {"definitions": DEFINITIONS, "normalisation": normalisation_table(), "nano": {"model": "data/nano-llama", "task": "data/nano-llama/tasks/facts.eval.jsonl",
                "lines": 40, "answers": answers(model, tokenizer, lines[:40]), "choices_file": "tests/golden/eval/choices.jsonl",
                "choices": choices(model, tokenizer, made), "text_ids": text,
                "perplexity": [perplexity(model, text, *s) for s in [(256, 256), (256, 64)]]}, "stories": stories()}
    (OUT / "expected.json").write_text(json.dumps(document) + "\n")
    nano, other = document["nano"], document["stories"]
    print({k: nano["answers"][k] for k in ("em", "f1")}, {k: v for k, v in nano["choices"].items() if k != "prompts"}, nano["perplexity"])
    print(other["reference_perplexity"], other["tested_perplexity"], {k: v for k, v in other["divergence"].items() if k != "document_kl"},
          {k: v for k, v in other["choices"].items() if k != "prompts"})


if __name__ == "__main__":
    main()
