#!/usr/bin/env python3
"""Writes tests/golden/text from the `tokenizers` library and Jinja: small tokenizers with ids, chat templates with prompts.

make_text_goldens.py [--data SHARED_DATA] [--templates FOLDER]
--data: the folder of the real tokenizers; with it real_ids.json is written too (hashes of ids only).
--templates: a folder of *.jinja files that may be shipped: those of `trl` (Apache-2.0: `pip download trl`, trl/chat_templates); with
it chat.json is written.
"""
import argparse
import copy
import hashlib
import json
import pathlib
import struct

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/text"
TRAINING = [ROOT / "data/nano-llama/text/stories.txt"]
TEXTS = [
    "", " ", "  ", "\n", " \n\n\t x", "Hello world", " Hello  World! ", "It's 12,345.67 we'LL  don't",
    "a<x>b <Y> c<y>  <s>d</s> mid<m>dle <m> <l> e", "Once upon a time, there was a little girl named Lily.\nShe ran.\r\n",
    "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m \u212b \ufb01sh \u0130stanbul \u00df", "\u4f60\u597d\uff0c\u4e16\u754c \U0001f999.cpp \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "tab\tand\u00a0nbsp\u3000ideographic\u2003em\u180e.\u0085", "x\u2581y \u2581 z", "----....__--a_b", "\u0660\u0661 \u00bd \u216b \u2460 3\u00b2",
    "the the the and and " * 12, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 2, "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u05d0\u05d1", "<0x41>\x00\x7f\ufffd",
]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def train(model, trainer, pre=None, norm=None):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer, tokenizer.normalizer = pre, norm
    lines = [line for path in TRAINING for line in path.read_text().splitlines()][:300]
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def bases():
    """The small models every variant starts from."""
    level = train(models.BPE(), trainers.BpeTrainer(vocab_size=330, show_progress=False,
                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()), pre_tokenizers.ByteLevel(add_prefix_space=False))
    level.decoder = decoders.ByteLevel()
    plain = train(models.BPE(unk_token="<unk>"), trainers.BpeTrainer(vocab_size=160, show_progress=False,
                  special_tokens=["<unk>"]), pre_tokenizers.WhitespaceSplit())
    prefixed = train(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"),
                     trainers.BpeTrainer(vocab_size=220, show_progress=False, special_tokens=["<unk>"],
                                         continuing_subword_prefix="##", end_of_word_suffix="</w>"), pre_tokenizers.WhitespaceSplit())
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    spm = train(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
                trainers.BpeTrainer(vocab_size=460, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + bytes_),
                pre_tokenizers.Metaspace())
    unigram = train(models.Unigram(), trainers.UnigramTrainer(vocab_size=220, show_progress=False, unk_token="<unk>",
                    special_tokens=["<unk>", "<s>"]), pre_tokenizers.Metaspace())
    return {name: json.loads(t.to_str()) for name, t in
            dict(level=level, plain=plain, prefixed=prefixed, spm=spm, unigram=unigram).items()}


def changed(base, **members):
    """A copy of a tokenizer with components replaced and `model_...` members of its model set."""
    result = copy.deepcopy(base)
    for key, value in members.items():
        if key.startswith("model_"):
            result["model"][key[6:]] = value
        else:
            result[key] = value
    return result


