"""What vLLM computes from mpq's compressed-tensors folder is what mpq computes from it: logits and greedy text.

4 bits by vLLM's own CPU kernel in float16; 2 to 8 bits mixed, symmetric and not, in float32 by a reference kernel inside vLLM
(readers/vllm_rows.py), which leaves to vLLM the reading, the choice of schemes and the fusing.

    python tests/interop/vllm_test.py --mpq BINARY [--model DIR] [--work DIR]
"""

from reader import Reader

FOUR = ["gptq:bits=4,group=64,sym", "rtn:bits=4,group=128,sym", "rtn:bits=4,group=32,sym"]
MIXED = ["gptq:bits=3,group=128,sym", "rtn:bits=4,group=64", "gptq:bits=8,group=128,sym", "gptq:bits=2,group=32", "rtn:bits=6,group=64,sym",
         "rtn:bits=5,group=32", "gptq:bits=2,group=64,sym"]


def main():
    with Reader("vllm", __doc__) as reader:
        reader.compare("dense", reader.model, 1e-9)
        plan = reader.plan("--format", "compressed-tensors", "--target", "vllm")
        reader.compare("4 bits, vLLM's kernel in float16", reader.quantize(plan, FOUR), 1e-5, "--dtype", "float16")
        reader.compare("mixed, reference kernel", reader.quantize(plan, MIXED), 1e-9, "--reference")


if __name__ == "__main__":
    main()
