"""Settings of curation: one section for each of its questions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosmic_morphology.settings.base import Section


class DuplicateSettings(Section):
    """Which images are copies of each other."""

    max_hash_distance_bits: int = Field(
        6, ge=0, le=32, description="largest Hamming distance of near duplicates, of 64 bits"
    )
    search: Literal["quick", "thorough"] = Field(
        "quick",
        description="quick: re-encoded, resized, rotated and mirrored copies, by hash, and what is "
        "near by its embedding, cropped, framed and captioned ones, too; thorough: these without "
        "embeddings, at some ten times the cost",
    )
    min_cosine: float = Field(
        0.7, gt=0, le=1, description="least cosine of embeddings of images that are compared"
    )
    embedding: str = Field(
        "any",
        description="column of embeddings whose neighbours are compared, too; any: the first that "
        "there is; none",
    )


class GroupSettings(Section):
    """Which images a split has to keep together."""

    broad_objects: tuple[str, ...] = Field(
        (
            "sun",
            "moon",
            "earth",
            "mercury",
            "venus",
            "mars",
            "jupiter",
            "saturn",
            "uranus",
            "neptune",
            "pluto",
            "lmc",
            "smc",
            "milky way",
        ),
        description="single bodies with many images, such as the Sun and each planet",
    )
    single_bodies: Literal["object", "copies"] = Field(
        "copies",
        description="what keeps images of such a body together: copies (near copies, series and "
        "days: a test image may show a body that was learned from), or object (all images of "
        "the body: a model is asked for bodies that it has never seen)",
    )
    max_share: float = Field(
        0.05, gt=0, le=1, description="of all images, in a group tied by names, series or albums"
    )
    min_cap: int = Field(
        24, ge=2, description="such a group may always be as large as this, images"
    )
    max_album: int = Field(24, ge=2, description="largest album that counts as one subject, images")


class VoteSettings(Section):
    """Who votes on a label, and how the votes are put together."""

    label_model: Literal["bayes", "crowdlab"] = Field(
        "bayes", description="how votes become a label: their stated weights, or their agreement"
    )
    disabled: tuple[str, ...] = Field((), description="names of voters that are not asked")
    zero_shot_model: str = Field(
        "",
        description="text-image model of the zero-shot voter, such as "
        "'hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K' or 'local-dir:FOLDER'; empty: not asked",
    )
    trained_runs: tuple[str, ...] = Field(
        (), description="trained runs that vote: names of this project's, or folders of runs"
    )
    trained_run_min_confidence: float = Field(
        0.5, ge=0, le=1, description="a run that is less sure than this abstains"
    )
    probe_min_label_confidence: float = Field(
        0.8, ge=0, le=1, description="least confidence of labels that the image voter learns from"
    )


class LabelSettings(Section):
    """When an image gets a label."""

    min_confidence: float = Field(0.65, ge=0, le=1, description="below it the label is left open")


class CheckSettings(Section):
    """When an image is flagged."""

    relevance_threshold: float = Field(
        0.93, ge=0, le=1, description="below it an image is flagged as irrelevant"
    )
    mislabel_threshold: float = Field(
        0.8, ge=0, le=1, description="a label less likely than this is flagged as a mislabel"
    )


class CurateSettings(Section):
    """Duplicates, groups, votes, labels, checks."""

    embed: bool = Field(
        True,
        description="embed images before copies are searched, where torch is installed and the "
        "weights are on this machine; nothing is downloaded for it",
    )
    duplicates: DuplicateSettings = Field(default_factory=DuplicateSettings)
    groups: GroupSettings = Field(default_factory=GroupSettings)
    votes: VoteSettings = Field(default_factory=VoteSettings)
    labels: LabelSettings = Field(default_factory=LabelSettings)
    checks: CheckSettings = Field(default_factory=CheckSettings)
