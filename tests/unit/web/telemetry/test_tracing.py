"""Spans of requests and of weighings."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from libra.report import Report, Total
from libra.settings import SettingsError
from libra.web.telemetry import tracing as telemetry
from libra.web.telemetry.tracing import Telemetry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Telemetry(provider)


def attributes(span: Any) -> Mapping[str, Any]:
    assert span.attributes is not None
    return dict(span.attributes)


def test_a_request_is_a_span_under_its_callers(
    spans: Telemetry, exporter: InMemorySpanExporter
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with spans.request("POST", "/pages", {"traceparent": parent}) as answered:
        answered(202)
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /pages"
    assert span.kind == SpanKind.SERVER
    assert span.parent is not None
    assert format(span.parent.span_id, "016x") == "b7ad6b7169203331"
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/pages",
        "http.response.status_code": 202,
    }
    assert span.status.status_code == StatusCode.UNSET


def test_a_failure_of_ours_is_marked_and_one_of_the_clients_is_not(
    spans: Telemetry, exporter: InMemorySpanExporter
) -> None:
    for status in (404, 500):
        with spans.request("GET", "/", {"traceparent": "nonsense"}) as answered:
            answered(status)
    first, second = exporter.get_finished_spans()
    assert first.status.status_code == StatusCode.UNSET
    assert second.status.status_code == StatusCode.ERROR


def test_a_weighing_is_a_span_of_its_length(
    spans: Telemetry, exporter: InMemorySpanExporter
) -> None:
    report = Report(
        "an-id",
        "https://example.com/",
        status="weighed",
        finished_at=NOON + timedelta(milliseconds=84),
        duration_ms=84,
        total=Total(2, 4376, 12496),
    )
    with spans.request("GET", "/", {}):
        spans.weighed(report)  # whose request it is finished in does not matter
    span = exporter.get_finished_spans()[0]
    assert span.name == "weigh static"
    assert span.parent is None
    assert span.start_time == NOON.timestamp() * 1e9
    assert span.end_time is not None
    assert span.end_time - span.start_time == 84_000_000
    assert attributes(span)["libra.page.transfer_bytes"] == 4376


def test_a_page_that_failed_is_marked_with_its_error(
    spans: Telemetry, exporter: InMemorySpanExporter
) -> None:
    report = Report("x", "https://x/", status="failed", finished_at=NOON, error="dns: no such host")
    spans.weighed(report)
    (span,) = exporter.get_finished_spans()
    assert span.status.description == "dns: no such host"
    spans.weighed(Report("x", "https://x/"))
    assert len(exporter.get_finished_spans()) == 1


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"libra-weigh\[otel\]"):
        telemetry.start()