def added(base_id, content, **flags):
    token = dict(id=base_id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {**token, **flags}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def template(token, ident):
    return {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": token, "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {token: {"id": token, "ids": [ident], "tokens": [token]}}}


def variants(base):
    """Name, base and what is changed in it."""
    level, plain, spm, unigram = "level", "plain", "spm", "unigram"
    byte_level = lambda **o: {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **o}
    metaspace = lambda scheme, split=True: {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}
    split = lambda pattern, behavior, invert: {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    count = len(base[level]["model"]["vocab"])
    llama_norm = sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    llama_decoder = sequence("decoders", {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
                             {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0})
    tokens = [added(count, "<s>", rstrip=True), added(count + 1, "</s>", lstrip=True), added(count + 2, "<x>", normalized=True, special=False),
              added(count + 3, "<Y>", normalized=True, special=False), added(count + 4, "<m>", single_word=True),
              added(count + 5, "mid", single_word=True, special=False), added(count + 6, "<l> e", special=False), added(count + 7, "<l>")]
    yield "byte-level", level, {}
    yield "byte-level-prefix-space", level, dict(pre_tokenizer=byte_level(add_prefix_space=True))
    yield "llama3", level, dict(model_ignore_merges=True, pre_tokenizer=sequence("pretokenizers", split({"Regex": LLAMA3}, "Isolated", False),
          byte_level(use_regex=False)), added_tokens=tokens, post_processor=sequence("processors", byte_level(), template("<s>", count)))
    yield "qwen", level, dict(normalizer={"type": "NFC"}, pre_tokenizer=sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level()))
    yield "added-lowercase", level, dict(normalizer={"type": "Lowercase"}, added_tokens=tokens)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form.lower(), level, dict(normalizer={"type": form})
    yield "normalizers", level, dict(normalizer=sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"},
          {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": r"\s{2,}|\d"}, "content": "#"}, {"type": "Prepend", "prepend": "^"}))
    yield "byte-level-normalizer", level, dict(normalizer={"type": "ByteLevel"}, pre_tokenizer=None)
    yield "null-pre-tokenizer", level, dict(pre_tokenizer=byte_level(use_regex=False))
    yield "unknown", plain, {}
    yield "unknown-fused", plain, dict(model_fuse_unk=True, pre_tokenizer=None)
    yield "unknown-dropped", plain, dict(model_unk_token=None, pre_tokenizer=None)
    yield "prefix-and-suffix", "prefixed", {}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            name = f"split-{behavior}{'-inverted' if invert else ''}".lower()
            yield name, plain, dict(pre_tokenizer=split({"Regex": r"[\s\-.]|\w?e"}, behavior, invert))
        yield f"split-string-{behavior}".lower(), plain, dict(pre_tokenizer=split({"String": "a"}, behavior, False))
    for pre in ({"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Contiguous"},
                {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits": False}, {"type": "Digits", "individual_digits": True}):
        yield "-".join([pre["type"], *[str(v) for v in list(pre.values())[1:]]]).lower(), plain, dict(pre_tokenizer=pre)
    for scheme in ("always", "first", "never"):
        yield f"metaspace-{scheme}", spm, dict(pre_tokenizer=metaspace(scheme), decoder=metaspace(scheme),
              added_tokens=[added(0, "<unk>"), added(1, "<s>"), added(2, "</s>", lstrip=True)])
        yield f"unigram-{scheme}", unigram, dict(pre_tokenizer=metaspace(scheme), decoder=metaspace(scheme))
    yield "metaspace-whole", spm, dict(pre_tokenizer=metaspace("first", False), decoder=metaspace("first", False))
    old = {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}
    yield "metaspace-old", spm, dict(pre_tokenizer=old, decoder=old)
    yield "llama2", spm, dict(normalizer=llama_norm, pre_tokenizer=None, decoder=llama_decoder, post_processor=template("<s>", 1),
          added_tokens=[added(0, "<unk>"), added(1, "<s>"), added(2, "</s>", rstrip=True), added(len(base[spm]["model"]["vocab"]), "<x>", normalized=True, special=False)])
    yield "unigram-byte-fallback", unigram, dict(model_byte_fallback=True, pre_tokenizer=metaspace("always"), decoder=llama_decoder,
          model_vocab=base[unigram]["model"]["vocab"] + [[f"<0x{byte:02X}>", -20.0] for byte in range(256)])
    yield "no-decoder", unigram, dict(decoder=None)


def cases(tokenizer):
    result = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        entry = {"text": text, "ids": ids, "with_special": tokenizer.encode(text).ids, "decoded": decoded, "skipped": tokenizer.decode(ids)}
        defaults = {"with_special": ids, "decoded": text, "skipped": decoded}
        result.append({key: value for key, value in entry.items() if key not in defaults or value != defaults[key]})
    return result


def write_tokenizers():
    made, base = [], bases()
    for name, origin, changes in variants(base):
        tokenizer = Tokenizer.from_str(json.dumps(changed(base[origin], **changes)))
        made.append({"name": name, "base": origin, "changes": changes, "cases": cases(tokenizer)})
    for folder in ("data/nano-llama", "tests/golden/text/stories260K"):
        made.append({"name": pathlib.Path(folder).name, "folder": folder, "cases": cases(Tokenizer.from_file(str(ROOT / folder / "tokenizer.json")))})
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = ",\n".join(compact(entry) for entry in made)
    (OUT / "tokenizers.json").write_text(
        f'{{"library":"tokenizers {tokenizers.__version__}","bases":{compact(base)},"tokenizers":[\n{lines}\n]}}\n')


def fingerprint(ids):
    return {"count": len(ids), "sha256": hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()}


def write_real_ids(data):
    files = sorted([*data.glob("text/*.txt"), *data.glob("text/*/*.txt"), *data.glob("text/*/*.utf8"), *data.glob("models/*/text/*.txt")])
    result = {}
    for path in sorted(data.glob("tokenizers/*/tokenizer.json")):
        tokenizer = Tokenizer.from_file(str(path))
        result[path.parent.name] = {str(f.relative_to(data)): fingerprint(tokenizer.encode(f.read_bytes().decode()).ids) for f in files}
    (OUT / "real_ids.json").write_text(json.dumps(result, indent=1) + "\n")


CHATS = [
    [("user", "Hello")], [("system", "Be brief. "), ("user", " Hi\n")], [("system", ""), ("user", "x")], [("user", "")],
    [("user", "Hello"), ("assistant", "  Hi there \n"), ("user", "\u00dcber \U0001f999? ")],
    [("system", "S"), ("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D"), ("user", "E")],
    [("user", "A"), ("assistant", "B")], [("user", "A"), ("user", "B")], [("assistant", "A"), ("user", "B")], [("system", "only")],
    [("user", "A"), ("system", "late"), ("user", "B")], [("user", "A"), ("critic", "B")], [("system", "S"), ("assistant", "A")],
    [("user", "q"), ("assistant", "<think>\nhm\n</think>\n\nanswer"), ("user", "q2"), ("assistant", "<think>\n\nlast\n</think>\n\nend")],
    [("user", "q"), ("assistant", "a"), ("user", "<tool_response>x</tool_response>"), ("assistant", "\n\nb"), ("assistant", "c</think>d</think>e")],
]


def render(environment, source, messages, bos, eos):
    def raise_exception(message):
        raise ValueError(message)
    try:
        return environment.from_string(source).render(messages=messages, bos_token=bos, eos_token=eos, add_generation_prompt=True,
                                                      raise_exception=raise_exception)
    except Exception:  # the template refuses the messages
        return None


def write_chats(folder):
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    result = []
    for path in sorted(folder.rglob("*.jinja")):
        source = path.read_bytes().decode()
        entry = {"name": path.stem, "template": source}
        bos, eos = f"<bos of {path.stem}>", "<eos>"
        entry["bos"], entry["eos"] = bos, eos
        entry["cases"] = []
        for chat in CHATS:
            messages = [{"role": role, "content": content} for role, content in chat]
            entry["cases"].append({"messages": messages, "expected": render(environment, source, messages, bos, eos)})
        result.append(entry)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in result)
    (OUT / "chat.json").write_text(f"[\n{lines}\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--templates", type=pathlib.Path)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    write_tokenizers()
    if arguments.templates:
        write_chats(arguments.templates)
    if arguments.data:
        write_real_ids(arguments.data)


if __name__ == "__main__":
    main()
