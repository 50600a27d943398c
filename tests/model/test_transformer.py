"""The transformer against Hugging Face's, and what must not change a logit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from made_transformers import VOCABULARY_SIZE, build, modern, random_ids
from mtnlg.config import FeedForward, ModelConfig
from mtnlg.model import Transformer
from mtnlg.training.objective import count_flops

TOLERANCE = 1e-5
"""float32; sums of a few hundred products of order one."""


def to_gpt2(state: dict[str, Tensor], num_layers: int) -> dict[str, Tensor]:
    """Our names and layouts as GPT-2's, whose linear layers are stored transposed."""
    renamed = {
        "transformer.wte.weight": state["token_embedding.weight"],
        "transformer.wpe.weight": state["position_embedding.weight"],
        "lm_head.weight": state["unembedding.weight"],
    }
    linear = {
        "attn.c_attn": "attention.query_key_value",
        "attn.c_proj": "attention.output",
        "mlp.c_fc": "feed_forward.inner",
        "mlp.c_proj": "feed_forward.output",
    }
    for kind in ("weight", "bias"):
        renamed[f"transformer.ln_f.{kind}"] = state[f"final_norm.{kind}"]
    for layer in range(num_layers):
        theirs, ours = f"transformer.h.{layer}", f"blocks.{layer}"
        for kind in ("weight", "bias"):
            renamed[f"{theirs}.ln_1.{kind}"] = state[f"{ours}.attention_norm.{kind}"]
            renamed[f"{theirs}.ln_2.{kind}"] = state[f"{ours}.feed_forward_norm.{kind}"]
            for name, own in linear.items():
                renamed[f"{theirs}.{name}.{kind}"] = state[f"{ours}.{own}.{kind}"].t()
    return renamed


