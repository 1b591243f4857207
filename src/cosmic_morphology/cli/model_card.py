"""``cosmic model-card``: the model card of a run."""

from __future__ import annotations

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    RunArgument,
    open_atlas,
    quiet_libraries,
    run_at,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.extras import needs


def command(
    run: RunArgument,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write model_card.md into the run; with --atlas also its scores on the test split."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    run = run_at(run, settings)
    opened = open_atlas(settings) if atlas is not None else None
    scores: list[str] = []
    with needs("This"):
        from cosmic_morphology.learn import write_card

        if opened is not None:
            from cosmic_morphology.evaluate import evaluate_run
            from cosmic_morphology.learn import load_trained_model, predict_images

            model = load_trained_model(run, learn=settings.learn)
            with progress("predicting") as report:
                predict_images(opened, model, where="split = 'test'", progress=report)
            found = evaluate_run(
                opened,
                model.name,
                classes=list(model.classes),
                settings=settings.evaluate,
                seed=settings.seed,
            )
            scores = [
                str(score) for kind in found.kinds for score in (kind.macro_f1, kind.accuracy)
            ]
        path = write_card(run, scores=scores)
    show({"card": str(path), "test_scores": scores}, as_json=as_json, title="written")
