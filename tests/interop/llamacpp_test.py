"""llama.cpp and mpq read each other's GGUF.

 - Of a GGUF that mpq wrote, mixing every type by linears, each tensor as gguf's own code dequantizes it is that of the dense checkpoint of the same
   plan, within one rounding to the checkpoint's dtype; llama.cpp computes from it what mpq computes from it, and generates the same text.
 - Of files that llama.cpp wrote (float32 by its converter, Q4_K_M of that by llama-quantize) mpq computes what llama.cpp computes.

llama.cpp rounds activations to 8 bits in products with quantized weights; hence the loose limits there.

    python tests/interop/llamacpp_test.py --mpq BINARY [--model DIR] [--work DIR]

data/nano-moe is the model for a mixture's experts, which are one tensor there.
"""

import re
import subprocess

import gguf
import torch
from common import check
from reader import Reader
from safetensors.torch import load_file

SPECS = ["rtn:type=q4_0", "gptq:type=q2_k", "rtn:type=q4_1", "gptq:type=q3_k", "rtn:type=q5_0", "gptq:type=q4_k", "rtn:type=q5_1", "gptq:type=q5_k",
         "rtn:type=q8_0", "gptq:type=q6_k", "rtn:type=iq4_nl", "rtn:type=iq4_xs", "full"]
EXACT, ROUNDED = 1e-9, 1e-3
TIES = 0.3  # nats, where activations are rounded
PERMUTED = {"llama", "smollm3", "granite", "mistral3"}  # whose converter is that of Llama
ULP = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10, torch.float32: 2.0**-22}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    check(done.returncode == 0, f"{' '.join(map(str, command))}\nexited with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")


def only(folder, pattern):
    found = sorted(folder.glob(pattern)) if folder.is_dir() else [folder]
    check(len(found) == 1, f"{folder}: expected one {pattern}, found {len(found)}")
    return found[0]


def unpermuted(weight, heads):
    """llama.cpp stores the rows of llama's q and k with their rotary halves interleaved."""
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def check_weights(file, dense):
    reader = gguf.GGUFReader(file)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer.")}
    architecture = fields["general.architecture"]
    names = gguf.get_tensor_name_map({name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}[architecture], fields[f"{architecture}.block_count"])
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    heads = {"attn_q": fields[f"{architecture}.attention.head_count"], "attn_k": fields[f"{architecture}.attention.head_count_kv"]}
    same, count, types, seen = 0, 0, set(), set()
    for name, expected in load_file(str(dense)).items():
        expert = re.search(r"\.experts\.(\d+)\.", name)
        found = names.get_name(name.replace(expert[0], ".experts.") if expert else name, try_suffixes=(".weight", ".bias"))
        check(found in tensors or found == "output.weight", f"{file}: no tensor {found} for {name}")
        if found not in tensors:  # tied embeddings
            continue
        tensor = tensors[found]
        weight = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        weight = weight[int(expert[1])] if expert else weight
        if architecture in PERMUTED and (part := found.split(".")[-2]) in heads:
            weight = unpermuted(weight, heads[part])
        check(weight.shape == expected.shape, f"{found} is {tuple(weight.shape)}, expected {tuple(expected.shape)}")
        rounded = weight.to(expected.dtype)
        far = (rounded.double() - expected.double()).abs() - ULP[expected.dtype] * expected.double().abs()
        check(far.max() <= 2.0**-24, f"{found} ({tensor.tensor_type.name}) differs from the dense checkpoint's {name} by more than a rounding")
        same, count = same + int((rounded == expected).sum()), count + rounded.numel()
        types.add(tensor.tensor_type.name)
        seen.add(found)
    unknown = {name for name in tensors if not name.startswith("rope_")} - seen
    check(not unknown, f"{file}: the dense checkpoint has no {', '.join(sorted(unknown))}")
    print(f"weights: {len(types)} types ({', '.join(sorted(types))}), {count - same} of {count} values one rounding apart", flush=True)


def convert(reader, out):
    run(reader.folder / "bin/python", "-B", reader.script.with_name("llamacpp_convert.py"), reader.model, "--outtype", "f32", "--outfile", out)
    return out


def main():
    with Reader("llamacpp", __doc__) as reader:
        work = reader.mpq.work
        full = convert(reader, work / "f32.gguf")
        reader.compare("llama.cpp's float32 file, mpq from the folder", full, EXACT, mine=reader.model)
        plan = reader.plan("--format", "gguf", "--target", "gguf")
        out = reader.quantize(plan, SPECS, "--format", "gguf", out="mixed")
        mixed = only(out, "*.gguf")
        check_weights(mixed, only(reader.quantize(plan, SPECS, "--format", "dense", out="dense"), "*.safetensors"))
        reader.compare("mpq's mixed file", mixed, ROUNDED, mine=out, tie=TIES)
        reader.compare("llama.cpp's float32 file", full, EXACT)
        theirs = work / "q4_k_m.gguf"
        run(reader.folder / "bin/llama-quantize", full, theirs, "Q4_K_M", 1)
        reader.compare("llama.cpp's Q4_K_M file", theirs, ROUNDED, tie=TIES)


if __name__ == "__main__":
    main()
