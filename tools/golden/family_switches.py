"""Switches that turn a feature of a family off, and what published checkpoints hold beside a language model."""

import importlib
from unittest import mock

from make_architectures import setting

import torch

PROMPT, NEW, EOS = 8, 12, 2
ONE_PLUS = {"gemma", "gemma3_text", "gemma3", "qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe"}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 6, "linear_value_head_dim": 5,
          "linear_conv_kernel_dim": 4}
VISION_SIGLIP = {"model_type": "siglip_vision_model", "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 1,
                 "num_attention_heads": 2, "image_size": 16, "patch_size": 8, "vision_use_head": False}
VISION_PIXTRAL = {"model_type": "pixtral", "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1,
                  "num_attention_heads": 2, "head_dim": 8, "image_size": 16, "patch_size": 4}


# Switches. One that takes (config, tensors) changes the checkpoint; a Model changes the loaded model.


class Model:
    def __init__(self, change):
        self.change = change


def each_module(match, change):
    """A switch that applies `change` to the modules whose class name ends with `match`."""
    def switch(model, stack):
        found = [module for module in model.modules() if type(module).__name__.endswith(match)]
        assert found, match
        for module in found:
            change(module)
    return Model(switch)


def replaced(family, name, value):
    """A switch that replaces a function or a method (`Class.method`) of the family's modeling file."""
    def switch(model, stack):
        owner = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
        *path, attribute = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        assert hasattr(owner, attribute), name
        stack.enter_context(mock.patch.object(owner, attribute, value))
    return Model(switch)


def removed(part):
    def switch(config, tensors):
        found = [name for name in tensors if part in name]
        assert found, part
        for name in found:
            del tensors[name]
    return switch


def filled(part, value):
    def switch(config, tensors):
        assert any(part in name for name in tensors), part
        for name in tensors:
            if part in name:
                tensors[name] = torch.full_like(tensors[name], value)
    return switch


def text(**values):
    """`setting` inside text_config."""
    def switch(config, tensors):
        setting(**values)(config["text_config"], tensors)
    return switch


def rows(part, order, dim=0):
    """A switch that reorders the rows of the tensors whose name contains `part`; order(length) gives the permutation."""
    def switch(config, tensors):
        found = [name for name in tensors if part in name]
        assert found, part
        for name in found:
            tensors[name] = tensors[name].index_select(dim, torch.tensor(order(tensors[name].shape[dim]))).contiguous()
    return switch


def exchanged(one, other):
    def switch(config, tensors):
        found = [name for name in tensors if one in name]
        assert found, one
        for name in found:
            partner = name.replace(one, other)
            tensors[name], tensors[partner] = tensors[partner], tensors[name]
    return switch


def both(*switches):
    def switch(config, tensors):
        for one in switches:
            one(config, tensors)
    return switch


