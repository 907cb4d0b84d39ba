"""MLX on the CPU, in float32: a folder that mlx-lm loads, dense or MLX-quantized."""

import mlx.core as mx
import rows
from mlx_lm.utils import load_model


def main():
    given, prompts = rows.arguments(__doc__)
    mx.set_default_device(mx.cpu)
    model, _ = load_model(given.checkpoint)
    model.set_dtype(mx.float32)

    def forward(ids):
        logits = model(mx.array([ids]))[0].astype(mx.float32)
        mx.eval(logits)
        return memoryview(logits)

    rows.run(given, prompts, forward)


if __name__ == "__main__":
    main()
