"""The prompt detector and the post decoder, with one masked self-attention over all queries of an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import DecoderBlock
from chex.model.detections import Detections, EncodedImages
from chex.model.post_decoder import PostDecoder
from chex.model.prompt_detector import PromptDetector
from tests.benchmarks.eager.towers import library_attention, plain_linear, plain_mlp


class EagerDecoderBlock(nn.Module):
    def __init__(self, ours: DecoderBlock) -> None:
        super().__init__()
        self.ours = ours  # for its norms and scales
        self.self_attention = library_attention(ours.self_attention)
        self.cross_attention = library_attention(ours.cross_attention)
        self.mlp = plain_mlp(ours.feed_forward)

    def forward(self, x: Tensor, memory: Tensor, blocked: Tensor) -> Tensor:
        """x (B, Q·S, D), memory (B, T, D), blocked (Q·S, Q·S) True where a query may not look."""
        ours = self.ours
        normed = ours.norm_self(x)
        update = self.self_attention(normed, normed, normed, attn_mask=blocked, need_weights=False)[0]
        x = x + self._branch(ours.scale_self, update)
        seen = ours.norm_memory(memory)
        update = self.cross_attention(ours.norm_cross(x), seen, seen, need_weights=False)[0]
        x = x + self._branch(ours.scale_cross, update)
        return x + self._branch(ours.scale_feed_forward, self.mlp(ours.norm_feed_forward(x)))

    def _branch(self, scale: nn.Module, update: Tensor) -> Tensor:
        return self.ours.drop_branch(scale(self.ours.dropout(update)))


def other_prompts(prompts: int, size: int, device: torch.device) -> Tensor:
    """(Q·S, Q·S): True between queries of different prompts."""
    prompt = torch.arange(prompts, device=device).repeat_interleave(size)
    return prompt[:, None] != prompt[None]


class EagerDetector(nn.Module):
    def __init__(self, ours: PromptDetector) -> None:
        super().__init__()
        self.ours = ours
        self.blocks = nn.ModuleList(EagerDecoderBlock(block) for block in ours.blocks)
        heads = (ours.box_head, ours.output_head, ours.score_head)
        self.box_head, self.output_head, self.score_head = map(plain_mlp, heads)
        self.project = plain_linear(ours.roi_pool.project)

    def forward(self, images: EncodedImages, prompts: Tensor) -> Detections:
        """prompts (1 or B, Q, D)."""
        ours = self.ours
        boxes_each = ours.config.boxes_per_prompt
        prompts = prompts.expand(len(images.patches), -1, -1)
        x = (prompts[:, :, None] + ours.region_tokens[None, None]).flatten(1, 2)
        blocked = other_prompts(prompts.shape[1], boxes_each, x.device)
        memory = images.patches + images.positions
        for block in self.blocks:
            x = block(x, memory, blocked)
        boxes = self.box_head(ours.box_norm(x)).float().sigmoid()
        features = self._skipped(self._pooled(images, boxes), x, boxes_each)
        features = self.output_head(ours.output_norm(features)).unflatten(1, (-1, boxes_each))
        scores = self.score_head(features).squeeze(-1).float().sigmoid()
        weights = scores / scores.sum(dim=-1, keepdim=True).clamp(min=1)
        tokens = (weights[..., None] * features).sum(dim=2)
        return Detections(boxes.unflatten(1, (-1, boxes_each)), scores, features, tokens)

    def _pooled(self, images: EncodedImages, boxes_cxcywh: Tensor) -> Tensor:
        """Gaussian ROI pooling over the whole grid at once; boxes (B, Q·M, 4) → (B, Q·M, D)."""
        pool, (rows, columns) = self.ours.roi_pool, images.grid
        y, x = torch.meshgrid(
            (torch.arange(rows, device=boxes_cxcywh.device) + 0.5) / rows,
            (torch.arange(columns, device=boxes_cxcywh.device) + 0.5) / columns,
            indexing="ij",
        )
        centre_x, centre_y, width, height = (side[..., None, None] for side in boxes_cxcywh.unbind(-1))
        weights = torch.exp(-(((x - centre_x).abs() / width) ** pool.beta)) * torch.exp(
            -(((y - centre_y).abs() / height) ** pool.beta)
        )
        weights = weights.flatten(2)
        weights = weights / (weights.amax(dim=-1, keepdim=True) + 1e-12)
        return weights @ self.project(pool.norm(images.patches))

    def _skipped(self, pooled: Tensor, decoded: Tensor, boxes_each: int) -> Tensor:
        if not self.training:
            return (pooled + decoded) / 2
        drawn = torch.rand(pooled.shape[0], pooled.shape[1] // boxes_each, device=pooled.device)
        skips = (drawn < self.ours.config.skip_probability).repeat_interleave(boxes_each, dim=1)[..., None]
        return torch.where(skips, (pooled + self.ours.skip_dropout(decoded)) / 2, pooled)


class EagerPostDecoder(nn.Module):
    def __init__(self, ours: PostDecoder) -> None:
        super().__init__()
        self.ours = ours
        self.blocks = nn.ModuleList(EagerDecoderBlock(block) for block in ours.blocks)

    def forward(self, images: EncodedImages, detections: Detections) -> Tensor:
        tokens, boxes = detections.tokens, detections.box_features
        size = 1 + boxes.shape[2]
        x = torch.cat([tokens[:, :, None], boxes], dim=2).flatten(1, 2)
        memory = torch.cat([images.patches + images.positions, images.pooled[:, None]], dim=1)
        blocked = other_prompts(tokens.shape[1], size, x.device)
        for block in self.blocks:
            x = block(x, memory, blocked)
        return self.ours.norm(tokens + self.ours.gate * x.unflatten(1, (-1, size))[:, :, 0])
