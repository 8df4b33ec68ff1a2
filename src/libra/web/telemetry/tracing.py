"""Traces by OpenTelemetry: a span for each request that the framework answers, one for each weighing.

This is an extra: ``pip install "libra-weigh[otel]"`` and ``libra serve --otel``. OpenTelemetry's own
variables, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``, say where the traces go; names follow its semantic
conventions. Reports answered by the fast path have no span: a span would cost more than the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from libra.report import Report
from libra.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class Telemetry:
    """Makes spans. It belongs to one Libra and leaves the program's global provider alone."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an extra, which need not be installed
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415 - likewise

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer("libra", version("libra-weigh"))
        self._propagator = tracecontext.TraceContextTextMapPropagator()

    @contextmanager
    def request(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> Iterator[Callable[[int], None]]:
        """A span around a request, under the caller's if it sent a ``traceparent``.

        Yields:
            A function to call with the status of the answer.
        """
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            context=self._propagator.extract(headers),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        ) as span:

            def answered(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(self._trace.StatusCode.ERROR)

            yield answered

    def weighed(self, report: Report) -> None:
        """Send a span for a finished page, as long as its weighing took."""
        if report.finished_at is None:
            return
        end = _nanoseconds(report.finished_at)
        span = self._tracer.start_span(
            f"weigh {report.method}",
            context=self._trace.set_span_in_context(self._trace.INVALID_SPAN),
            start_time=end - (report.duration_ms or 0) * 1_000_000,
            attributes={
                "url.full": report.url,
                "libra.page.id": report.id,
                "libra.page.status": report.status,
                "libra.page.complete": report.complete,
                "libra.page.requests": report.total.requests,
                "libra.page.transfer_bytes": report.total.transfer_bytes,
            },
        )
        if report.status == "failed":
            span.set_status(self._trace.StatusCode.ERROR, report.error)
        span.end(end)

    def close(self) -> None:
        """Send the spans that have not been sent yet. May take as long as the exporter allows."""
        self._provider.shutdown()


def start() -> Telemetry:
    """Send traces by OTLP over HTTP, as configured in OpenTelemetry's variables.

    Raises:
        SettingsError: the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise SettingsError(
            f'otel needs a package that is not installed ({error.name}): pip install "libra-weigh[otel]"'
        ) from None
    described: dict[str, Any] = {
        "service.name": "libra",
        "service.version": version("libra-weigh"),
    }
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource = Resource(described).merge(Resource.create())
    provider = TracerProvider(resource=_named(resource, described), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(trace_exporter.OTLPSpanExporter()))
    return Telemetry(provider)


def _named(resource: Any, described: Mapping[str, Any]) -> Any:
    # `Resource.create` names a service without a name "unknown_service".
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        return resource.merge(type(resource)(dict(described)))
    return resource


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
