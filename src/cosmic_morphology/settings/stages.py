"""Settings of the stages: collecting, splitting, training, measuring."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field

from cosmic_morphology.settings.base import Section


class ImagingSettings(Section):
    """Intake of images."""

    thumbnail_side_px: int = Field(512, ge=64, le=2048, description="longest side, px")
    max_bytes: int = Field(60_000_000, ge=1_000, description="largest body that is taken, bytes")
    max_pixels: int = Field(120_000_000, ge=10_000, description="largest image, pixels")


class LocalSettings(Section):
    """Column work on this machine."""

    processes: int | None = Field(
        None, ge=1, description="processes that fill columns; None: one for each core"
    )
    min_rows: int = Field(
        0, ge=0, description="never start processes for fewer rows; a stage has its own least, too"
    )


class StageResources(Section):
    """What one task of a stage takes on a cluster."""

    cpus: float = Field(1, gt=0, description="cores; a task computes with so many threads")
    gpus: float = Field(0, ge=0, description="GPUs; 0.25: four tasks share one")
    memory_gb: float | None = Field(
        None, gt=0, description="memory that is set aside for it; None: Ray does not look at memory"
    )


class RayResources(Section):
    """What a task takes on a cluster, by stage."""

    embed: StageResources = Field(default_factory=StageResources, description="embedding")
    keypoints: StageResources = Field(default_factory=StageResources, description="keypoints")
    votes: StageResources = Field(default_factory=StageResources, description="votes on texts")
    zero_shot: StageResources = Field(
        default_factory=StageResources, description="a text-image model"
    )
    labels: StageResources = Field(default_factory=StageResources, description="weighing of votes")
    checks: StageResources = Field(
        default_factory=StageResources, description="relevance and mislabels"
    )
    predict: StageResources = Field(default_factory=StageResources, description="a trained model")
    intake: StageResources = Field(
        default_factory=StageResources, description="decoding of what is imported"
    )
    synthesize: StageResources = Field(default_factory=StageResources, description="rendering")
    collect: StageResources = Field(
        default_factory=StageResources, description="queries of an archive"
    )


class RaySettings(Section):
    """Column work on a Ray cluster."""

    address: str = Field(
        "",
        description="host:port of the head, or 'auto' (the cluster that this program was "
        "submitted to); empty: a cluster of our own on this machine",
    )
    connect_timeout_s: float = Field(
        6.0, gt=0, le=60, description="how long a named cluster may take to answer, s"
    )
    processes: int | None = Field(
        None, ge=1, description="workers of a cluster of our own; None: one for each core"
    )
    resources: RayResources = Field(default_factory=RayResources)


class CollectSettings(Section):
    """Collecting over HTTP."""

    requests_per_s: float | None = Field(
        None, gt=0, description="per host; without it the polite default of each host"
    )
    concurrency: int = Field(16, ge=1, le=256, description="open requests per host")
    timeout_s: float = Field(30.0, gt=0, description="longest silence of a server, s")
    attempts: int = Field(5, ge=1, le=20, description="tries for one URL in one run")
    backoff_s: float = Field(1.0, ge=0, description="first wait before another try, s; doubles")
    max_wait_s: float = Field(300.0, ge=0, description="longest wait, also by Retry-After, s")
    throttle_pause_s: float = Field(60.0, ge=0, description="wait after a 403, s")
    contact: str = Field("", description="e-mail or page put into the user agent")
    honour_opt_out: bool = Field(True, description="pass over what X-Robots-Tag opts out of")
    stop_on_source_change: bool = Field(
        True, description="stop when a source suddenly sends rubbish"
    )
    commit_rows: int = Field(256, ge=1, description="images between two commits")
    decode_workers: int = Field(
        default_factory=lambda: min(8, os.cpu_count() or 1), ge=1, description="for intake"
    )


class SplitSettings(Section):
    """Dividing images into train, val and test."""

    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.2, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)
    hold_out: tuple[str, ...] = Field((), description="sources or collections that are test only")
    folds: int = Field(
        0, ge=0, le=100, description="also divide train and val into this many folds; 0: no folds"
    )
    include_reject: bool = Field(True, description="deal images of the reject class, too")
    include_unlabelled: bool = Field(
        True, description="deal images without a label, too: a verdict may give them one"
    )


WEIGHTS_WORDS = ("pretrained", "random", "bundled")


class OtherBackbone(Section):
    """Weights and input of a backbone that a recipe names beside others."""

    weights: str = Field("pretrained", description="as learn.weights has them")
    weights_mean: tuple[float, float, float] | None = Field(None, description="override for a file")
    weights_std: tuple[float, float, float] | None = Field(None, description="override for a file")
    timm_kwargs: dict[str, Any] = Field(default_factory=dict, description="for timm")
    image_size_px: int | None = Field(
        None, ge=16, le=2048, description="side of its input, px; None: learn.image_size_px"
    )


class LearnSettings(Section):
    """Training."""

    backbone: str = Field("resnet50", description="any timm model")
    weights: str = Field(
        "pretrained",
        description="'pretrained' (timm's, from the model hub or an earlier download), 'random', "
        "'bundled' (a small net trained on rendered images), or a safetensors file",
    )
    weights_mean: tuple[float, float, float] | None = Field(None, description="override for a file")
    weights_std: tuple[float, float, float] | None = Field(None, description="override for a file")
    timm_kwargs: dict[str, Any] = Field(default_factory=dict, description="for timm")
    image_size_px: int | None = Field(None, ge=16, le=2048, description="side of the input, px")
    backbones: dict[str, OtherBackbone] = Field(
        default_factory=dict,
        description="weights and input of other backbones by name, for recipes that name several; "
        "without an entry they are pretrained",
    )
    workers: int = Field(default_factory=lambda: min(4, os.cpu_count() or 1), ge=0)
    accelerator: str = Field("auto", description="auto, cpu, gpu, ...")
    runtime: Literal["auto", "onnx", "torch"] = Field(
        "auto",
        description="what runs frozen networks: 'auto' (ONNX Runtime on CPUs, torch elsewhere), "
        "'onnx' (on the CPU also where there is a GPU), or 'torch'",
    )
    devices: int = Field(
        1, ge=1, description="of each machine that train together: GPUs, or processes on its cores"
    )
    nodes: int = Field(1, ge=1, description="machines that train together; torchrun or srun starts")
    threads: int | None = Field(None, ge=1, description="torch threads; None: torch's choice")
    cache_gb: float = Field(
        20.0,
        gt=0,
        description="disk for images while stages are trained; of a set that does not fit decoded, "
        "as many as fit are kept as they are stored, and the others read in each epoch",
    )


class SweepSettings(Section):
    """A search of recipe keys: ``cosmic sweep``."""

    trials: int = Field(20, ge=1, description="points of the space that are tried, in all")
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="for each key of a recipe a list of values, or a range: "
        "{low = 0.001, high = 0.1, log = true}",
    )


class EvaluateSettings(Section):
    """Measuring."""

    bootstrap_resamples: int = Field(1000, ge=50, description="resamples of the 95 % interval")
    coverage_level: float = Field(
        0.8, gt=0, le=1, description="share of images answered, for the precision of sure answers"
    )
    precision_level: float = Field(
        0.98, gt=0, le=1, description="share of right answers, for how many can be answered"
    )
    report_samples: int = Field(12, ge=0, le=60, description="sample images of a class")
    report_mistakes: int = Field(24, ge=0, le=200, description="worst mistakes of a run")
    report_saliency: int = Field(
        2, ge=0, le=10, description="right and wrong answers a class with what speaks for them"
    )
    saliency_images: int = Field(
        40, ge=1, le=5000, description="images on which the share of saliency is measured"
    )
    report_probe: bool = Field(True, description="report how well embeddings tell the collection")
