"""An S3 server in this process whose requests can be counted, refused and damaged.

One request at a time is answered, so that a conditional put is one step, as in a real store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Refuses = Callable[[int, str, str], str | bool]
"""Number, method and path of a request to what it is answered with, such as ``503 SlowDown``:
a status and the store's name for it. ``True`` is ``403 AccessDenied``, nothing lets it through."""

REFUSAL = (
    '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message>'
    "<RequestId>secret-request</RequestId></Error>"
)


class Server:
    """moto behind a gate: ``refuses`` says which requests are answered with an error."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self.requests: list[tuple[str, str]] = []
        self.refuses: Refuses = lambda *_: False
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        with self._lock:
            method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            self.requests.append((method, path))
            refused = self.refuses(len(self.requests), method, path)
            if refused:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                status, code = ("403 AccessDenied" if refused is True else refused).split()
                start(f"{status} {code}", [("Content-Type", "application/xml")])
                return [REFUSAL.format(code).encode()]
            return self._app(environ, start)

    def begin(self, refuses: Refuses = lambda *_: False) -> None:
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
