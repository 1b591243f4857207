"""Settings of the web application."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cosmic_morphology.settings.base import Section


class ServeSettings(Section):
    """The web application: where it listens, and who may write."""

    host: str = Field("127.0.0.1", description="address to listen on; loopback: this machine only")
    port: int = Field(8620, ge=0, le=65535, description="port to listen on; 0: a free one")
    names: tuple[str, ...] = Field(
        (), description="further names that browsers may call this server by"
    )
    tokens: Path | None = Field(
        None, description='TOML file of reviewers: lines such as ann = "a long secret"'
    )
    model: Path | None = Field(
        None, description="run or .onnx file that classifies; None: the best run"
    )
    max_upload_mb: float = Field(25.0, gt=0, description="largest body of a request, MB")
    body_seconds: float = Field(30.0, gt=0, description="longest that a body may take to arrive")
    fetch_seconds: float = Field(
        20.0, gt=0, description="longest that an address given on a page may take to answer"
    )
    requests_per_minute: int = Field(
        6000, ge=1, description="requests that one client address may make in a minute"
    )
    weigh_seconds: float = Field(
        15.0, ge=0, description="seconds from a verdict to weighing labels again; 0: never"
    )
    readers: int = Field(8, ge=1, le=64, description="requests that read the atlas at once")
