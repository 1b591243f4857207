"""The split and its certificate, as stages of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.errors import LeakError
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE, is_proven, write_proof

if TYPE_CHECKING:
    from cosmic_morphology.curate import LeakageResult

_BEFORE_SPLIT, _COMPARED = "splits before", "compared across the split"


def split(context: Context) -> None:
    """Divide whole groups into train, val and test, and copies that the search missed with them.

    They are tied here, and not only when the split is certified at the end: what is done for one
    split in between, such as importing people's verdicts on test images, must find the last one.
    """
    from cosmic_morphology.curate.split.mending import splits_before

    context.notes[_BEFORE_SPLIT] = splits_before(context.atlas)
    _split_now(context)
    if is_certified(context):
        return
    # Where no label and no embedding changes from here on, it need not be made at the end.
    write_proof(context.atlas, _certified(context), context.out / CERTIFICATE_FILE)


def _certified(context: Context) -> LeakageResult:
    """Certify what is split; copies that only the proof sees are tied, and it is split again."""
    from cosmic_morphology.curate.split.mending import certify_and_mend, splits_before

    before = context.notes.get(_BEFORE_SPLIT)
    with context.progress("comparing every pair across the split") as report:
        mended = certify_and_mend(
            context.atlas,
            settings=context.settings.curate,
            before=splits_before(context.atlas) if before is None else before,
            split_again=lambda: _split_now(context),
            raise_on_leak=False,
            progress=report,
            known=context.notes.get(_COMPARED),
        )
    context.notes[_COMPARED] = mended.known
    return mended.certificate


def _split_now(context: Context) -> None:
    from cosmic_morphology.curate import split_images

    split_images(
        context.atlas,
        settings=context.settings.split,
        seed=context.settings.seed,
        reject=context.taxonomy.reject,
    )


def is_certified(context: Context) -> bool:
    """Whether the certificate beside the report is of this very split."""
    file = context.out / CERTIFICATE_FILE
    return is_proven(context.atlas, file, context.settings.curate)


def certify(context: Context) -> None:
    """Prove that the splits are disjoint, or fail the run.

    What was compared when this run made the split is not compared again: labels have changed since,
    and the certificate counts them.
    """
    certificate = _certified(context)
    write_proof(context.atlas, certificate, context.out / CERTIFICATE_FILE)
    if certificate.leaks:
        raise LeakError(
            f"{certificate.leaks} pairs of images that belong together stand on two splits",
            where=str(context.out / CERTIFICATE_FILE),
            todo="The certificate names them; `cosmic split --redo` assigns all images again.",
        )
