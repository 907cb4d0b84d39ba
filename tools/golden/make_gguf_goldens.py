"""Writes tests/golden/gguf/: what llama.cpp's own converter makes of small checkpoints, and the small tokenizers it is given.

    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36 && tar xzf llama_cpp_python-0.3.36.tar.gz
    pip install torch transformers sentencepiece pyyaml
    python tools/golden/make_gguf_goldens.py --converter llama_cpp_python-0.3.36/vendor/llama.cpp --shared /work/shared/data

cases.json, one object a case:
  name      the name of the checkpoint's folder, from which the converter makes general.name
  model     the folder (from the repository's root) of config.json and model.safetensors; none: the test needs shapes alone
  tokenizer the folder whose files are added; "shared/..." is in the shared data, which may not be shipped
  files     further files by name, JSON or text, which replace those of the folders
  differs   keys that mpq writes otherwise: without tokenizer.model the converter gives all tokens the score -1000, by which llama.cpp
            cuts most texts wrong, lists no padding tokens, so that a padded model does not load, and takes added tokens that are
            not special for ordinary ones; it does not know a token that tokenizer_config.json has as an object in a post-processor
  metadata  [key, type, value] in file order; a long text or array is {"length", "sha256", "first"}, the hash of its bytes as
            they stand in the file
  tensors   {name: [dims, type, sha256 of the data]}, without the hash where there is no model
The converter refuses byte-level tokenizers that it does not know by hash; of those the case names the pre-tokenizer itself.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/gguf"
TINY, OWN = "tests/golden/architectures/", "tests/golden/gguf/tokenizers/"
FIRST = 3


def as_object(content):
    return {"__type": "AddedToken", "content": content, "special": True}


TEMPLATES = [{"name": "default", "template": "{{ messages }}"}, {"name": "tool use", "template": "{{ tools }}"}]
SPM_CONFIG = {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False, "add_bos_token": True, "add_eos_token": False,
              "bos_token": "<s>", "eos_token": as_object("</s>"), "unk_token": "<unk>", "chat_template": "{{ messages }}",
              "added_tokens_decoder": {"1": {"content": "<s>", "special": True}, "5": {"content": "<unused7>"},
                                       "90": {"content": "\u2581\u2581x"}}}
BPE_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "eos_token": "<|end|>",
              "unk_token": "<|end|>", "pad_token": "<pad>", "sep_token": "<tool>", "mask_token": "he", "chat_template": TEMPLATES}


def base(model_type, architecture, vocab, **members):
    return {"architectures": [architecture], "model_type": model_type, "vocab_size": vocab, "hidden_size": 8, "intermediate_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "silu",
            "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "rope_theta": 10000.0,
            "bos_token_id": 1, "eos_token_id": 2, **members}


def case(name, model=None, tokenizer=None, pre=None, differs=(), **files):
    return {"name": name, "model": model, "tokenizer": tokenizer, "pre": pre, "differs": [f"tokenizer.ggml.{key}" for key in differs],
            "files": {key.replace("__", "."): value for key, value in files.items()}}


def tiny_config(name, **members):
    return {**json.loads((ROOT / TINY / name / "config.json").read_text()), **members}


def renamed_bpe(names):
    """The byte-level tokenizer with other names of added tokens, for a converter that looks for these."""
    text = (OUT / "tokenizers/bpe/tokenizer.json").read_text()
    for old, new in names.items():
        text = text.replace(json.dumps(old), json.dumps(new))
    return text


def cases():
    spm = {"tokenizer_config__json": SPM_CONFIG}
    bpe = {"tokenizer_config__json": BPE_CONFIG}
    sampling = {"top_k": 20, "top_p": 0.8, "temperature": 0.7, "repetition_penalty": 1.05, "do_sample": True}
    real = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False}
    return [
        case("Tiny-Llama-97K-Instruct-v0.2", TINY + "llama_default", OWN + "bpe", "gpt-2", **bpe, generation_config__json=sampling),
        case("objects", TINY + "llama_default", OWN + "bpe", "gpt-2", differs=["add_sep_token"],
             tokenizer_config__json={**BPE_CONFIG, "bos_token": as_object("<|begin|>"), "eos_token": as_object("<|end|>")}),
        case("llama-3", TINY + "llama_llama3", OWN + "bpe", "gpt-2",
             tokenizer_config__json={key: value for key, value in BPE_CONFIG.items() if key != "chat_template"}, chat_template__jinja="{{ messages[0] }}"),
        case("llama_linear", TINY + "llama_linear", OWN + "spm", **spm),
        case("llama_yarn", TINY + "llama_yarn", OWN + "spm", **spm, added_tokens__json={"<more>": 91, "<far>": 1000}),
        case("llama_dynamic", TINY + "llama_dynamic", OWN + "spm"),
        case("llama_biases", TINY + "llama_biases", OWN + "spm", **spm),
        case("llama_no_rope_keys", TINY + "llama_no_rope_keys", OWN + "spm", **spm),
        case("Mistral-7B-Instruct-v0.1", TINY + "mistral_window", OWN + "spm", **spm),
        case("Qwen2.5-0.5B-Instruct", TINY + "qwen2_full", OWN + "bpe", "gpt-2", **bpe),
        case("qwen2_window", TINY + "qwen2_window", OWN + "spm", **spm),
        case("qwen3_default", TINY + "qwen3_default", OWN + "bpe", "gpt-2", **bpe),
        case("qwen3_yarn", TINY + "qwen3_yarn", OWN + "bpe", "gpt-2", **bpe),
        case("phi3_window", TINY + "phi3_window", OWN + "spm", **spm),
        case("phi3_longrope_short", TINY + "phi3_longrope_short", OWN + "spm", **spm),
        case("phi3_longrope_long", TINY + "phi3_longrope_long", OWN + "bpe", "gpt-2",
             tokenizer_config__json={**BPE_CONFIG, "tokenizer_class": "GPT2Tokenizer"}),
        case("gemma-2-2b-it", TINY + "gemma2", OWN + "spm", **spm),
        case("gemma-3-1b-it", TINY + "gemma3_text", OWN + "spm", **spm),
        case("gemma3", TINY + "gemma3", OWN + "spm", **spm),
        case("qwen3_moe", TINY + "qwen3_moe", OWN + "bpe", "gpt-2", **bpe),
        case("Qwen1.5-MoE-A2.7B", TINY + "qwen2_moe", OWN + "bpe", "gpt-2", **bpe),
        case("mixtral", TINY + "mixtral", OWN + "spm", **spm),
        case("mixtral_window", TINY + "mixtral_window", OWN + "bpe", "gpt-2", **bpe),
        case("olmo2", TINY + "olmo2", OWN + "bpe", "gpt-2", **bpe),
        case("smollm3", TINY + "smollm3", OWN + "bpe", "gpt-2", **bpe),
        case("smollm3_window", TINY + "smollm3_window", OWN + "bpe", "gpt-2", **bpe),
        case("granite", TINY + "granite", OWN + "bpe", "gpt-2", **bpe),
        case("glm4", TINY + "glm4", OWN + "bpe", "gpt-2", tokenizer__json=renamed_bpe({"<tool>": "<|endoftext|>", "<|ipython|>": "<|user|>"}),
             tokenizer_config__json={"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<|endoftext|>"},
             config__json=tiny_config("glm4", bos_token_id=None, eos_token_id=[29, 31])),
        case("cohere2", TINY + "cohere2", OWN + "bpe", "gpt-2", **bpe, config__json=tiny_config("cohere2", rotary_pct=1.0)),
        case("exaone4", TINY + "exaone4", OWN + "bpe", "gpt-2", **bpe),
        case("exaone4_full", TINY + "exaone4_full", OWN + "bpe", "gpt-2", **bpe),
        case("seed_oss", TINY + "seed_oss", OWN + "bpe", "gpt-2", **bpe),
        case("ministral3", TINY + "ministral3", OWN + "bpe", "gpt-2", **bpe),
        case("mistral3", TINY + "mistral3", OWN + "bpe", "gpt-2", **bpe),
        case("mistral3_ministral3", TINY + "mistral3_ministral3", OWN + "bpe", "gpt-2", **bpe),
        case("nano-llama", "data/nano-llama", None, "qwen2"),
        case("stories260K", TINY + "stories260K", differs=["scores"]),
        case("spm-bytes", None, OWN + "spm-bytes", config__json=base("llama", "LlamaForCausalLM", 400), **spm),
        case("gpt2", None, "shared/tokenizers/gpt2", config__json=base("llama", "LlamaForCausalLM", 50260, bos_token_id=50256),
             tokenizer_config__json={"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}),
        case("Llama-3.1-8B", None, "shared/tokenizers/llama3.1",
             config__json=base("llama", "LlamaForCausalLM", 128256, bos_token_id=128000, eos_token_id=[128001, 128009]),
             tokenizer_config__json={"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>",
                                     "eos_token": "<|eot_id|>"}),
        case("Qwen2.5-7B", None, "shared/tokenizers/qwen2.5",
             config__json=base("qwen2", "Qwen2ForCausalLM", 151680, bos_token_id=151643, eos_token_id=151643),
             tokenizer_config__json={"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
                                     "bos_token": None, "add_bos_token": False, "unk_token": None}),
        case("Llama-2-7b-hf", None, "shared/tokenizers/llama2", differs=["scores"], config__json=base("llama", "LlamaForCausalLM", 32000),
             tokenizer_config__json={**real, "tokenizer_class": "LlamaTokenizer"}),
        case("Mistral-7B-v0.1", None, "shared/tokenizers/mistral-v0.1", differs=["scores"],
             config__json=base("mistral", "MistralForCausalLM", 32000),
             tokenizer_config__json={**real, "tokenizer_class": "LlamaTokenizer"}),
        case("phi-tokens", None, "shared/tokenizers/phi-3-mini", differs=["tokens", "scores", "token_type"],
             config__json=base("llama", "LlamaForCausalLM", 32064),
             tokenizer_config__json={**real, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "tokenizer_class": "LlamaTokenizer"}),
    ]


def make_tokenizers():
    """Three that fit the tiny checkpoints' vocabulary of 97, or are small."""
    folder = OUT / "tokenizers"
    shutil.rmtree(folder, ignore_errors=True)
    words = ["\u0120", "n", "\u010a", "\u0120\u0120", *"abcdefghijkl", *"0123'", *"?!", "he", "\u0120a", "ab", "<pad>"]
    bpe = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, [("h", "e"), ("\u0120", "a"), ("a", "b"), ("\u0120", "\u0120")]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens([AddedToken("<|begin|>"), AddedToken("<|end|>")])
    bpe.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("\u2581 ab", normalized=True), AddedToken("<|ipython|>"), AddedToken("<pad>")])
    bpe.post_processor = processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|end|> $B", special_tokens=[
        (token, bpe.token_to_id(token)) for token in ("<|begin|>", "<|end|>")])
    (folder / "bpe").mkdir(parents=True)
    bpe.save(str(folder / "bpe/tokenizer.json"))
    text = " ".join(f"{a}{b} the {b}{a}ing" for a in ("ab", "wor", "ca", "lo") for b in ("le", "d", "ther", "st"))
    for name, size, options in (("spm", 80, {"control_symbols": ["<ctl>"]}), ("spm-bytes", 340, {"byte_fallback": True})):
        (folder / name).mkdir()
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "text"
            source.write_text("\n".join([text] * 4))
            sentencepiece.SentencePieceTrainer.train(
                input=str(source), model_prefix=str(folder / name / "tokenizer"), vocab_size=size, model_type="bpe",
                user_defined_symbols=["<usr>", "\u2581\u2581"], hard_vocab_limit=False, normalization_rule_name="identity",
                minloglevel=2, **options)
        (folder / name / "tokenizer.vocab").unlink()


