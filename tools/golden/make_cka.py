"""Writes tests/golden/cka: biased and debiased linear CKA of small representations, a numpy reference in extended precision.

Independent of mpq. X, Y [n, d], centred by column; K = X X^T, L = Y Y^T [n, n]:
  hsic(X, Y) = sum(K * L) = ||X^T Y||_F^2;   biased = hsic(X, Y) / sqrt(hsic(X, X) hsic(Y, Y))
  debiased: hsic(X, Y) - n/(n-2) sum_i ||x_i||^2 ||y_i||^2 + ||X||_F^2 ||Y||_F^2 / ((n-1)(n-2)) in place of each hsic.
All in numpy's longdouble (64 bits of mantissa), by feature matrices and by Gram matrices: both must agree to 1e-15. The debiased form is
checked against Song et al.'s unbiased HSIC, n(n-3) times which it is: sum(K~ L~) + sum(K~) sum(L~) / ((n-1)(n-2)) - 2/(n-2) 1^T K~ L~ 1 with
K~, L~ the Gram matrices of X, Y with diagonals set to 0 (no centring needed); and `streamed` figures (sums, X^T Y, centred at the
end, float64) are checked to 1e-9.

All values are multiples of 1/256 below 2^12, so that float32 holds them and the blocks' updates (output - input) exactly.

Cases (CKA of X and Y): `independent` n 32, d 300, independent data; `wide` n 24, d 80, Y = X + noise; `tall` n 120, d 16, Y = X + noise;
`close` n 64, d 48, noise of 1/256 steps: 1 - CKA is near 1e-6; `same` Y = 2 X with channels permuted and signs flipped: both are 1;
`other_width` d 40 against 12; `output` and `update`: a block with a massive channel; X, Y outputs with the residual, `update`
the same with the shared input subtracted: 1 - CKA is far greater. `four` n 4, the least.

What the C++ test compares: Cka(X).debiased(Y) and .biased(Y) to 1e-12 absolute, in both orders of X and Y; for `close` also
1 - debiased to 1e-6 relative (float64: 1e-12 / 1e-6).

<case>.safetensors: X, Y float32 [n, d]. cases.json, a list: name, n, biased, debiased, one_minus_biased, one_minus_debiased (17 digits).
"""

import json

import numpy as np
from golden_common import out_folder, write_tensors

WIDE = np.longdouble


def quantum(x):
    return np.clip(np.round(x * 256) / 256, -4095, 4095)


def centred(x):
    x = x.astype(WIDE)
    return x - x.mean(axis=0)


def correction(x, y):
    n = WIDE(x.shape[0])
    a, b = (x * x).sum(axis=1), (y * y).sum(axis=1)
    return a.sum() * b.sum() / ((n - 1) * (n - 2)) - n / (n - 2) * (a * b).sum()


def unbiased_hsic(x, y):
    """Song et al. 2012, equation 5, times n (n-3)."""
    n = WIDE(x.shape[0])
    k, l = x.astype(WIDE) @ x.astype(WIDE).T, y.astype(WIDE) @ y.astype(WIDE).T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    return (k * l).sum() + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k.sum(axis=0) * l.sum(axis=0)).sum()


def cka(x, y):
    a, b = centred(x), centred(y)
    feature = lambda p, q: ((p.T @ q) ** 2).sum()
    gram = lambda p, q: ((p @ p.T) * (q @ q.T)).sum()
    biased, debiased = [], []
    for form in (feature, gram):
        terms = [form(a, b), form(a, a), form(b, b)]
        biased.append(terms[0] / np.sqrt(terms[1] * terms[2]))
        fixed = [terms[0] + correction(a, b), terms[1] + correction(a, a), terms[2] + correction(b, b)]
        debiased.append(fixed[0] / np.sqrt(fixed[1] * fixed[2]))
    assert abs(biased[0] - biased[1]) < 1e-15 and abs(debiased[0] - debiased[1]) < 1e-15
    other = unbiased_hsic(x, y) / np.sqrt(unbiased_hsic(x, x) * unbiased_hsic(y, y))
    # This form does not centre: large means cancel.
    assert abs(other - debiased[0]) < 1e-12, (other, debiased[0])
    return biased[0], debiased[0]


def streamed(x, y):
    """Biased CKA in float64 from n, sums and products of chunks of 7 rows."""
    total_x, total_y = np.zeros(x.shape[1]), np.zeros(y.shape[1])
    xx, yy, xy = (np.zeros((a.shape[1], b.shape[1])) for a, b in ((x, x), (y, y), (x, y)))
    for i in range(0, len(x), 7):
        p, q = x[i:i + 7].astype(np.float64), y[i:i + 7].astype(np.float64)
        total_x, total_y, xx, yy, xy = total_x + p.sum(0), total_y + q.sum(0), xx + p.T @ p, yy + q.T @ q, xy + p.T @ q
    n = len(x)
    norm = lambda product, a, b: ((product - np.outer(a, b) / n) ** 2).sum()
    return norm(xy, total_x, total_y) / np.sqrt(norm(xx, total_x, total_x) * norm(yy, total_y, total_y))


def make_cases():
    normal = lambda seed, *shape: np.random.default_rng(seed).standard_normal(shape)
    yield "independent", normal(1, 32, 300), normal(2, 32, 300)
    x = normal(3, 24, 80) + 1
    yield "wide", x, x + 0.4 * normal(4, 24, 80)
    x = normal(5, 120, 16) @ (np.eye(16) + 0.3 * normal(6, 16, 16)) - 2
    yield "tall", x, x + 0.4 * normal(7, 120, 16)
    x = 3 * normal(8, 64, 48)
    yield "close", x, quantum(x) + np.random.default_rng(9).integers(-1, 2, x.shape) / 256
    x, rng = normal(10, 20, 30), np.random.default_rng(11)
    yield "same", x, 2 * quantum(x)[:, rng.permutation(30)] * rng.choice([-1.0, 1.0], 30)
    x = normal(12, 50, 40)
    yield "other_width", x, x @ normal(13, 40, 12) + normal(14, 50, 12)
    hidden = normal(15, 60, 32) * 2
    hidden[:, 7] += 300 * np.abs(normal(16, 60))  # a massive channel that the residual carries on
    update = normal(17, 60, 32) @ (np.eye(32) + 0.5 * normal(18, 32, 32))
    error = 0.3 * normal(19, 60, 32)
    hidden, exact, quantized = quantum(hidden), quantum(update), quantum(update + error)
    yield "output", hidden + exact, hidden + quantized
    yield "update", exact, quantized
    yield "four", normal(20, 4, 6), normal(21, 4, 6)


def main():
    folder = out_folder("cka", __doc__)
    cases = []
    for name, x, y in make_cases():
        x, y = quantum(x).astype(np.float32), quantum(y).astype(np.float32)
        biased, debiased = cka(x, y)
        assert abs(streamed(x, y) - biased) < 1e-9
        write_tensors(folder / f"{name}.safetensors", {"X": x, "Y": y}, {"name": name})
        cases.append({"name": name, "n": len(x), "biased": float(biased), "debiased": float(debiased),
                      "one_minus_biased": float(1 - biased), "one_minus_debiased": float(1 - debiased)})
        print(cases[-1])
    by_name = {case["name"]: case for case in cases}
    assert abs(by_name["same"]["debiased"] - 1) < 1e-15 and by_name["update"]["one_minus_debiased"] > 100 * by_name["output"]["one_minus_debiased"]
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
