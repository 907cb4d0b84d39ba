"""Writes tests/golden/qp: random block-structured quadratic programs and their optima by brute force, numpy.

Independent of mpq. B blocks of k linears, 5 ratios (choices) each. Row b_i = i * 5 + m of a block's matrix M [5k, 5k] is choice m of linear i:
 M_rr = 2 loss(i, m); M_rs = M_sr = interaction(i, m; j, p) for linears i != j; 0 between choices of one linear; 0 between blocks.
 Then min over one-hot d of d^T M d, sum of costs <= capacity. d^T M d = 2 (sum of losses + sum over pairs of interactions): `value` is
 half of it, the joint loss, which is what mpq reports as predicted_loss.
Interactions are noisy, so M is indefinite. Each block's M is projected: M+ = sum over eigenvalues > 0 of lambda v v^T; clipped = sum of
|lambda| over the negative ones, kept = sum over the positive. The optimum is that of M+, over all 5^(Bk) choices. `unprojected` is the optimum
of M itself, where no joint loss of any block is negative (mpq reads those as 0), else null.
An instance is taken only when the second-best value of M+ is 1e-5 (relative) above the best.

What the C++ test compares: an AllocationProblem of B k units (block b, candidates: loss, bytes = cost) and the pairs of every block,
allocator qp, budget_bytes = capacity: choice exactly, bytes = cost, predicted_loss against value 1e-6 relative, gap 0 (or within 1e-6
of value), clipped against clipped_share 1e-9; qp:psd=false against `unprojected` the same way. project_psd() of each M against M_psd,
1e-9 absolute (entries are about 1).

cases.json, a list: name, seed, capacity (bytes), least_cost and greatest_cost; value, second_value, choice [B][k], cost; uniform_value (the best of
equal ratios everywhere within the capacity) and additive_choice, additive_value (the optimum when pairs are ignored: its value under M+);
clipped, kept, clipped_share = clipped / (clipped + kept) over all blocks; unprojected: {value, choice, cost} or null;
blocks, each: loss [k][5], cost [k][5] (integers), pairs [{first, second, interaction [5][5]}] (linears of the block, first < second), M [5k][5k]
(before), M_psd [5k][5k] (after), eigenvalues [5k] (before), clipped, kept.
"""

import itertools

import numpy as np
from golden_common import out_folder, write_json

CHOICES = 5
RATIOS = np.array([0.02, 0.05, 0.10, 0.15, 0.20])


def random_block(rng, k, noise):
    """Losses fall and costs rise with the ratio; interactions grow with the losses, and carry noise."""
    size = np.exp(rng.standard_normal(k) * 0.8)
    loss = size[:, None] * (1.1 - 4 * RATIOS + 6 * RATIOS**2) * (1 + 0.05 * rng.standard_normal((k, CHOICES)))
    weights = rng.integers(2, 9, k) * 256
    cost = np.round(weights[:, None] * (2 + RATIOS) + rng.integers(0, 64, (k, CHOICES))).astype(int)
    pairs = []
    for i, j in itertools.combinations(range(k), 2):
        root = np.sqrt(np.outer(loss[i], loss[j]))
        pairs.append({"first": i, "second": j, "interaction": root * (0.3 * rng.uniform(-1, 1) + noise * rng.standard_normal(root.shape))})
    return {"loss": np.round(loss, 6), "cost": cost, "pairs": [{**p, "interaction": np.round(p["interaction"], 6)} for p in pairs]}


def matrix(block):
    k = len(block["loss"])
    m = np.diag(2 * block["loss"].reshape(-1))
    for pair in block["pairs"]:
        a, b = pair["first"] * CHOICES, pair["second"] * CHOICES
        m[a:a + CHOICES, b:b + CHOICES] = pair["interaction"]
        m[b:b + CHOICES, a:a + CHOICES] = pair["interaction"].T
    assert m.shape == (k * CHOICES, k * CHOICES) and (m == m.T).all()
    return m


def joint(block, m):
    """All joint choices of a block, their half values and costs."""
    k = len(block["loss"])
    choices = np.array(list(itertools.product(range(CHOICES), repeat=k)))
    rows = choices + np.arange(k) * CHOICES
    values = np.array([m[np.ix_(r, r)].sum() / 2 for r in rows])
    costs = block["cost"].reshape(-1)[rows].sum(axis=1)
    return choices, values, costs


