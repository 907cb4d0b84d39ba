"""The cases of Nemotron-H, for family_cases.py."""

from make_architectures import ones, setting, zeroed
from family_switches import (
    Model, conv_without_activation, filled, first_taps_zeroed, gate_after_norm, group_norm_then_gate,
    groups_interleaved, replaced, rotated_attention, rows, with_mtp)

import torch


def nemotron_cases(config, router_features):
    """As cases() has them; `config` makes a configuration, `router_features` are those of its router."""
    nemotron = lambda **extra: config(
        "nemotron_h", "NemotronHForCausalLM", "rms_norm_eps", "hidden_act", "num_hidden_layers", hidden_size=36,
        intermediate_size=28, num_attention_heads=3, num_key_value_heads=1, head_dim=14, layer_norm_epsilon=0.05,
        mamba_num_heads=6, mamba_head_dim=5, ssm_state_size=7, n_groups=2, conv_kernel=4, expand=2, chunk_size=8,
        mamba_hidden_act="silu", mlp_hidden_act="relu2", attention_bias=False, mamba_proj_bias=False, n_routed_experts=8,
        num_experts_per_tok=3, moe_intermediate_size=14, moe_shared_expert_intermediate_size=18, n_shared_experts=1,
        norm_topk_prob=True, routed_scaling_factor=2.5, rope_theta=10000, partial_rotary_factor=1.0, time_step_min=0.001,
        time_step_max=0.1, time_step_floor=0.0001, **extra)
    gate_rows = lambda length: list(range(30, 60)) + list(range(30)) + list(range(60, length))
    nemotron_features = {
        "norm before mixer": ones("layers.0.norm"), "gated norm": ones("mixer.norm"), "final norm": ones("norm_f"),
        "norm epsilon": setting(layer_norm_epsilon=1e-6), "convolution": first_taps_zeroed("conv1d.weight"),
        "silu after the convolution": replaced("nemotron_h", "causal_conv1d_fn", conv_without_activation),
        "gate, then x": rows("in_proj.weight", gate_rows), "A_log": filled("A_log", 1.0), "dt_bias": zeroed("dt_bias"),
        "softplus": replaced("nemotron_h", "F.softplus", torch.exp), "D": zeroed("mixer.D"),
        "groups of neighbours": Model(groups_interleaved),
        "norm per group": replaced("nemotron_h", "NemotronHRMSNormGated.forward", gate_after_norm),
        "gate before norm": replaced("nemotron_h", "NemotronHRMSNormGated.forward", group_norm_then_gate),
        "attention has no rope": Model(rotated_attention), "squared relu": setting(mlp_hidden_act="relu"),
        **router_features}
    mixer = "backbone.layers.0.mixer.in_proj.weight"
    result = {"nemotron_h": (
        nemotron(hybrid_override_pattern="M-M*E", num_hidden_layers=5, n_group=1, topk_group=1, use_conv_bias=True,
                 use_bias=False, mlp_bias=False), 24, "bfloat16", mixer,
        {**nemotron_features, "convolution bias": zeroed("conv1d.bias")})}
    result["nemotron_h_latent"] = (
        nemotron(layers_block_type=["mamba", "moe", "attention"], n_group=2, topk_group=1, use_conv_bias=False, use_bias=True,
                 mlp_bias=True, moe_latent_size=10, num_nextn_predict_layers=1, mtp_layers_block_type=["attention", "moe"],
                 time_step_limit=[0.0, {"__float__": "Infinity"}]), 24, "bfloat16", mixer,
        {**nemotron_features, "groups": setting(n_group=1), "in bias": zeroed("in_proj.bias"),
         "out bias": zeroed("out_proj.bias"), "latent biases": zeroed("latent_proj.bias"),
         "shared bias": zeroed("shared_experts.up_proj.bias")}, with_mtp)
    return result
