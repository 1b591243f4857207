"""Recipes: named training configurations in TOML that inherit from each other."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.reading import read_toml
from cosmic_morphology.suggest import suggest_names


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Augmentation(_Part):
    """Random changes of a training image; zeros leave it as it is."""

    rotate_deg: float = Field(0.0, ge=0, le=180, description="largest rotation either way, degrees")
    flip: bool = Field(False, description="mirror left-right and up-down, each with chance 1/2")
    zoom: tuple[float, float] = Field((1.0, 1.0), description="share of the side that is shown")
    shift: float = Field(0.0, ge=0, le=0.5, description="largest shift, as a share of the side")
    brightness: float = Field(0.0, ge=0, le=1, description="relative change")
    contrast: float = Field(0.0, ge=0, le=1, description="relative change")
    saturation: float = Field(0.0, ge=0, le=1, description="relative change")
    channel_gain: float = Field(0.0, ge=0, le=1, description="relative change of R, G, B each")
    p_grayscale: float = Field(0.0, ge=0, le=1, description="chance of an image without colour")
    p_channel_swap: float = Field(
        0.0, ge=0, le=1, description="chance of false colour: channels swapped"
    )
    sky_offset: float = Field(0.0, ge=0, le=0.5, description="largest offset of the sky, 0..1")
    blur: float = Field(0.0, ge=0, le=1, description="chance of a blur")
    blur_sigma_px: tuple[float, float] = Field((0.5, 1.5), description="width of the blur, px")
    noise: float = Field(0.0, ge=0, le=0.2, description="largest sigma of noise, of 0..1")
    p_border: float = Field(0.0, ge=0, le=1, description="chance that an edge is blanked")

    @property
    def is_none(self) -> bool:
        """Whether an image stays as it is."""
        return self == Augmentation()


class Recipe(_Part):
    """How a model is trained. Lengths are in epochs unless named otherwise."""

    description: str = Field("", description="what the recipe is, in one line")
    backbones: tuple[str, ...] = Field(
        (),
        description="several frozen backbones, each with a head of its own; the answer is the mean "
        "of their log-probabilities; none: the one of the settings (learn.backbone)",
    )
    trainable: Literal["head", "last_stages", "lora", "all"] = Field(
        "head",
        description="what changes: the head on cached embeddings, also the last stages, also "
        "low-rank adapters of a transformer (LoRA), all",
    )
    stages: int = Field(2, ge=1, description="how many last stages (trainable = 'last_stages')")
    lora_rank: int = Field(8, ge=1, description="width of the adapters (trainable = 'lora')")
    epochs: int = Field(20, ge=1, description="times that every training image is seen")
    batch_size: int = Field(32, ge=1, description="images in one step")
    learning_rate: float = Field(1e-3, gt=0, description="of the head")
    backbone_lr_scale: float = Field(1.0, gt=0, description="the backbone's rate, relative to it")
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of a stage, relative to the next")
    weight_decay: float = Field(0.0, ge=0, description="of matrices; norms and biases have none")
    optimiser: Literal["adam", "adamw", "lbfgs"] = Field(
        "adam",
        description="adamw keeps the weight decay apart (Loshchilov & Hutter 2019); lbfgs solves "
        "a linear head to the end: without epochs, batches or rates",
    )
    l2_strengths: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.03, 0.1, 0.3, 1.0, 3.0),
        min_length=1,
        description="of the weights' squared length, to try (optimiser = 'lbfgs'); val chooses",
    )
    cv_folds: int = Field(
        0,
        ge=0,
        description="parts of train and val together, whole groups each, whose answers choose the "
        "penalty, temperature and threshold; all are learned from (optimiser = 'lbfgs'); 0: "
        "the val split chooses, and is not trained on",
    )
    schedule: Literal["step", "cosine", "constant"] = Field(
        "step", description="how the learning rate falls"
    )
    step_epochs: int = Field(7, ge=1, description="epochs between two steps")
    lr_step_factor: float = Field(0.1, gt=0, lt=1, description="the rate is multiplied with it")
    warmup_epochs: float = Field(
        0.0, ge=0, description="in which the learning rate rises to its value"
    )
    patience: int = Field(5, ge=0, description="epochs without progress before it stops; 0: never")
    monitor: Literal["val_loss", "val_macro_f1"] = Field(
        "val_macro_f1", description="what chooses the best epoch, and counts as progress"
    )
    class_weights: Literal["balanced", "sqrt_balanced", "none"] = Field(
        "balanced",
        description="balanced: rare classes count more, all classes the same in sum; "
        "sqrt_balanced: the square root of that",
    )
    logit_adjustment: float = Field(0.0, ge=0, description="tau of Menon et al. 2021; 0: off")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target given to all classes alike"
    )
    weight_by_label_confidence: bool = Field(
        False, description="weigh images by their label's confidence"
    )
    mixup: float = Field(0.0, ge=0, description="alpha of Zhang et al. 2018; 0: off")
    ema: float = Field(0.0, ge=0, lt=1, description="decay of the averaged weights; 0: off")
    head: Literal["linear", "mlp"] = Field(
        "linear", description="one layer, or two with a GELU between"
    )
    hidden: int = Field(512, ge=1, description="width of the mlp")
    dropout: float = Field(0.0, ge=0, lt=1, description="before the last layer")
    standardise: bool = Field(False, description="scale each feature to unit variance first")
    multi_layer: bool = Field(False, description="the head also sees the middle stages, pooled")
    tta_views: int = Field(
        1, ge=1, le=8, description="rotations and flips averaged when predicting"
    )
    tta_crops: int = Field(
        0, ge=0, le=5, description="enlarged parts (the middle, the corners) averaged, too"
    )
    cached_views: int = Field(
        1,
        ge=1,
        description="changed copies of each image, seen once by what does not learn: for a head, "
        "or for last stages (there 1 means that images are augmented again in every epoch)",
    )
    include_reject_class: bool = Field(False, description="one more class: everything else")
    calibrate: bool = Field(True, description="fit a temperature on the val split")
    prior_correction: bool = Field(
        False, description="with it, give back the classes' shares that class weights took away"
    )
    target_precision: float = Field(0.98, gt=0, lt=1, description="for the reject threshold")
    size_px: int | None = Field(
        None, ge=16, le=2048, description="side of the input instead of the model's"
    )
    augment: Augmentation = Field(
        default_factory=Augmentation, description="random changes of training images, see below"
    )

    @model_validator(mode="after")
    def _solves_only_what_can_be_solved(self) -> Recipe:
        if self.optimiser == "lbfgs":
            beyond = {
                "trainable": self.trainable != "head",
                "head": self.head != "linear",
                "mixup": self.mixup > 0,
                "label_smoothing": self.label_smoothing > 0,
                "logit_adjustment": self.logit_adjustment > 0,
                "dropout": self.dropout > 0,
                "ema": self.ema > 0,
            }
            if self.cv_folds:
                beyond |= {"cached_views": self.cached_views > 1, "cv_folds": self.cv_folds == 1}
            if any(beyond.values()):
                keys = ", ".join(key for key, asked in beyond.items() if asked)
                raise ValueError(
                    f"optimiser = 'lbfgs' solves a linear head on frozen features; "
                    f"it cannot do what is asked by: {keys}"
                )
        return self

    @model_validator(mode="after")
    def _averages_only_linear_heads(self) -> Recipe:
        if not self.backbones:
            return self
        if len(set(self.backbones)) != len(self.backbones) or len(self.backbones) < 2:
            raise ValueError("backbones: name two or more, each once")
        beyond = {"trainable": self.trainable != "head", "head": self.head != "linear"}
        if any(beyond.values()):
            keys = ", ".join(key for key, asked in beyond.items() if asked)
            raise ValueError(
                f"several backbones get linear heads and stay frozen; what is asked by {keys} "
                "is for one backbone"
            )
        return self

    @property
    def is_plain(self) -> bool:
        """Whether a head is learned from the plain embeddings that are in the atlas."""
        return (
            self.trainable == "head"
            and not self.multi_layer
            and not self.tta_crops
            and self.tta_views == 1 == self.cached_views
            and not self.cv_folds
        )


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package.

    Examples
    --------
    >>> "scratch" in recipe_names()
    True
    """
    folder = resources.files("cosmic_morphology.learn").joinpath("recipes")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_recipe(name: str, own: Mapping[str, Mapping[str, Any]] | None = None) -> Recipe:
    """Read a recipe that comes with the package, or a TOML file, or one of a person's own.

    A recipe may say ``extends = "another"``: its own keys win.

    Parameters
    ----------
    name : str
        Its name, or the path of a file that ends in ``.toml``.
    own : mapping, optional
        Recipes of a settings file by name; without ``extends`` they extend ``linear-probe``.

    Raises
    ------
    SettingsError
        There is no such recipe, or it is not valid.

    Examples
    --------
    >>> load_recipe("scratch").epochs > 0
    True
    >>> load_recipe("linear-probe").description == load_recipe("scratch").description
    False
    """
    try:
        return Recipe.model_validate(_merged(name, own or {}, ()))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        # Keys that do not go together are the fault of none: there is no place then.
        in_augment = first["loc"][:1] == ("augment",)
        part: type[BaseModel] = Augmentation if in_augment else Recipe
        raise SettingsError(
            "there is no such key" if unknown else first["msg"],
            where=f"recipe {name}: {key}" if key else f"recipe {name}",
            todo=suggest_names(str(first["loc"][-1]), sorted(part.model_fields)) if unknown else "",
        ) from error


