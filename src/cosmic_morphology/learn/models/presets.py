"""Short names of backbones; without torch, so that reports and tab completion need none."""

from __future__ import annotations

from dataclasses import dataclass

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.settings import LearnSettings, OtherBackbone

# Licences, as SPDX writes them, that let anybody use, change and sell what is made with weights.
PERMISSIVE = frozenset({"apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "mit"})


@dataclass(frozen=True, slots=True)
class Preset:
    """A backbone of timm whose weights anybody may use for anything.

    Attributes
    ----------
    model : str
        As timm calls it.
    size_px : int or None
        Side of the input where the settings give none; None: the model's own.
    licence : str
        Of the weights, as timm's configuration of them states it.

    Raises
    ------
    SettingsError
        The licence is not permissive: such weights (ConvNeXt V2, EUPE) are to be asked for by
        timm's name, and nobody gets them by a short one.
    """

    model: str
    size_px: int | None = None
    licence: str = "apache-2.0"

    def __post_init__(self) -> None:
        """Refuse what may not be used for everything."""
        if self.licence not in PERMISSIVE:
            raise SettingsError(
                f"a licence that is not permissive ({self.licence}) makes no preset",
                where=self.model,
                todo="Ask for these weights by timm's name.",
            )


# The name of several backbones that answer together holds those of all, the first one first.
BETWEEN_NAMES = "+"

PRESETS = {
    "convnext-nano": Preset("convnext_nano.in12k_ft_in1k"),
    "convnext-tiny": Preset("convnext_tiny.in12k_ft_in1k"),
    "efficientnet-b4": Preset("tf_efficientnet_b4"),
    "vit-tiny": Preset("vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
    # Its own 518 px cost five times as much as the 224 px of the others.
    "dino-vit-small": Preset("vit_small_patch14_dinov2.lvd142m", 224),
    "dino-vit-base": Preset("vit_base_patch14_dinov2.lvd142m", 224),
    # The image tower of SigLIP 2; its text tower is not needed for features.
    "siglip2-base": Preset("vit_base_patch16_siglip_224.v2_webli"),
}


def with_preset(learn: LearnSettings) -> LearnSettings:
    """The same settings with timm's name of the backbone."""
    preset = PRESETS.get(learn.backbone)
    if preset is None:
        return learn
    size = learn.image_size_px or preset.size_px
    return learn.model_copy(update={"backbone": preset.model, "image_size_px": size})


def timm_name(backbone: str) -> str:
    """What timm calls a backbone."""
    return PRESETS[backbone].model if backbone in PRESETS else backbone


def settings_of(learn: LearnSettings, backbone: str) -> LearnSettings:
    """The same settings for a backbone that a recipe names: its own weights and input.

    Parameters
    ----------
    learn : LearnSettings
        ``backbones`` may say more of it. What is said of weights of another backbone is not for
        it: without an entry it is pretrained, or random where all weights are.
    backbone : str
        A preset, or a model of timm.
    """
    if timm_name(backbone) == timm_name(learn.backbone):
        return learn
    said = {timm_name(name): each for name, each in learn.backbones.items()}
    own = said.get(timm_name(backbone))
    if own is None:
        own = OtherBackbone(weights="random" if learn.weights == "random" else "pretrained")
    given = own.model_dump() | {"image_size_px": own.image_size_px or learn.image_size_px}
    return learn.model_copy(update={"backbone": backbone, **given})
