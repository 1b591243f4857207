"""Random changes of images for training: drawing what to do stands apart from doing it.

Everything works on whole batches, on the CPU or the GPU, each image with its own changes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import permutations

import torch
from torch.nn import functional

from cosmic_morphology.learn.recipes import Augmentation

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_ORDERS = torch.tensor(list(permutations(range(3))))
_BLUR_TAPS = 7


@dataclass(frozen=True, slots=True)
class AugmentationParams:
    """What to do to each of ``N`` images.

    Attributes
    ----------
    affine : Tensor of float32, shape ``(N, 2, 3)``
        From places of the new image to places of the old one, both in -1..1.
    gain, offset : Tensor of float32, shape ``(N, 3)``
        Of each channel.
    contrast, saturation : Tensor of float32, shape ``(N,)``
        1 leaves the image as it is; a saturation of 0 is grey.
    order : Tensor of int64, shape ``(N, 3)``
        Which old channel each new one shows.
    blur_sigma_px, noise_sigma : Tensor of float32, shape ``(N,)``
        0 leaves the image as it is.
    border : Tensor of float32, shape ``(N, 4)``
        Share of the side that is blanked at left, top, right, bottom.
    noise_seed : int
        The noise itself is drawn where the images are.
    """

    affine: torch.Tensor
    gain: torch.Tensor
    offset: torch.Tensor
    contrast: torch.Tensor
    saturation: torch.Tensor
    order: torch.Tensor
    blur_sigma_px: torch.Tensor
    noise_sigma: torch.Tensor
    border: torch.Tensor
    noise_seed: int

    @property
    def is_mirrored(self) -> torch.Tensor:
        """Which images are mirrored, shape ``(N,)``: flipped along one side, not along both."""
        mirrored: torch.Tensor = torch.linalg.det(self.affine[:, :, :2]) < 0
        return mirrored

    def part(self, rank: int, world: int) -> AugmentationParams:
        """Of every ``world``-th image from ``rank`` on; each part has noise of its own."""
        chosen = {
            each.name: getattr(self, each.name)[rank::world]
            for each in fields(self)
            if each.name != "noise_seed"
        }
        return AugmentationParams(**chosen, noise_seed=self.noise_seed + rank)


def sample_params(wanted: Augmentation, n: int, generator: torch.Generator) -> AugmentationParams:
    """Draw the changes of ``n`` images; the same generator state gives the same changes."""

    def spread(width: float, *shape: int) -> torch.Tensor:
        return (torch.rand(n, *shape, generator=generator) * 2 - 1) * width

    def happens(chance: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) < chance

    low, high = wanted.blur_sigma_px
    sigma = low + (high - low) * torch.rand(n, generator=generator)
    swapped = _ORDERS[torch.randint(len(_ORDERS), (n,), generator=generator)]
    edges = torch.rand(n, 4, generator=generator) * 0.12
    one_edge = functional.one_hot(torch.randint(4, (n,), generator=generator), 4)
    saturation = 1 + spread(wanted.saturation)
    return AugmentationParams(
        affine=_affine(wanted, n, generator),
        gain=(1 + spread(wanted.brightness, 1)) * (1 + spread(wanted.channel_gain, 3)),
        offset=wanted.sky_offset * torch.rand(n, 3, generator=generator),
        contrast=1 + spread(wanted.contrast),
        saturation=torch.where(happens(wanted.p_grayscale), torch.zeros(n), saturation),
        order=torch.where(happens(wanted.p_channel_swap)[:, None], swapped, torch.arange(3)),
        blur_sigma_px=sigma * happens(wanted.blur),
        noise_sigma=wanted.noise * torch.rand(n, generator=generator),
        border=edges * one_edge * happens(wanted.p_border)[:, None],
        noise_seed=int(torch.randint(2**31, (1,), generator=generator)),
    )


def apply_params(pixels: torch.Tensor, changes: AugmentationParams, size_px: int) -> torch.Tensor:
    """Change a batch.

    Parameters
    ----------
    pixels : Tensor of float32, shape ``(N, 3, H, W)``
        In 0..1.
    changes : AugmentationParams
        For these ``N`` images.
    size_px : int
        Side of the square answer, px.

    Returns
    -------
    Tensor of float32, shape ``(N, 3, size_px, size_px)``
        In 0..1.
    """
    device, n = pixels.device, len(pixels)
    grid = functional.affine_grid(
        changes.affine.to(device), [n, 3, size_px, size_px], align_corners=False
    )
    # What a rotation brings in from outside is mirrored sky: black corners would be a mark.
    seen = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    seen = _coloured(seen, changes)
    seen = _blurred(seen, changes.blur_sigma_px.to(device))
    if bool((changes.noise_sigma > 0).any()):
        source = torch.Generator(device).manual_seed(changes.noise_seed)
        noise = torch.randn(seen.shape, generator=source, device=device)
        seen = seen + noise * changes.noise_sigma.to(device).view(n, 1, 1, 1)
    return _blanked(seen.clamp(0, 1), changes.border.to(device))


def _affine(wanted: Augmentation, n: int, generator: torch.Generator) -> torch.Tensor:
    angle = (torch.rand(n, generator=generator) * 2 - 1) * torch.deg2rad(
        torch.tensor(wanted.rotate_deg)
    )
    low, high = wanted.zoom
    shown = low + (high - low) * torch.rand(n, generator=generator)
    signs = torch.randint(0, 2, (n, 2), generator=generator) * 2.0 - 1.0
    if not wanted.flip:
        signs = torch.ones(n, 2)
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    matrix = turn * signs[:, None, :] * shown[:, None, None]
    shift = (torch.rand(n, 2, 1, generator=generator) * 2 - 1) * 2 * wanted.shift
    return torch.cat([matrix, shift], 2)


def _coloured(pixels: torch.Tensor, changes: AugmentationParams) -> torch.Tensor:
    device, n = pixels.device, len(pixels)
    rows = torch.arange(n, device=device)[:, None]
    seen = pixels[rows, changes.order.to(device)]
    luma = (seen * torch.tensor(_LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    seen = luma + (seen - luma) * changes.saturation.to(device).view(n, 1, 1, 1)
    mean = seen.mean((1, 2, 3), keepdim=True)
    seen = mean + (seen - mean) * changes.contrast.to(device).view(n, 1, 1, 1)
    offset = changes.offset.to(device).view(n, 3, 1, 1)
    # An offset lifts the dark sky and leaves what is bright: a brighter background.
    return seen * changes.gain.to(device).view(n, 3, 1, 1) * (1 - offset) + offset


def _blurred(pixels: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
    chosen = torch.nonzero(sigma_px > 0).flatten()
    if not len(chosen):
        return pixels
    at = torch.arange(_BLUR_TAPS, device=pixels.device) - _BLUR_TAPS // 2
    taps = torch.exp(-0.5 * (at[None] / sigma_px[chosen, None]) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(3, 0)
    some = pixels[chosen]
    flat = some.reshape(1, -1, *some.shape[2:])
    half = _BLUR_TAPS // 2
    across = functional.conv2d(
        functional.pad(flat, (half, half, 0, 0), mode="replicate"),
        taps.view(-1, 1, 1, _BLUR_TAPS),
        groups=flat.shape[1],
    )
    down = functional.conv2d(
        functional.pad(across, (0, 0, half, half), mode="replicate"),
        taps.view(-1, 1, _BLUR_TAPS, 1),
        groups=flat.shape[1],
    )
    return pixels.index_copy(0, chosen, down.reshape(some.shape))


def _blanked(pixels: torch.Tensor, border: torch.Tensor) -> torch.Tensor:
    if not bool((border > 0).any()):
        return pixels
    side = pixels.shape[-1]
    at = (torch.arange(side, device=pixels.device) + 0.5) / side
    left, top, right, bottom = border.T.unsqueeze(-1)
    across = ((at >= left) & (at <= 1 - right)).float()
    down = ((at >= top) & (at <= 1 - bottom)).float()
    kept: torch.Tensor = pixels * across[:, None, None, :] * down[:, None, :, None]
    return kept