def _merged(
    name: str, given: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...]
) -> dict[str, Any]:
    # A given recipe may make another one of the same name its own.
    is_given = name in given and f"recipes.{name}" not in seen[-1:]
    here = f"recipes.{name}" if is_given else name
    if here in seen:
        raise SettingsError(
            "recipes extend each other in a circle",
            where=" > ".join(seen),
            todo="Let one of them extend none.",
        )
    own, folder = (dict(given[name]), None) if is_given else _read(name)
    parent = own.pop("extends", "linear-probe" if is_given else None)
    if parent is None:
        return own
    beside = folder / parent if folder else Path(parent)
    base = _merged(str(beside) if beside.is_file() else parent, given, (*seen, here))
    return _over(base, own)


def _over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    return merged


def _read(name: str) -> tuple[dict[str, Any], Path | None]:
    path = Path(name)
    packaged = resources.files("cosmic_morphology.learn").joinpath("recipes", f"{name}.toml")
    try:
        if path.suffix == ".toml":
            return read_toml(path, SettingsError), path.parent
        return tomllib.loads(packaged.read_text("utf-8")), None
    except OSError as error:
        raise SettingsError(
            f"there is no recipe {name!r}",
            where="recipe",
            todo=f"{suggest_names(name, recipe_names())} Or give a TOML file.",
        ) from error