def to_llama(model: Transformer) -> dict[str, Tensor]:
    """Our names as Llama's, which keeps the joined projections apart."""
    state, config = model.state_dict(), model.config
    renamed = {
        "model.embed_tokens.weight": state["token_embedding.weight"],
        "model.norm.weight": state["final_norm.weight"],
        "lm_head.weight": state["unembedding.weight"],
    }
    widths = [
        heads * config.head_size
        for heads in (config.num_heads, config.key_value_heads, config.key_value_heads)
    ]
    for layer in range(config.num_layers):
        theirs, ours = f"model.layers.{layer}", f"blocks.{layer}"
        joined = state[f"{ours}.attention.query_key_value.weight"].split(widths)
        gate, up = state[f"{ours}.feed_forward.gate_and_up.weight"].chunk(2)
        parts = {
            "self_attn.q_proj": joined[0],
            "self_attn.k_proj": joined[1],
            "self_attn.v_proj": joined[2],
            "self_attn.o_proj": state[f"{ours}.attention.output.weight"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": state[f"{ours}.feed_forward.output.weight"],
            "input_layernorm": state[f"{ours}.attention_norm.weight"],
            "post_attention_layernorm": state[f"{ours}.feed_forward_norm.weight"],
        }
        renamed.update({f"{theirs}.{name}.weight": tensor for name, tensor in parts.items()})
    return renamed


def perturb(model: Transformer) -> Transformer:
    """Norm scales and biases away from one and zero, where a mistake with them would not show."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


@torch.inference_mode()
def test_logits_equal_hugging_face_gpt2() -> None:
    model = perturb(build())
    config = GPT2Config(vocab_size=VOCABULARY_SIZE, n_positions=13, n_embd=21, n_layer=2, n_head=3)
    reference = GPT2LMHeadModel(config).eval()
    reference.load_state_dict(to_gpt2(model.state_dict(), num_layers=2))
    ids = random_ids(2, 11)

    difference = (model(ids) - reference(ids).logits).abs().max()

    assert difference < TOLERANCE


@torch.inference_mode()
def test_logits_equal_hugging_face_llama_with_grouped_queries_untied() -> None:
    model = perturb(modern())
    config = LlamaConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=60,
        intermediate_size=35,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=13,
        rms_norm_eps=1e-5,
        rope_theta=10_000.0,
        tie_word_embeddings=False,
    )
    reference = LlamaForCausalLM(config).eval()
    reference.load_state_dict(to_llama(model))
    ids = random_ids(2, 11)

    difference = (model(ids) - reference(ids).logits).abs().max()

    assert difference < TOLERANCE


@torch.inference_mode()
def test_loss_without_weights_is_that_of_the_uniform_distribution() -> None:
    """Oracle: the entropy of V equal chances, ln V."""
    model = build()
    for parameter in model.parameters():
        parameter.zero_()
    ids = random_ids(2, 11)

    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

    assert loss.item() == pytest.approx(math.log(VOCABULARY_SIZE), abs=1e-6)


@pytest.mark.parametrize("make", [build, modern])
@torch.inference_mode()
def test_future_tokens_and_right_padding_change_nothing(make) -> None:  # type: ignore[no-untyped-def]
    model = make()
    ids = random_ids(2, 11)
    changed = torch.cat([ids[:, :7], random_ids(2, 6, seed=4)], dim=1)

    difference = (model(ids)[:, :7] - model(changed)[:, :7]).abs().max()

    assert difference < TOLERANCE
    assert torch.equal(model(ids)[:, :7].argmax(-1), model(changed)[:, :7].argmax(-1))


@pytest.mark.parametrize("make", [build, modern])
@torch.inference_mode()
def test_targets_do_not_leak_into_the_prefix_or_earlier_targets(make) -> None:  # type: ignore[no-untyped-def]
    model = make(is_prefix_bidirectional=True)
    prefix_lengths = torch.tensor([5, 3])
    ids = random_ids(2, 11)
    changed = torch.cat([ids[:, :7], random_ids(2, 4, seed=4)], dim=1)

    before = model(ids, prefix_lengths=prefix_lengths)[:, :7]
    after = model(changed, prefix_lengths=prefix_lengths)[:, :7]

    assert (before - after).abs().max() < TOLERANCE


@torch.inference_mode()
def test_prefix_sees_itself_in_both_directions() -> None:
    model = build(is_prefix_bidirectional=True)
    prefix_lengths = torch.tensor([5, 3])
    ids = random_ids(2, 11)
    changed = ids.clone()
    changed[:, 4] = (ids[:, 4] + 1) % VOCABULARY_SIZE

    difference = model(ids, prefix_lengths=prefix_lengths) - model(
        changed, prefix_lengths=prefix_lengths
    )

    assert difference[0, 0].abs().max() > TOLERANCE  # position 4 is in the first row's prefix
    assert difference[1, :4].abs().max() < TOLERANCE  # and not in the second's


@torch.inference_mode()
def test_logits_at_labels_are_those_of_the_whole() -> None:
    model = build()
    ids = random_ids(2, 11)
    label_index = torch.tensor([3, 10, 12, 21])

    chosen = model(ids, label_index=label_index)

    assert (chosen - model(ids).flatten(0, 1)[label_index]).abs().max() < TOLERANCE


@pytest.mark.parametrize("epsilon", [0.5, 1e-5])
def test_epsilon_of_both_normalizations_is_that_of_the_settings(epsilon: float) -> None:
    """Oracle: both formulas by hand (Ba et al. 2016; Zhang and Sennrich 2019) on values so small
    that epsilon counts, for every norm of a model.
    """
    hidden = 0.1 * torch.randn(5, 60, generator=torch.Generator().manual_seed(8))
    centered = hidden - hidden.mean(-1, keepdim=True)
    layer_norm = centered / (centered.square().mean(-1, keepdim=True) + epsilon).sqrt()
    rms_norm = hidden / (hidden.square().mean(-1, keepdim=True) + epsilon).sqrt()
    plain = build(hidden_size=60, norm_epsilon=epsilon)

    for model, expected in ((plain, layer_norm), (modern(norm_epsilon=epsilon), rms_norm)):
        norms = [module for name, module in model.named_modules() if name.endswith("norm")]
        assert len(norms) == 2 * 2 + 1
        for norm in norms:
            assert (norm(hidden) - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("kind", "approximate"), [(FeedForward.gelu, "none"), (FeedForward.gelu_tanh, "tanh")]
)
@torch.inference_mode()
def test_plain_feed_forward_has_the_gelu_that_is_named(kind: FeedForward, approximate: str) -> None:
    """Oracle: torch's own GELU of each kind; they differ by up to 5e-4 near 2."""
    layer = build(feed_forward=kind).blocks[0].feed_forward
    hidden = 10 * torch.randn(7, 21, generator=torch.Generator().manual_seed(9))
    inner = torch.nn.GELU(approximate)(layer.inner(hidden))

    difference = (layer(hidden) - layer.output(inner)).abs().max()

    assert difference < TOLERANCE


def test_wavelengths_of_rotary_positions_follow_their_base() -> None:
    """Oracle: Su et al. 2021, eq. 15: position 3 turns coordinate d by 3 * base^(-2d/D)."""
    model = modern(rotary_base=50.0)

    rotation = model.rotation(torch.arange(5))

    assert rotation is not None
    cosine, sine = rotation
    angles = [3 * 50.0 ** (-2 * d / 10) for d in range(5)] * 2
    assert cosine[3].tolist() == pytest.approx([math.cos(angle) for angle in angles], abs=1e-6)
    assert sine[3].tolist() == pytest.approx([math.sin(angle) for angle in angles], abs=1e-6)


def test_sequence_beyond_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match=r"14 tokens .*context_length=13"):
        build()(random_ids(1, 14))


def test_attention_output_starts_smaller_with_depth() -> None:
    """Megatron's scaled initialization: deviation / sqrt(2 L) where the residual is written."""
    model = build(num_layers=8, hidden_size=120, num_heads=3, initial_deviation=0.1)

    written = torch.cat([block.attention.output.weight.flatten() for block in model.blocks])
    read = torch.cat([block.attention.query_key_value.weight.flatten() for block in model.blocks])

    assert written.std().item() == pytest.approx(0.1 / 4, rel=0.02)
    assert read.std().item() == pytest.approx(0.1, rel=0.02)


def test_flops_equal_the_published_formula() -> None:
    """Oracle: 72 B s l h^2 (1 + s / 6h + V / 12lh), Narayanan et al. 2021, no recomputation."""
    config = ModelConfig(name="row", num_layers=7, hidden_size=33, num_heads=3)
    rows, length, vocabulary_size = 5, 19, 101

    counted = count_flops(
        config, vocabulary_size, lengths=[length] * rows, num_labels=rows * length
    )

    width, layers = 33, 7
    share = 1 + length / (6 * width) + vocabulary_size / (12 * layers * width)
    assert counted == pytest.approx(72 * rows * length * layers * width**2 * share, rel=1e-12)
