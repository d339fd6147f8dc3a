"""What the server counts, for Prometheus. No text and no name of a person is in a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 100, 300)
_SIZES = (1, 4, 16, 64, 256, 1024)


class Metrics:
    """The counters of one server, in a registry of its own: a process can hold several."""

    def __init__(self, model_version: str) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rasd_requests", "Requests answered.", ("path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "rasd_request_seconds",
            "From a request's first byte to the end of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.texts = Counter("rasd_texts", "Texts the model has read.", registry=self.registry)
        self.spans = Counter("rasd_spans", "Spans found.", ("label",), registry=self.registry)
        self.unread = Counter(
            "rasd_unread_texts",
            "Texts answered with an empty result because they could not be read.",
            ("reason",),
            registry=self.registry,
        )
        self.left_out = Counter(
            "rasd_left_out_spans",
            "Spans whose label the Label Studio project lacks.",
            ("label",),
            registry=self.registry,
        )
        self.round_texts = Histogram(
            "rasd_round_texts",
            "Texts that went through the model together.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.waiting = Gauge(
            "rasd_waiting_characters",
            "Characters accepted and not yet predicted.",
            registry=self.registry,
        )
        self.refused = Counter(
            "rasd_refused_requests",
            "Requests refused because the queue was full.",
            registry=self.registry,
        )
        self.webhooks = Counter(
            "rasd_webhooks", "Webhooks received.", ("outcome",), registry=self.registry
        )
        model = Gauge(
            "rasd_model", "The model that is served.", ("version",), registry=self.registry
        )
        model.labels(model_version).set(1)
