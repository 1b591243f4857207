"""``cosmic replica``: a stand-in for the archives on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.printing import say


def command(
    images: Annotated[Path, typer.Option("--images", help="Folder of the images that are served.")],
    catalogue: Annotated[
        Path, typer.Option("--catalogue", help="CSV with a record for each image.")
    ],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to serve on; 0: any free one.")
    ] = 8765,
    latency_ms: Annotated[
        float,
        typer.Option(
            "--latency-ms", min=0, max=600_000, help="Delay of each answer in milliseconds."
        ),
    ] = 0.0,
) -> None:
    """Serve images as the archives would, on loopback, until Ctrl-C."""
    from cosmic_morphology.replica import ArchiveCatalogue, Faults, build_app
    from cosmic_morphology.replica.server import serve

    holdings = ArchiveCatalogue.from_catalogue(images, catalogue)
    serve(
        build_app(holdings, faults=Faults(latency_s=latency_ms / 1000)),
        host="127.0.0.1",
        port=port,
        started=lambda url: say(f"serving {images} at {url} (Ctrl-C ends it)"),
    )