def brute_force(tables, capacity):
    """The best (value, choice, cost) and the second-best value of all combinations of all blocks."""
    values, costs = np.zeros(1), np.zeros(1, dtype=int)
    for _, v, c in tables:
        values, costs = np.add.outer(values, v).reshape(-1), np.add.outer(costs, c).reshape(-1)
    values = np.where(costs <= capacity, values, np.inf)
    order = np.argpartition(values, 1)[:2]
    order = order[np.argsort(values[order])]
    places = np.unravel_index(order[0], [len(t[1]) for t in tables])
    choice = [tables[b][0][place].tolist() for b, place in enumerate(places)]
    return float(values[order[0]]), choice, int(costs[order[0]]), float(values[order[1]])


def value_of(tables, choice):
    return sum(float(v[(c == np.array(own)).all(axis=1)][0]) for (c, v, _), own in zip(tables, choice))


def make_instance(name, seed, blocks, k, noise, tightness):
    rng = np.random.default_rng(seed)
    made = [random_block(rng, k, noise) for _ in range(blocks)]
    for block in made:
        m = matrix(block)
        lam, v = np.linalg.eigh(m)
        positive = lam > 0
        block.update({"M": m, "M_psd": (v[:, positive] * lam[positive]) @ v[:, positive].T, "eigenvalues": lam,
                      "clipped": float(-lam[~positive].sum()), "kept": float(lam[positive].sum())})
    least, most = (sum(int(f(b["cost"], axis=1).sum()) for b in made) for f in (np.min, np.max))
    capacity = int(least + tightness * (most - least))
    tables = [joint(b, b["M_psd"]) for b in made]
    value, choice, cost, second = brute_force(tables, capacity)
    additive = [joint(b, np.diag(np.diag(b["M"]))) for b in made]
    additive_choice = brute_force(additive, capacity)[1]
    uniform = [value_of(tables, [[m] * k] * blocks) for m in range(CHOICES) if sum(int(b["cost"][:, m].sum()) for b in made) <= capacity]
    raw_tables = [joint(b, b["M"]) for b in made]
    raw = None
    if all((t[1] >= 0).all() for t in raw_tables):
        raw_value, raw_choice, raw_cost, raw_second = brute_force(raw_tables, capacity)
        raw = {"value": raw_value, "choice": raw_choice, "cost": raw_cost} if raw_second > raw_value * (1 + 1e-5) else None
    clipped, kept = sum(b["clipped"] for b in made), sum(b["kept"] for b in made)
    return {"name": name, "seed": seed, "capacity": capacity, "least_cost": least, "greatest_cost": most, "value": value,
            "second_value": second, "choice": choice, "cost": cost, "uniform_value": min(uniform) if uniform else None,
            "additive_choice": additive_choice, "additive_value": value_of(tables, additive_choice), "clipped": clipped, "kept": kept,
            "clipped_share": clipped / (clipped + kept), "unprojected": raw, "blocks": made}


def main():
    folder = out_folder("qp", __doc__)
    cases = []
    for name, blocks, k, noise, tightness in (("pairs", 4, 2, 0.1, 0.5), ("triples", 3, 3, 0.2, 0.4), ("noisy", 2, 4, 0.9, 0.3),
                                              ("single", 1, 3, 0.5, 0.6), ("no_interaction", 6, 1, 0.0, 0.35), ("tight", 3, 3, 0.3, 0.02),
                                              ("loose", 3, 2, 0.3, 1.0)):
        for seed in range(1000):
            case = make_instance(name, seed, blocks, k, noise, tightness)
            psd_expected = noise > 0.2
            if case["second_value"] > case["value"] * (1 + 1e-5) and (not psd_expected or case["clipped"] > 0):
                break
        else:
            raise SystemExit(f"{name}: no seed is clear enough")
        cases.append(case)
        print(f"{name}: seed {seed}, value {case['value']:.5f} (second {case['second_value']:.5f}, additive {case['additive_value']:.5f}, "
              f"uniform {case['uniform_value']}), cost {case['cost']} of {case['capacity']}, "
              f"clipped {case['clipped_share']:.2e}, raw {case['unprojected'] is not None}")
    write_json(folder / "cases.json", cases, digits=14)


if __name__ == "__main__":
    main()