def write_folder(folder, case, shared):
    folder.mkdir()
    for part in (case["model"], case["tokenizer"]):
        if part is None:
            continue
        source = shared / part.removeprefix("shared/") if part.startswith("shared/") else ROOT / part
        for file in source.iterdir():
            if file.is_file() and file.name != "expected.safetensors":
                shutil.copyfile(file, folder / file.name)
    for name, value in case["files"].items():
        (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
    if case["model"] is None:
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        tensors = {name: value.clone() for name, value in model.state_dict().items()}
        save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def convert(converter, folder, file, pre):
    text_model = converter.ModelBase.from_model_architecture.__globals__["TextModel"]
    recognise = text_model.get_vocab_base_pre
    known = []

    def recognise_or_name(model, tokenizer):
        try:
            found = recognise(model, tokenizer)
            known.append(found)
            return found
        except NotImplementedError:
            return pre

    text_model.get_vocab_base_pre = recognise_or_name
    argv, sys.argv = sys.argv, ["convert", str(folder), "--outfile", str(file), "--outtype", "f32"]
    try:
        converter.main()
    finally:
        sys.argv = argv
        text_model.get_vocab_base_pre = recognise
    assert not (known and pre), f"{folder.name} is known as {known}"


def shorten(raw, length, first):
    return {"length": length, "sha256": hashlib.sha256(raw).hexdigest(), "first": first}


def value_of(field):
    """[type, value]; an array's parts behind key, types and length are its bytes in the file."""
    kind = field.types[0].name
    if kind == "STRING":
        text = bytes(field.parts[-1])
        return ["STRING", text.decode() if len(text) < 100 else shorten(text, len(text), text.decode()[:20])]
    if kind != "ARRAY":
        return [kind, field.contents()]
    raw = b"".join(part.tobytes() for part in field.parts[5:])
    first = field.contents(slice(0, FIRST))
    return [f"ARRAY {field.types[-1].name}", shorten(raw, len(field.data), first)]


def describe(gguf, file, with_hashes):
    reader = gguf.GGUFReader(file)
    metadata = [[name, *value_of(field)] for name, field in reader.fields.items() if not name.startswith("GGUF.")]
    tensors = {tensor.name: [[int(size) for size in tensor.shape], tensor.tensor_type.name]
               + ([hashlib.sha256(tensor.data.tobytes()).hexdigest()] if with_hashes else []) for tensor in reader.tensors}
    return metadata, tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--converter", type=Path, required=True, help="llama.cpp's folder, with convert_hf_to_gguf.py")
    parser.add_argument("--shared", type=Path, required=True, help="the shared data, with tokenizers/")
    parser.add_argument("--keep", type=Path, help="a folder for the checkpoints and the GGUF files")
    args = parser.parse_args()
    sys.path[:0] = [str(args.converter / "gguf-py"), str(args.converter)]
    import convert_hf_to_gguf as converter
    import gguf
    torch.manual_seed(5)
    make_tokenizers()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for entry in cases():
            folder = (args.keep or Path(scratch)) / entry["name"]
            shutil.rmtree(folder, ignore_errors=True)
            write_folder(folder, entry, args.shared)
            file = folder.parent / f"{entry['name']}.gguf"
            convert(converter, folder, file, entry.pop("pre"))
            entry["metadata"], entry["tensors"] = describe(gguf, file, entry["model"] is not None)
            results.append(entry)
    # One case a line: a diff shows which ones changed.
    text = ",\n".join(json.dumps(entry, ensure_ascii=True, separators=(",", ":")) for entry in results)
    (OUT / "cases.json").write_text(f"[\n{text}\n]\n")
    print(f"{len(results)} cases, {(OUT / 'cases.json').stat().st_size} bytes")


if __name__ == "__main__":
    main()
