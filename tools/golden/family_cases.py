"""The cases of make_families.py: a configuration of every family, and what each of its features is turned off by."""

from make_architectures import base, ones, setting, shifted, without, zeroed
from family_switches import (
    LINEAR, Model, VISION_PIXTRAL, VISION_SIGLIP, ba_flat, biased_weights, both, conv_without_activation,
    each_module, exchanged, filled, first_taps_zeroed, gate_after_norm, gate_flat, gate_rows_zeroed, group_by_best,
    halves, key_heads_swapped, nested_gemma4, nested_qwen, nested_qwen_moe, not_renormalised, per_head_norm,
    published_gemma3, qkvz_flat, removed, replaced, rms_instead, rope_layout, rows, sequential, sigmoid_router,
    softmax_first, text, unscaled_embedding, untied, values_are_normed_keys, with_mtp, with_next_layer)
from nemotron_cases import nemotron_cases

import torch


def cases():
    """name -> (config, length, stored dtype, a linear of block 0, {feature: switch}[, what to do with the tensors])."""
    def config(model_type, name, *dropped, **extra):
        out = base(model_type, name)
        for key in dropped:
            out.pop(key)
        out.update(extra)
        return out
    q = "model.layers.0.self_attn.q_proj.weight"
    sandwich = {"norm before attention": ones("input_layernorm"), "norm after attention": ones("post_attention_layernorm"),
                "norm before mlp": ones("pre_feedforward_layernorm"), "norm after mlp": ones("post_feedforward_layernorm")}
    post_norms = {"norm after attention": ones("post_attention_layernorm"),
                  "norm after mlp": ones("post_feedforward_layernorm")}
    qk = {"q norm": ones("q_norm"), "k norm": ones("k_norm")}
    qkv_bias = {"q bias": zeroed("q_proj.bias"), "k bias": zeroed("k_proj.bias"), "v bias": zeroed("v_proj.bias")}
    result = {}

    result["olmo2"] = (
        config("olmo2", "Olmo2ForCausalLM", rope_theta=1000.0, rope_scaling=None, attention_bias=False), 32, "bfloat16", q,
        {**post_norms, **qk, "full-width norms": each_module("Olmo2Attention", per_head_norm),
         "norm epsilon": setting(rms_norm_eps=0.1), "rope theta": setting(rope_theta=10000.0),
         "half-split rope": rope_layout(10, 10, False)})
    olmo3 = lambda **extra: config("olmo3", "Olmo3ForCausalLM", num_hidden_layers=4, sliding_window=8, hidden_size=32,
                                   intermediate_size=44, **extra)
    result["olmo3"] = (
        olmo3(rope_theta=500000.0, rope_scaling={"rope_type": "yarn", "factor": 8.0, "attention_factor": 1.2,
                                                 "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 16},
              layer_types=["sliding_attention"] * 3 + ["full_attention"]), 32, "bfloat16", q,
        {**post_norms, **qk, "full-width norms": each_module("Olmo3Attention", per_head_norm),
         "sliding window": setting(sliding_window=128), "window is exact": setting(sliding_window=9),
         "layer types": setting(layer_types=["sliding_attention"] * 4), "rope scaling": setting(rope_scaling=None),
         "rope scaling of full layers only": lambda c, t: c.update(rope_parameters={
             kind: {**c["rope_scaling"], "rope_theta": 500000.0} for kind in ("full_attention", "sliding_attention")},
                                                                   rope_scaling=None)})
    result["olmo3_nested"] = (
        olmo3(rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                               "full_attention": {"rope_type": "linear", "factor": 3.0, "rope_theta": 5000.0}},
              tie_word_embeddings=True), 24, "float16", q,
        {"default layer types": setting(layer_types=["sliding_attention"] * 4), "tied head": untied,
         "sliding theta": setting(rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}),
         "full scaling": setting(rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 5000.0}})})

    result["smollm3"] = (
        config("smollm3", "SmolLM3ForCausalLM", "tie_word_embeddings", num_hidden_layers=4, hidden_size=36,
               intermediate_size=44, num_attention_heads=6, num_key_value_heads=3, rope_theta=1000.0), 32, "bfloat16", q,
        {"layer without rope": setting(no_rope_layers=[1, 1, 1, 1]), "default interval": setting(no_rope_layer_interval=2),
         "tied head": untied, "half-split rope": rope_layout(6, 6, False)})
    result["smollm3_window"] = (
        config("smollm3", "SmolLM3ForCausalLM", num_hidden_layers=3, head_dim=12, no_rope_layers=[1, 0, 1],
               use_sliding_window=True, sliding_window=8, attention_bias=True, mlp_bias=True), 32, "bfloat16", q,
        {**qkv_bias, "o bias": zeroed("o_proj.bias"), "gate bias": zeroed("gate_proj.bias"),
         "down bias": zeroed("down_proj.bias"),
         "layer without rope": setting(no_rope_layers=[1, 1, 1], layer_types=["full_attention", "sliding_attention",
                                                                              "full_attention"]),
         "window": setting(use_sliding_window=False), "default theta": setting(rope_theta=500.0)})

    result["granite"] = (
        config("granite", "GraniteForCausalLM", tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
               embedding_multiplier=6.0, attention_multiplier=0.15, residual_multiplier=0.4, logits_scaling=1.5,
               rope_theta=1000.0), 32, "bfloat16", q,
        {**qkv_bias, "o bias": zeroed("o_proj.bias"), "up bias": zeroed("up_proj.bias"), "tied head": untied,
         "embedding multiplier": without("embedding_multiplier"),
         "attention multiplier": setting(attention_multiplier=10 ** -0.5),
         "residual multiplier": without("residual_multiplier"), "logits scaling": without("logits_scaling")})

    glm = {"half rotation": setting(partial_rotary_factor=1.0), "interleaved rope": rope_layout(12, 6, True), **qkv_bias,
           "gate first": rows("gate_up_proj", halves)}
    result["glm4"] = (
        config("glm4", "Glm4ForCausalLM", head_dim=12, attention_bias=True, partial_rotary_factor=0.5, rope_theta=1000.0),
        32, "bfloat16", q,
        {**glm, "norm after attention": ones("post_self_attn_layernorm"), "norm after mlp": ones("post_mlp_layernorm"),
         "norm before mlp": ones("post_attention_layernorm")})
    result["glm"] = (
        config("glm", "GlmForCausalLM", head_dim=12, num_key_value_heads=1, rope_theta=1000.0), 24, "bfloat16", q, glm)

    cohere = lambda model_type, name, *dropped, **extra: config(model_type, name, "rms_norm_eps", *dropped, layer_norm_eps=1e-5,
                                                                **extra)
    def cohere_features(family, name):
        return {"interleaved rope": rope_layout(12, 12, True),
                "norm subtracts the mean": replaced(family, f"{name}LayerNorm.forward", rms_instead),
                "parallel block": replaced(family, f"{name}DecoderLayer.forward", sequential), "tied head": untied,
                "norm epsilon": setting(layer_norm_eps=0.1)}
    def with_rope(module):
        module.sliding_window = 1
    result["cohere2"] = (
        cohere("cohere2", "Cohere2ForCausalLM", "tie_word_embeddings", hidden_size=48, intermediate_size=40,
               num_hidden_layers=4, sliding_window=8, logit_scale=0.25, rope_theta=1000.0), 32, "bfloat16", q,
        {**cohere_features("cohere2", "Cohere2"), "logit scale": without("logit_scale"),
         "sliding window": setting(sliding_window=128),
         "window is exact": setting(sliding_window=9), "default pattern": setting(layer_types=["sliding_attention"] * 4),
         "full layers have no rope": each_module("Attention", with_rope)})
    result["cohere"] = (
        cohere("cohere", "CohereForCausalLM", "tie_word_embeddings", hidden_size=48, intermediate_size=40, use_qk_norm=True,
               attention_bias=True, num_key_value_heads=2), 24, "bfloat16", q,
        {**cohere_features("cohere", "Cohere"), "default logit scale": setting(logit_scale=1.0), **qk, **qkv_bias,
         "default theta": setting(rope_theta=100.0)})

    exaone = lambda **extra: config("exaone4", "Exaone4ForCausalLM", head_dim=12, intermediate_size=44, rope_theta=1000.0,
                                    **extra)
    def sliding_now(module):
        module.is_sliding = True
    result["exaone4"] = (
        exaone(num_hidden_layers=4, sliding_window=8, sliding_window_pattern=4), 32, "bfloat16", q,
        {**post_norms, **qk, "sliding window": setting(sliding_window=128), "window is exact": setting(sliding_window=9),
         "layer types": setting(layer_types=["sliding_attention"] * 4),
         "full layers have no rope": each_module("Attention", sliding_now)})
    result["exaone4_full"] = (
        exaone(num_hidden_layers=2, sliding_window=None, layer_types=["full_attention"] * 2, tie_word_embeddings=True,
               rope_scaling={"rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 64}), 32, "bfloat16", q,
        {**post_norms, **qk, "rope": setting(rope_theta=1e9), "rope scaling": setting(rope_scaling=None), "tied head": untied})

    result["ernie4_5"] = (
        config("ernie4_5", "Ernie4_5ForCausalLM", head_dim=12, use_bias=True, tie_word_embeddings=True, rope_theta=1000.0),
        24, "bfloat16", q,
        {"rope in pairs": rope_layout(12, 12, True), **qkv_bias, "o bias": zeroed("o_proj.bias"),
         "down bias": zeroed("down_proj.bias"), "tied head": untied})
    result["seed_oss"] = (
        config("seed_oss", "SeedOssForCausalLM", head_dim=12, num_key_value_heads=1, attention_bias=True,
               attention_out_bias=False,
               rope_scaling={"rope_type": "default"}, rope_theta=1000.0), 32, "bfloat16", q, {**qkv_bias})
    result["seed_oss_out_bias"] = (
        config("seed_oss", "SeedOssForCausalLM", head_dim=8, attention_out_bias=True, mlp_bias=True), 24, "bfloat16", q,
        {**qkv_bias, "o bias": zeroed("o_proj.bias"), "gate bias": zeroed("gate_proj.bias"),
         "down bias": zeroed("down_proj.bias")})

    gemma3 = {"hidden_size": 40, "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4,
              "num_key_value_heads": 2,
              "head_dim": 12, "vocab_size": 97, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "sliding_window": 8,
              "sliding_window_pattern": 3, "query_pre_attn_scalar": 20, "rope_theta": 5000.0, "rope_local_base_freq": 100.0,
              "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "hidden_activation": "gelu_pytorch_tanh"}
    def gemma3_features(change, drop):
        return {**sandwich, **qk, "sliding window": change(sliding_window=128), "window is exact": change(sliding_window=9),
                "pattern": change(sliding_window_pattern=2), "query scalar": change(query_pre_attn_scalar=12),
                "rope scaling": change(rope_scaling=None), "global theta": change(rope_theta=1e6),
                "local theta": change(rope_local_base_freq=10000.0), "tanh gelu": change(hidden_activation="silu"),
                "norms are 1 + w": shifted("norm.weight", -1.0), "embedding scale": Model(unscaled_embedding),
                "tied head": untied,
                "rope scaling of global layers only": lambda c, t: change(rope_parameters={
                    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5000.0},
                    "sliding_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 100.0}})(drop(c), t)}
    def drop_scaling(config):
        for part in (config, config.get("text_config", {})):
            part.pop("rope_scaling", None)
            if "head_dim" in part:
                part["rope_parameters"] = {}
        return config
    result["gemma3_text"] = (
        {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", **gemma3, "bos_token_id": 1, "eos_token_id": 2,
         "pad_token_id": 0}, 32, "bfloat16", q, gemma3_features(setting, drop_scaling))
    result["gemma3"] = (
        {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "boi_token_index": 93,
         "eoi_token_index": 94,
         "image_token_index": 95, "mm_tokens_per_image": 4, "eos_token_id": [2], "text_config": {"model_type": "gemma3_text",
                                                                                                 **gemma3},
         "vision_config": VISION_SIGLIP}, 24, "bfloat16", "language_model." + q, gemma3_features(text, drop_scaling),
         published_gemma3)

    mistral = {"hidden_size": 40, "intermediate_size": 44, "num_hidden_layers": 2, "num_attention_heads": 4,
               "num_key_value_heads": 2,
               "head_dim": 12, "vocab_size": 97, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "hidden_act": "silu"}
    nested = lambda model_type, **extra: {
        "architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3", "image_token_index": 10,
        "spatial_merge_size": 2, "vision_feature_layer": -1, "projector_hidden_act": "gelu", "multimodal_projector_bias": False,
        "text_config": {"model_type": model_type, **mistral, **extra}, "vision_config": VISION_PIXTRAL}
    own_head = {"head of its own though tied by default": removed("lm_head")}
    result["mistral3"] = (nested("mistral", rope_theta=1e9, sliding_window=None), 24, "bfloat16", "language_model." + q,
                          {**own_head, "rope theta": text(rope_theta=1000.0)})
    yarn = {"type": "yarn", "rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 8,
            "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.3}
    ministral_features = lambda change: {
        "query scale": change(rope_parameters={"llama_4_scaling_beta": 0.0}),
        "mscales give no attention factor": change(rope_parameters={"mscale_all_dim": 0.0}),
        "rope scaling": lambda c, t: change(rope_parameters={"rope_type": "default", "type": "default"})(c, t)}
    result["mistral3_ministral3"] = (nested("ministral3", rope_parameters=yarn, tie_word_embeddings=False), 32, "bfloat16",
                                     "language_model." + q, {**own_head, **ministral_features(text)})
    result["ministral3"] = (
        config("ministral3", "Ministral3ForCausalLM", head_dim=12, rope_parameters=yarn, max_position_embeddings=32), 32,
        "bfloat16", q,
        ministral_features(setting))
    result["ministral"] = (
        config("ministral", "MinistralForCausalLM", head_dim=12, num_hidden_layers=3, sliding_window=8, rope_theta=1000.0,
               layer_types=["sliding_attention", "full_attention", "sliding_attention"]), 32, "bfloat16", q,
        {"sliding window": setting(sliding_window=128), "window is exact": setting(sliding_window=9),
         "layer types": setting(layer_types=["sliding_attention"] * 3)})

    result["gemma"] = (
        config("gemma", "GemmaForCausalLM", "tie_word_embeddings", head_dim=12, hidden_act="gelu", rms_norm_eps=1e-6,
               num_key_value_heads=1), 24, "bfloat16", q,
        {"norms are 1 + w": shifted("norm.weight", -1.0), "embedding scale": Model(unscaled_embedding), "tied head": untied,
         "gelu": setting(hidden_act="silu")})

    moe = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 14, "hidden_size": 36, "intermediate_size": 44,
           "num_attention_heads": 3, "num_key_value_heads": 1}
    result["qwen3_moe"] = (
        config("qwen3_moe", "Qwen3MoeForCausalLM", **{**moe, "head_dim": 16}, norm_topk_prob=True, rope_theta=1000.0,
               decoder_sparse_step=1, mlp_only_layers=[]), 32, "bfloat16", q,
        {**qk, "renormalised": setting(norm_topk_prob=False), "two experts": setting(num_experts_per_tok=1),
         "router": zeroed("gate.weight"), "softmax": replaced("qwen3_moe", "Qwen3MoeTopKRouter.forward", sigmoid_router),
         "gate and up": exchanged("gate_proj", "up_proj")})
    result["qwen3_moe_mixed"] = (
        config("qwen3_moe", "Qwen3MoeForCausalLM", **{**moe, "num_experts": 6, "num_experts_per_tok": 3}, num_hidden_layers=4,
               decoder_sparse_step=2, mlp_only_layers=[1], attention_bias=True), 24, "bfloat16", q,
        {**qkv_bias, "not renormalised": setting(norm_topk_prob=True), "three experts": setting(num_experts_per_tok=2)})

    result["mixtral"] = (
        config("mixtral", "MixtralForCausalLM", hidden_size=36, intermediate_size=14, num_attention_heads=3,
               num_key_value_heads=1,
               num_local_experts=8, num_experts_per_tok=2, rope_theta=1000.0, sliding_window=None), 32, "bfloat16", q,
        {"renormalised": replaced("mixtral", "MixtralTopKRouter.forward", not_renormalised), "router": zeroed("gate.weight"),
         "two experts": setting(num_experts_per_tok=1), "w1 is the gate": exchanged("w1", "w3")})
    result["mixtral_window"] = (
        config("mixtral", "MixtralForCausalLM", hidden_size=36, intermediate_size=14, num_attention_heads=3,
               num_key_value_heads=1,
               head_dim=14, num_local_experts=6, num_experts_per_tok=3, sliding_window=8), 24, "bfloat16", q,
        {"sliding window": setting(sliding_window=None), "default theta": setting(rope_theta=1000.0)})

    shared = {"shared expert": zeroed("shared_expert.down_proj"), "shared gate": zeroed("shared_expert_gate")}
    result["qwen2_moe"] = (
        config("qwen2_moe", "Qwen2MoeForCausalLM", **moe, shared_expert_intermediate_size=20, norm_topk_prob=False,
               rope_theta=1000.0),
        32, "bfloat16", q, {**qkv_bias, **shared, "not renormalised": setting(norm_topk_prob=True)})
    result["qwen2_moe_mixed"] = (
        config("qwen2_moe", "Qwen2MoeForCausalLM", **{**moe, "num_experts": 6, "num_experts_per_tok": 3}, num_hidden_layers=4,
               shared_expert_intermediate_size=22, norm_topk_prob=True, decoder_sparse_step=2, use_sliding_window=True,
               sliding_window=8, max_window_layers=2, tie_word_embeddings=True), 24, "bfloat16", q,
        {**shared, "renormalised": setting(norm_topk_prob=False), "sliding window": setting(use_sliding_window=False),
         "window layers": setting(max_window_layers=4), "odd layers are full": setting(layer_types=["sliding_attention"] * 2 +
                                                                                        ["full_attention"] * 2)})

    oss = lambda **extra: config("gpt_oss", "GptOssForCausalLM", hidden_size=36, intermediate_size=20, num_local_experts=8,
                                 num_experts_per_tok=3, head_dim=16, sliding_window=8, **extra)
    oss_features = {
        **qkv_bias, "o bias": zeroed("o_proj.bias"), "router bias": zeroed("router.bias"), "sinks": filled("sinks", -1e4),
        "gate_up bias": zeroed("gate_up_proj_bias"), "down bias": zeroed("down_proj_bias"),
        "clamp": setting(swiglu_limit=1e4), "default alpha": setting(swiglu_alpha=1.0),
        "softmax of the chosen": replaced("gpt_oss", "GptOssTopKRouter.forward", softmax_first),
        "gate and up interleaved": rows("gate_up_proj", lambda n: [j // 2 + (j % 2) * (n // 2) for j in range(n)], dim=-1),
        "gate first": rows("gate_up_proj", lambda n: [j ^ 1 for j in range(n)], dim=-1),
        "sliding window": setting(sliding_window=128), "layer types": setting(layer_types=["full_attention",
                                                                                           "sliding_attention"])}
    result["gpt_oss"] = (
        oss(swiglu_limit=2.0, rope_theta=100.0, rope_scaling={
            "rope_type": "yarn", "factor": 4.0, "beta_fast": 4.0, "beta_slow": 1.0, "truncate": False,
            "original_max_position_embeddings": 32}), 32, "bfloat16", q,
        {**oss_features, "rope scaling": setting(rope_scaling=None), "not truncated": setting(rope_scaling={"truncate": True}),
         "attention factor": setting(rope_scaling={"attention_factor": 1.0})})
    result["gpt_oss_defaults"] = (
        oss(num_hidden_layers=3), 24, "bfloat16", q,
        {"sinks": filled("sinks", -1e4), "default layer types": setting(layer_types=["sliding_attention"] * 3),
         "default yarn": lambda c, t: c.update(rope_parameters={"rope_type": "default", "rope_theta": 150000.0}),
         "clamp at 7": setting(swiglu_limit=3.0)})

    hybrid = {"hidden_size": 40, "intermediate_size": 44, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
              "num_hidden_layers": 4, **LINEAR}
    def linear_features(family, name, change):
        return {"convolution": first_taps_zeroed("conv1d"), "A_log": filled("A_log", 1.0), "dt_bias": zeroed("dt_bias"),
                "silu after the convolution": replaced(family, "causal_conv1d_fn", conv_without_activation),
                "norm before gate": replaced(family, f"{name}RMSNormGated.forward", gate_after_norm),
                "l2 norm": replaced(family, "l2norm", lambda x, dim=-1, eps=1e-6: 0.5 * torch.tanh(x)),
                "output gate": gate_rows_zeroed, "gate per head": gate_flat(16), **qk,
                "quarter rotation": change(partial_rotary_factor=1.0), "half-split rope": rope_layout(16, 4, False,
                                                                                                      ("k_proj.",)),
                "norms are 1 + w": both(shifted("_layernorm.weight", -1.0), shifted("q_norm", -1.0), shifted("k_norm", -1.0)),
                "norm of linear attention is not": shifted("linear_attn.norm", 1.0)}
    next_moe = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 14, "shared_expert_intermediate_size": 18}
    features = linear_features("qwen3_next", "Qwen3Next", setting)
    result["qwen3_next"] = (
        config("qwen3_next", "Qwen3NextForCausalLM", **hybrid, **next_moe, rope_theta=1000.0, partial_rotary_factor=0.25,
               full_attention_interval=4, norm_topk_prob=True, mlp_only_layers=[1]), 24, "bfloat16",
        "model.layers.0.linear_attn.in_proj_qkvz.weight",
        {**features, **shared, "qkvz per key head": qkvz_flat, "ba per key head": ba_flat,
         "renormalised": setting(norm_topk_prob=False)},
        with_mtp)
    def nested_text(model_type, name, inner, **extra):
        return {"architectures": [name], "model_type": model_type, "image_token_id": 90, "tie_word_embeddings": False,
                "text_config": {**{k: v for k, v in base(inner, name).items() if k != "architectures"}, **extra},
                "vision_config": {"model_type": model_type, "depth": 1, "hidden_size": 8, "num_heads": 2,
                                  "intermediate_size": 12,
                                  "patch_size": 4, "out_hidden_size": 40, "num_position_embeddings": 16}}
    split = {"key heads in order": both(rows("in_proj_qkv.", key_heads_swapped), rows("conv1d", key_heads_swapped)),
             "beta": zeroed("in_proj_b."), "decay": zeroed("in_proj_a.")}
    mrope = {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0],
             "mrope_interleaved": True}
    rotation = lambda change: {"quarter rotation": change(rope_parameters={"partial_rotary_factor": 1.0})}
    features = linear_features("qwen3_5", "Qwen3_5", text)
    first = "model.language_model.layers.0.linear_attn.in_proj_qkv.weight"
    result["qwen3_5"] = (
        nested_text("qwen3_5", "Qwen3_5ForConditionalGeneration", "qwen3_5_text", **hybrid, rope_parameters=mrope,
                    layer_types=["linear_attention"] * 3 + ["full_attention"]), 24, "bfloat16", first,
        {**features, **split, **rotation(text)}, nested_qwen)
    features = linear_features("qwen3_5", "Qwen3_5", setting)
    result["qwen3_5_text"] = (
        config("qwen3_5_text", "Qwen3_5ForCausalLM", **{**hybrid, "num_hidden_layers": 3}, full_attention_interval=2,
               tie_word_embeddings=True, rope_theta=1000.0, attention_bias=True), 24, "bfloat16",
               "model.layers.0.linear_attn.in_proj_qkv.weight",
        {**features, **split, **qkv_bias, "o bias": zeroed("o_proj.bias"), "tied head": untied})
    features = linear_features("qwen3_5_moe", "Qwen3_5Moe", text)
    result["qwen3_5_moe"] = (
        nested_text("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe_text", **{**hybrid,
                                                                                                "num_hidden_layers": 2},
                    **next_moe, rope_parameters=mrope, layer_types=["linear_attention", "full_attention"]), 24, "bfloat16",
                    first,
        {**features, **split, **rotation(text), **shared,
         "renormalised": replaced("qwen3_5_moe", "Qwen3_5MoeTopKRouter.forward", not_renormalised),
         "gate before up": rows("experts.gate_up_proj", halves, dim=1)}, nested_qwen_moe)
    result["qwen3_5_moe_text"] = (
        config("qwen3_5_moe_text", "Qwen3_5MoeForCausalLM", **{**hybrid, "num_hidden_layers": 2}, **next_moe,
               full_attention_interval=2, rope_theta=1000.0), 24, "bfloat16", "model.layers.0.linear_attn.in_proj_qkv.weight",
        {**shared, "renormalised": replaced("qwen3_5_moe", "Qwen3_5MoeTopKRouter.forward", not_renormalised)})

    sigmoid = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 14, "n_shared_experts": 2,
               "first_k_dense_replace": 1, "norm_topk_prob": True, "routed_scaling_factor": 2.5, "hidden_size": 36,
               "intermediate_size": 44, "num_hidden_layers": 3}
    def sigmoid_features(family, name):
        return {"correction bias": zeroed("e_score_correction_bias"),
                "bias only chooses": replaced(family, f"{name}TopkRouter.forward", biased_weights),
                "renormalised": setting(norm_topk_prob=False), "scaling": setting(routed_scaling_factor=1.0),
                "shared experts": zeroed("shared_experts.down_proj")}
    groups = {"groups": setting(n_group=1, topk_group=1), "two groups": setting(topk_group=1)}
    result["glm4_moe"] = (
        config("glm4_moe", "Glm4MoeForCausalLM", **{**sigmoid, "num_attention_heads": 3, "num_key_value_heads": 1,
                                                    "head_dim": 16},
               n_group=1, topk_group=1, attention_bias=True, use_qk_norm=True, partial_rotary_factor=0.5, rope_theta=1000.0),
               32,
        "bfloat16", q,
        {**sigmoid_features("glm4_moe", "Glm4Moe"), **qk, **qkv_bias, "half rotation": setting(partial_rotary_factor=1.0),
         "half-split rope": rope_layout(16, 8, False)}, with_next_layer)
    mla = {**sigmoid, "num_attention_heads": 3, "num_key_value_heads": 3, "q_lora_rank": 14, "kv_lora_rank": 10,
           "qk_nope_head_dim": 6, "qk_rope_head_dim": 8, "v_head_dim": 10, "rms_norm_eps": 0.05}
    def latent_epsilon(module):
        for norm in (module.q_a_layernorm, module.kv_a_layernorm):
            norm.variance_epsilon = 0.05
    result["deepseek_v3"] = (
        config("deepseek_v3", "DeepseekV3ForCausalLM", **mla, n_group=4, topk_group=2, rope_theta=100.0, rope_scaling={
            "type": "yarn", "factor": 4.0, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0,
            "original_max_position_embeddings": 32}, num_nextn_predict_layers=1), 32, "bfloat16",
            "model.layers.0.self_attn.q_b_proj.weight",
        {**sigmoid_features("deepseek_v3", "DeepseekV3"), **groups,
         "a group's two best": replaced("deepseek_v3", "DeepseekV3TopkRouter.forward", group_by_best),
         "q latent norm": ones("q_a_layernorm"), "kv latent norm": ones("kv_a_layernorm"),
         "latent norms have 1e-6": each_module("Attention", latent_epsilon), "interleaved rope": setting(rope_interleave=False),
         "rope scaling": setting(rope_scaling=None), "softmax scale": setting(rope_scaling={"mscale_all_dim": 0.0,
                                                                                            "attention_factor": 1.0}),
         "attention factor 1": setting(rope_scaling={"attention_factor": 1.2})},
        with_next_layer)
    result["deepseek_v3_plain_q"] = (
        config("deepseek_v3", "DeepseekV3ForCausalLM", **{**mla, "q_lora_rank": None, "n_routed_experts": 6,
                                                          "num_hidden_layers": 2,
                                                          "norm_topk_prob": False, "first_k_dense_replace": 0},
               n_group=1, topk_group=1, attention_bias=True, rope_interleave=False), 24, "bfloat16", q,
        {"kv bias": zeroed("kv_a_proj_with_mqa.bias"), "o bias": zeroed("o_proj.bias"),
         "not renormalised": setting(norm_topk_prob=True), "half-split rope": setting(rope_interleave=True)})

    lfm = lambda *dropped, **extra: config("lfm2", "Lfm2ForCausalLM", "rms_norm_eps", "hidden_act", "tie_word_embeddings",
                                           *dropped, norm_eps=1e-5, **extra)
    lfm_features = {"q norm": ones("q_layernorm"), "k norm": ones("k_layernorm"),
                    "convolution": first_taps_zeroed("conv.conv.weight"),
                    "norm before operator": ones("operator_norm"), "norm before mlp": ones("ffn_norm"),
                    "final norm": ones("embedding_norm"),
                    "B, C, x": rows("conv.in_proj", lambda n: list(range(n // 3, 2 * n // 3)) + list(range(n // 3)) +
                                    list(range(2 * n // 3, n))), "norm epsilon": setting(norm_eps=0.1),
                    "w1 is the gate": exchanged("w1", "w3")}
    conv = "model.layers.0.conv.in_proj.weight"
    result["lfm2"] = (
        lfm(num_hidden_layers=3, rope_theta=1000.0, conv_L_cache=3, intermediate_size=60, block_auto_adjust_ff_dim=True,
            block_ffn_dim_multiplier=1.1, block_multiple_of=8, layer_types=["conv", "full_attention", "conv"]), 32,
            "bfloat16", conv,
        {**lfm_features, "tied head": untied})
    result["lfm2_bias"] = (
        lfm("intermediate_size", num_hidden_layers=3, conv_L_cache=4, conv_bias=True, block_ff_dim=52,
            block_auto_adjust_ff_dim=False,
            full_attn_idxs=[1], tie_embedding=False), 24, "bfloat16", conv,
        {"in bias": zeroed("in_proj.bias"), "out bias": zeroed("conv.out_proj.bias"), "conv bias": zeroed("conv.conv.bias"),
         "default theta": setting(rope_theta=100.0)})

    gemma4 = lambda **extra: {
        "architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text", "vocab_size": 97, "vocab_size_per_layer_input": 97,
        "hidden_size": 36, "intermediate_size": 28, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "global_head_dim": 16, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "sliding_window": 8,
        "hidden_activation": "gelu_pytorch_tanh", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                            "full_attention": {"rope_type": "proportional", "rope_theta": 1000.0,
                                               "partial_rotary_factor": 0.25}},
        **extra}
    gemma4_features = lambda change: {
        **sandwich, **qk, "sliding window": change(sliding_window=128), "embedding scale": Model(unscaled_embedding),
        "norms are w": shifted("norm.weight", 1.0), "layer scalar": ones("layer_scalar"), "tied head": untied,
        "proportional rope": change(rope_parameters={"full_attention": {
            "rope_type": "proportional", "rope_theta": 1000.0, "partial_rotary_factor": 1.0}}),
        "value norm": each_module("TextAttention", lambda module: hasattr(module, "v_norm") and setattr(
            module.v_norm, "forward", lambda x: x)),
        "attention scale 1": each_module("TextAttention", lambda module: setattr(module, "scaling", 0.3)),
        "final cap": change(final_logit_softcapping=None)}
    result["gemma4_text"] = (
        gemma4(num_hidden_layers=4, hidden_size_per_layer_input=6, num_kv_shared_layers=2, use_double_wide_mlp=True,
               layer_types=["sliding_attention", "full_attention"] * 2, final_logit_softcapping=4.0), 24, "bfloat16", q,
        {**gemma4_features(setting), "per-layer inputs": zeroed("embed_tokens_per_layer"),
         "per-layer projection": zeroed("per_layer_model_projection"), "per-layer norm": ones("per_layer_projection_norm"),
         "norm after per-layer input": ones("post_per_layer_input_norm")})
    inner = {key: value for key, value in gemma4(
        num_hidden_layers=4, hidden_size_per_layer_input=6, num_kv_shared_layers=2, attention_k_eq_v=False,
        layer_types=["sliding_attention", "full_attention"] * 2, final_logit_softcapping=3.0).items() if key != "architectures"}
    result["gemma4"] = (
        {"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4", "image_token_id": 190, "boi_token_id": 191,
         "eoi_token_id": 192, "video_token_id": 189, "audio_token_id": 188, "text_config": inner, "audio_config": None,
         "vision_config": {"model_type": "gemma4_vision", "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1,
                           "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "patch_size": 4,
                           "position_embedding_size": 16}}, 24, "bfloat16",
                           "model.language_model.layers.0.self_attn.q_proj.weight",
        {**sandwich, **qk, "sliding window": text(sliding_window=128), "layer scalar": ones("layer_scalar"),
         "tied head": untied,
         "final cap": text(final_logit_softcapping=None), "per-layer inputs": zeroed("embed_tokens_per_layer")}, nested_gemma4)
    result["gemma4_moe"] = (
        gemma4(num_hidden_layers=2, hidden_size_per_layer_input=0, layer_types=["sliding_attention", "full_attention"],
               attention_k_eq_v=True, num_global_key_value_heads=1, enable_moe_block=True, num_experts=6, top_k_experts=2,
               moe_intermediate_size=12, final_logit_softcapping=4.0), 24, "bfloat16", q,
        {**gemma4_features(setting), "router scale": ones("router.scale"), "expert scale": ones("per_expert_scale"),
         "norm of mlp": ones("post_feedforward_layernorm_1"), "norm before experts": ones("pre_feedforward_layernorm_2"),
         "norm of experts": ones("post_feedforward_layernorm_2"), "gate before up": rows("experts.gate_up_proj", halves,
                                                                                         dim=1)})

    result["glm4_moe_lite"] = (
        config("glm4_moe_lite", "Glm4MoeLiteForCausalLM", **mla, n_group=1, topk_group=1, attention_bias=True,
               mlp_layer_types=["dense", "sparse", "sparse"], rope_parameters={"rope_theta": 100.0, "rope_type": "default"},
               num_nextn_predict_layers=1), 24, "bfloat16", "model.layers.0.self_attn.q_b_proj.weight",
        {**sigmoid_features("glm4_moe_lite", "Glm4MoeLite"), "q latent norm": ones("q_a_layernorm"),
         "kv latent norm": ones("kv_a_layernorm"), "latent norms have 1e-6": each_module("Attention", latent_epsilon),
         "norm epsilon": setting(rms_norm_eps=1e-6), "interleaved rope": setting(rope_interleave=False),
         "rope theta": setting(rope_parameters={"rope_theta": 10000.0}), "q latent bias": zeroed("q_a_proj.bias"),
         "kv bias": zeroed("kv_a_proj_with_mqa.bias"), "o bias": zeroed("o_proj.bias")}, with_next_layer)

    dense = lambda layers, **extra: gemma4(
        num_hidden_layers=layers, hidden_size_per_layer_input=0, num_kv_shared_layers=0, enable_moe_block=False,
        layer_types=["sliding_attention", "full_attention"] * (layers // 2), num_global_key_value_heads=1,
        **{"attention_k_eq_v": True, "final_logit_softcapping": 4.0, **extra})
    dense_features = lambda change: {
        **gemma4_features(change), "window is exact": change(sliding_window=9), "gelu": change(hidden_activation="silu"),
        "exponents over the whole head": change(rope_parameters={"full_attention": {
            "rope_type": "proportional", "rope_theta": 1000.0 ** 4, "partial_rotary_factor": 0.25}}),
        "sliding theta": change(rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}})}
    values = {"values are keys before their norm": each_module("TextAttention", values_are_normed_keys)}
    def value_epsilon(module):
        module.v_norm.eps = 1e-6
    result["gemma4_dense"] = (
        dense(4, rms_norm_eps=0.05), 24, "bfloat16", q,
        {**dense_features(setting), **values, "norm epsilon": setting(rms_norm_eps=1e-6),
         "value norm has it too": each_module("TextAttention", value_epsilon)})
    inner = {key: value for key, value in dense(2, use_bidirectional_attention="vision").items() if key != "architectures"}
    result["gemma4_nested"] = (
        {**result["gemma4"][0], "text_config": inner}, 24, "bfloat16", "model.language_model.layers.0.self_attn.q_proj.weight",
        {**dense_features(text), **values})
    def pairs_of_a_partial_rotation(length):
        head = [0, 1, 8, 9, 4, 5, 6, 7, 2, 3, 10, 11, 12, 13, 14, 15]
        return [start + j for start in range(0, length, 16) for j in head]
    result["gemma4_dense_plain"] = (
        dense(2, attention_k_eq_v=False), 24, "float16", q,
        {**dense_features(setting), "values of their own": exchanged("layers.1.self_attn.k_proj", "layers.1.self_attn.v_proj"),
         "pairs across the whole head": both(rows("layers.1.self_attn.q_", pairs_of_a_partial_rotation),
                                             rows("layers.1.self_attn.k_", pairs_of_a_partial_rotation))})

    return {**result, **nemotron_cases(config, sigmoid_features("nemotron_h", "NemotronH"))}
