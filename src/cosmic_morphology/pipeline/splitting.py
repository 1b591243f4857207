"""The split and its certificate, as stages of the pipeline."""

from __future__ import annotations

from cosmic_morphology.errors import LeakError
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE, is_proven, write_proof

_BEFORE_SPLIT = "splits before"


def split(context: Context) -> None:
    """Divide whole groups into train, val and test, and copies that the search missed with them.

    They are tied here, and not only when the split is certified at the end: what is done for one
    split in between, such as importing people's verdicts on test images, must find the last one.
    """
    from cosmic_morphology.curate.split.mending import certify_and_mend, splits_before

    before = context.notes[_BEFORE_SPLIT] = splits_before(context.atlas)
    _split_now(context)
    if is_certified(context):
        return
    with context.progress("comparing every pair across the split") as report:
        certificate, _ = certify_and_mend(
            context.atlas,
            settings=context.settings.curate,
            before=before,
            split_again=lambda: _split_now(context),
            raise_on_leak=False,
            progress=report,
        )
    # Where no label and no embedding changes from here on, it need not be made at the end.
    write_proof(context.atlas, certificate, context.out / CERTIFICATE_FILE)


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

    Copies that only the proof sees are tied, and what this run has split is split again.
    """
    from cosmic_morphology.curate.split.mending import certify_and_mend, splits_before

    before = context.notes.get(_BEFORE_SPLIT)
    with context.progress("comparing every pair across the split") as report:
        certificate, _ = certify_and_mend(
            context.atlas,
            settings=context.settings.curate,
            before=splits_before(context.atlas) if before is None else before,
            split_again=lambda: _split_now(context),
            raise_on_leak=False,
            progress=report,
        )
    write_proof(context.atlas, certificate, context.out / CERTIFICATE_FILE)
    if certificate.leaks:
        raise LeakError(
            f"{certificate.leaks} pairs of images that belong together stand on two splits",
            where=str(context.out / CERTIFICATE_FILE),
            todo="The certificate names them; `cosmic split --redo` assigns all images again.",
        )
