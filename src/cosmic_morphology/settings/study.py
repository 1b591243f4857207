"""Settings of the studies: what a split claims, what rendered images and clean labels are worth."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cosmic_morphology.settings.base import Section

SECTIONS = ("leakage", "synthetic", "label_noise", "learning_curve", "realism", "backbones")


class LeakageSettings(Section):
    """A random split by file against a grouped one."""

    folds: int = Field(5, ge=2, le=20, description="parts of the images, each tested once")
    splits: tuple[Literal["train", "val", "none"], ...] = Field(
        ("train", "val", "none"), description="images that are re-assigned; never those of test"
    )


class SyntheticSettings(Section):
    """Rendered images beside real ones."""

    rendered_atlas: str = Field(
        "", description="where the rendered images are; empty: in the same atlas"
    )
    ratios: tuple[float, ...] = Field(
        (0.5, 1, 2, 4), description="rendered for each real image of the rare classes"
    )
    ratios_every: tuple[float, ...] = Field(
        (0.5, 1, 2, 4), description="the same where every class gets some"
    )
    rare: tuple[str, ...] = Field(("asteroid", "comet"), description="the rare classes")
    keep: int = Field(0, ge=0, description="real training images left of a rare class; 0: all")
    only_rare: bool = Field(True, description="a curve with images of the rare classes only")
    every_class: bool = Field(True, description="a curve with images of every class")
    pretrain: bool = Field(True, description="a curve that learns rendered first, real after it")
    rendered_alone: bool = Field(True, description="learn from rendered images only, too")


class LabelNoiseSettings(Section):
    """Wrong labels, put in on purpose."""

    levels: tuple[float, ...] = Field(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), description="share of training labels made wrong"
    )
    arms: tuple[Literal["as they are", "curated", "robust", "curated and robust"], ...] = (
        "as they are",
        "curated",
        "robust",
        "curated and robust",
    )
    smoothing: float = Field(0.2, ge=0, lt=1, description="label smoothing of robust training")


class LearningCurveSettings(Section):
    """Fewer images."""

    fractions: tuple[float, ...] = Field(
        (0.05, 0.1, 0.2, 0.4, 0.7, 1.0), description="share of the training images"
    )
    recipes: tuple[str, ...] = Field((), description="a curve for each; none: the study's recipe")


class RealismSettings(Section):
    """Rendered against real, as a linear classifier sees it."""

    rendered_atlas: str = Field(
        "", description="where the rendered images are; empty: in the same atlas"
    )
    folds: int = Field(5, ge=2, le=20)
    per_class: int = Field(200, ge=10, description="most images of each kind in a class")
    gallery: int = Field(12, ge=0, le=60, description="images of each kind that are shown")
    pairs: int = Field(6, ge=0, le=30, description="rendered images with their real neighbours")


class BackbonesSettings(Section):
    """Backbones whose weights are on this machine, against the default."""

    folds: int = Field(5, ge=2, le=20, description="parts of the images, each tested once")


class StudySettings(Section):
    """Studies on the embeddings of the atlas, which is only read."""

    backbone: str = Field(
        "", description="whose embeddings, by preset or timm's name; empty: the first by name"
    )
    label_column: str = Field("label", description="trained on: 'label', or the name of one voter")
    recipe: str = Field("linear-probe", description="a head recipe on plain embeddings")
    recipes: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="recipes of this study: extends = 'linear-probe', and changes",
    )
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    bootstrap_resamples: int = Field(1000, ge=50, description="resamples of the 95 % interval")
    threads: int = Field(1, ge=1, description="threads of one trial; a head gains nothing by more")

    leakage: LeakageSettings = Field(default_factory=LeakageSettings)
    synthetic: SyntheticSettings = Field(default_factory=SyntheticSettings)
    label_noise: LabelNoiseSettings = Field(default_factory=LabelNoiseSettings)
    learning_curve: LearningCurveSettings = Field(default_factory=LearningCurveSettings)
    realism: RealismSettings = Field(default_factory=RealismSettings)
    backbones: BackbonesSettings = Field(default_factory=BackbonesSettings)
