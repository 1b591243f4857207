"""An S3 server in this process whose requests can be counted, refused and damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REFUSAL = (
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message>'
    b"<RequestId>secret-request</RequestId></Error>"
)


class Server:
    """moto behind a gate: ``refuses`` says which requests are answered with 403."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self.requests: list[tuple[str, str]] = []
        self.refuses: Callable[[int, str, str], bool] = lambda *_: False
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        with self._lock:
            method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            self.requests.append((method, path))
            refused = self.refuses(len(self.requests), method, path)
            if refused:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start("403 Forbidden", [("Content-Type", "application/xml")])
                return [REFUSAL]
            return self._app(environ, start)

    def begin(self, refuses: Callable[[int, str, str], bool] = lambda *_: False) -> None:
        """Count from here, and refuse what ``refuses(number, method, path)`` says."""
        with self._lock:
            self.requests = []
            self.refuses = refuses


@contextmanager
def s3_server() -> Iterator[tuple[Server, dict[str, str]]]:
    """The server, with a bucket ``sky``, and the storage options for it."""
    import boto3

    server = Server()
    served = make_server("127.0.0.1", 0, server, threaded=True)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{served.port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="sky")
    server.client = client
    try:
        yield (
            server,
            {
                "aws_access_key_id": "x",
                "aws_secret_access_key": "y",
                "aws_region": "us-east-1",
                "endpoint": endpoint,
                "allow_http": "true",
                "aws_virtual_hosted_style_request": "false",
            },
        )
    finally:
        client.close()
        served.shutdown()
        thread.join()
        served.server_close()
