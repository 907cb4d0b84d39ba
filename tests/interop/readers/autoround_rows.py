"""transformers on the CPU with auto-round: dense, auto-round and GPTQ (v1) folders. Its kernel computes in float16 whatever the model's dtype."""

import json

import rows
import torch
from transformers import AutoModelForCausalLM, AutoRoundConfig


@torch.no_grad()
def main():
    given, prompts = rows.arguments(__doc__)
    torch.set_num_threads(1)
    quantized = "quantization_config" in json.loads((given.checkpoint / "config.json").read_text())
    options = {"quantization_config": AutoRoundConfig(backend="torch")} if quantized else {}
    model, info = AutoModelForCausalLM.from_pretrained(given.checkpoint, dtype=torch.float16 if quantized else torch.float32, device_map="cpu",
                                                       output_loading_info=True, **options)
    info["unexpected_keys"] = [key for key in info["unexpected_keys"] if not key.endswith(".g_idx")]  # auto-round takes groups in order
    faults = {kind: info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]}
    if faults:
        exit(f"transformers' loading: {faults}")
    linears = {type(module).__name__ for module in model.modules() if "Linear" in type(module).__name__}
    if quantized and linears <= {"Linear"}:
        exit("transformers left every linear unquantized")
    rows.run(given, prompts, lambda ids: model(torch.tensor([ids]), use_cache=False).logits[0].float().numpy())


if __name__ == "__main__":
    main()