def rope_layout(head_dim, rotary, interleaved, parts=("q_proj.", "k_proj.")):
    """The checkpoint as a reader with the other rope layout would see it (`interleaved`: what the family has)."""
    half = rotary // 2
    pairs = [j // 2 + (j % 2) * half for j in range(rotary)]
    if not interleaved:
        pairs = [2 * j for j in range(half)] + [2 * j + 1 for j in range(half)]
    head = pairs + list(range(rotary, head_dim))
    order = lambda length: [h * head_dim + j for h in range(length // head_dim) for j in head]
    return both(*(rows(part, order) for part in parts))


def halves(length):
    return list(range(length // 2, length)) + list(range(length // 2))


def per_head_norm(module):
    """Normalises every head by itself where the family normalises the full width."""
    head_dim = module.head_dim
    for norm in (module.q_norm, module.k_norm):
        def forward(x, norm=norm):
            heads = x.unflatten(-1, (-1, head_dim))
            heads = heads * torch.rsqrt(heads.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)
            return heads.flatten(-2) * norm.weight
        norm.forward = forward


def rms_instead(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def sequential(self, hidden_states, **kwargs):
    hidden_states = hidden_states + self.self_attn(hidden_states=self.input_layernorm(hidden_states), **kwargs)[0]
    return hidden_states + self.mlp(self.input_layernorm(hidden_states))


def unscaled_embedding(model, stack):
    embedding = model.get_input_embeddings()
    embedding.embed_scale = torch.tensor(1.0)


def biased_weights(self, hidden_states):
    """The sigmoid router, with the correction bias in the weights too."""
    logits = torch.nn.functional.linear(hidden_states.view(-1, self.hidden_dim), self.weight)
    scores = logits.sigmoid() + self.e_score_correction_bias
    groups = scores.view(-1, self.num_group, self.num_experts // self.num_group)
    best = torch.topk(groups.topk(2, dim=-1)[0].sum(-1), self.topk_group, dim=-1)[1]
    mask = torch.zeros(groups.shape[:2]).scatter_(1, best, 1).unsqueeze(-1).expand_as(groups).reshape(scores.shape).bool()
    weights, index = torch.topk(scores.masked_fill(~mask, float("-inf")), self.top_k, dim=-1)
    if self.norm_topk_prob:
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
    return logits, weights * self.routed_scaling_factor, index


def group_by_best(self, hidden_states):
    """The sigmoid router, with a group's score its best expert alone."""
    logits = torch.nn.functional.linear(hidden_states.view(-1, self.hidden_dim), self.weight)
    scores = logits.sigmoid()
    choice = scores + self.e_score_correction_bias
    groups = choice.view(-1, self.num_group, self.num_experts // self.num_group)
    best = torch.topk(groups.max(-1)[0], self.topk_group, dim=-1)[1]
    mask = torch.zeros(groups.shape[:2]).scatter_(1, best, 1).unsqueeze(-1).expand_as(groups).reshape(scores.shape).bool()
    index = torch.topk(choice.masked_fill(~mask, float("-inf")), self.top_k, dim=-1)[1]
    weights = scores.gather(1, index)
    if self.norm_topk_prob:
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
    return logits, weights * self.routed_scaling_factor, index


def softmax_first(self, hidden_states):
    """The gpt_oss router, with the softmax over all experts."""
    logits = torch.nn.functional.linear(hidden_states, self.weight, self.bias)
    weights, index = torch.topk(logits.softmax(-1), self.top_k, dim=-1)
    return logits, weights, index


def not_renormalised(self, hidden_states):
    logits = torch.nn.functional.linear(hidden_states.reshape(-1, self.hidden_dim), self.weight)
    weights, index = torch.topk(logits.softmax(-1), self.top_k, dim=-1)
    return logits, weights, index


def sigmoid_router(self, hidden_states):
    logits = torch.nn.functional.linear(hidden_states.reshape(-1, self.hidden_dim), self.weight)
    weights, index = torch.topk(logits.sigmoid(), self.top_k, dim=-1)
    return logits, weights / weights.sum(-1, keepdim=True), index


def gate_after_norm(self, hidden_states, gate):
    """The gated norm, with the gate before the norm."""
    hidden_states = hidden_states * torch.nn.functional.silu(gate)
    return self.weight * hidden_states * torch.rsqrt(hidden_states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def group_norm_then_gate(self, hidden_states, gate):
    """The gated norm of groups, with the gate after the norm."""
    groups = hidden_states.unflatten(-1, (-1, self.group_size))
    groups = groups * torch.rsqrt(groups.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * groups.flatten(-2) * torch.nn.functional.silu(gate)


def groups_interleaved(model, stack):
    """Mamba heads that take the groups of B and C in turns."""
    owner = importlib.import_module("transformers.models.nemotron_h.modeling_nemotron_h")
    original = owner.mamba2_chunk_scan
    def scan(x, dt, A, B, C, **kwargs):
        B, C = (part.repeat(1, 1, x.shape[2] // part.shape[2], 1) for part in (B, C))
        return original(x, dt, A, B, C, **kwargs)
    stack.enter_context(mock.patch.object(owner, "mamba2_chunk_scan", scan))


def rotated_attention(model, stack):
    """Attention with the rope of rope_theta 10000."""
    owner = importlib.import_module("transformers.models.nemotron_h.modeling_nemotron_h")
    original = owner.eager_attention_forward
    def attention(module, query, key, *args, **kwargs):
        length, head_dim = query.shape[-2:]
        angles = torch.outer(torch.arange(length), 10000.0 ** (-torch.arange(0, head_dim, 2) / head_dim)).repeat(1, 2)[None]
        query, key = owner.apply_rotary_pos_emb(query, key, angles.cos(), angles.sin())
        return original(module, query, key, *args, **kwargs)
    stack.enter_context(mock.patch.object(owner, "eager_attention_forward", attention))


def values_are_normed_keys(module):
    """gemma4's values that are its keys, taken after the keys' norm."""
    if module.v_proj is None:
        module.v_norm.forward = module.k_norm.forward


def conv_without_activation(hidden_states, weight, bias=None, activation=None, **kwargs):
    channels, length = hidden_states.shape[1:]
    return torch.nn.functional.conv1d(hidden_states, weight.unsqueeze(1), bias, padding=weight.shape[-1] - 1,
                                      groups=channels)[:, :, :length]


def first_taps_zeroed(part):
    """A switch that leaves only the present of the causal convolutions."""
    def switch(config, tensors):
        found = [name for name in tensors if part in name]
        assert found, part
        for name in found:
            tensors[name] = torch.cat([torch.zeros_like(tensors[name][..., :-1]), tensors[name][..., -1:]], -1)
    return switch


def gate_rows_zeroed(config, tensors):
    """q_proj of [query, gate] per head, without the gate."""
    head_dim = config.get("text_config", config)["head_dim"]
    for name in tensors:
        if "layers" in name and "q_proj.weight" in name:
            parts = tensors[name].clone().unflatten(0, (-1, 2, head_dim))
            parts[:, 1] = 0
            tensors[name] = parts.flatten(0, 2).contiguous()


def gate_flat(head_dim):
    """q_proj as read with all queries first, then all gates."""
    def order(length):
        heads = length // (2 * head_dim)
        flat = torch.arange(length).view(2, heads, head_dim)
        return flat.transpose(0, 1).flatten().tolist()
    return rows("q_proj.weight", order)


def qkvz_flat(config, tensors):
    """in_proj_qkvz as read with all of q, then k, v and z."""
    nk, nv = config["linear_num_key_heads"], config["linear_num_value_heads"]
    dk, dv = config["linear_key_head_dim"], config["linear_value_head_dim"] * nv // nk
    index = torch.arange(2 * nk * dk + 2 * nk * dv)
    q, k, v, z = index.split([nk * dk, nk * dk, nk * dv, nk * dv])
    grouped = torch.cat([q.view(nk, dk), k.view(nk, dk), v.view(nk, dv), z.view(nk, dv)], 1).flatten().tolist()
    rows("in_proj_qkvz", lambda length: grouped)(config, tensors)


def ba_flat(config, tensors):
    nk, nv = config["linear_num_key_heads"], config["linear_num_value_heads"]
    index = torch.arange(2 * nv).view(2, nk, nv // nk)
    rows("in_proj_ba", lambda length: index.transpose(0, 1).flatten().tolist())(config, tensors)


def key_heads_swapped(length):
    """in_proj_qkv or conv1d with the two key heads exchanged: the other mapping of value heads to key heads."""
    dk = LINEAR["linear_key_head_dim"]
    order = list(range(length))
    for start in (0, 2 * dk):
        order[start:start + 2 * dk] = [start + j for j in halves(2 * dk)]
    return order


def untied(config, tensors):
    """A switch for tied heads: an unrelated head instead."""
    for part in (config, config.get("text_config", {})):
        part["tie_word_embeddings"] = False
    embedding = next(tensors[name] for name in tensors if name.endswith("embed_tokens.weight"))
    head = "language_model.lm_head.weight" if any(name.startswith("language_model.") for name in tensors) else "lm_head.weight"
    tensors[head] = embedding.flip(0).contiguous()


# What a published checkpoint holds beside the language model.


def published_gemma3(tensors, generator):
    return {name.replace("vision_tower.", "vision_tower.vision_model."): value for name, value in tensors.items()}


def nested_qwen(tensors, generator):
    out = {name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name: value
           for name, value in tensors.items()}
    for name, shape in {"model.visual.patch_embed.proj.weight": (8, 3, 2, 4, 4), "model.visual.blocks.0.attn.qkv.weight": (24,
                                                                                                                           8),
                        "model.visual.merger.linear_fc2.bias": (40,), "mtp.fc.weight": (40, 80),
                        "mtp.layers.0.self_attn.q_proj.weight": (32, 40), "mtp.norm.weight": (40,)}.items():
        out[name] = torch.randn(shape, generator=generator).to(next(iter(tensors.values())).dtype)
    return out


def with_next_layer(tensors, generator):
    """A multi-token prediction layer after the last one."""
    out = dict(tensors)
    for name, shape in {"eh_proj.weight": (36, 72), "enorm.weight": (36,), "hnorm.weight": (36,),
                        "shared_head.norm.weight": (36,),
                        "input_layernorm.weight": (36,), "self_attn.o_proj.weight": (36, 30)}.items():
        out[f"model.layers.3.{name}"] = torch.randn(shape, generator=generator).to(tensors["model.norm.weight"].dtype)
    return out


def nested_gemma4(tensors, generator):
    """With the keys and values of the layers that share those of another, which are in the published files."""
    out = dict(tensors)
    for layer, head_dim in ((2, 8), (3, 16)):
        for name, shape in {"k_proj": (2 * head_dim, 36), "v_proj": (2 * head_dim, 36), "k_norm": (head_dim,)}.items():
            name = f"model.language_model.layers.{layer}.self_attn.{name}.weight"
            assert name not in out
            out[name] = torch.randn(shape, generator=generator).to(next(iter(tensors.values())).dtype)
    return out


def with_mtp(tensors, generator):
    out = dict(tensors)
    for name, shape in {"mtp.fc.weight": (40, 80), "mtp.layers.0.input_layernorm.weight": (40,)}.items():
        out[name] = torch.randn(shape, generator=generator).to(next(iter(tensors.values())).dtype)
    return out


def fused_experts(tensors, generator):
    """Per-expert matrices as qwen3_5_moe publishes them: gate_up_proj [E, 2 I, H] and down_proj [E, H, I]."""
    out, experts = {}, {}
    for name, value in tensors.items():
        if ".mlp.experts." in name:
            prefix, rest = name.split(".mlp.experts.")
            index, part = rest.removesuffix(".weight").split(".")
            experts.setdefault(prefix, {})[int(index), part] = value
        else:
            out[name] = value
    for prefix, parts in experts.items():
        count = 1 + max(index for index, _ in parts)
        out[f"{prefix}.mlp.experts.gate_up_proj"] = torch.stack(
            [torch.cat([parts[e, "gate_proj"], parts[e, "up_proj"]]) for e in range(count)])
        out[f"{prefix}.mlp.experts.down_proj"] = torch.stack([parts[e, "down_proj"] for e in range(count)])
    return out


def nested_qwen_moe(tensors, generator):
    return nested_qwen(fused_experts(tensors, generator), generator)
