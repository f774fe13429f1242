"""From questions to answers in Mbps."""

from pydantic import ValidationError

from ml_inference.bundle import Bundle, Distribution, Forecast, Graph, exceed_within, inputs_of
from qos_contract import (
    INTERVAL_LEVEL,
    BatchRequest,
    BatchResponse,
    ErrorBody,
    ErrorCode,
    PathStep,
    PredictRequest,
    PredictResponse,
    list_problems,
)

DECIMALS = 4
PROBABILITY_DECIMALS = 6


def predict(bundle: Bundle, question: PredictRequest, default_capacity: float) -> PredictResponse:
    """Answer for a link of the question's capacity, or of `default_capacity` Mbps where it names none."""
    graph = _graph_for(bundle, question)
    return _write(graph.forecast(inputs_of(question)), 0, question, graph, default_capacity)


def predict_batch(bundle: Bundle, batch: BatchRequest, default_capacity: float) -> BatchResponse:
    """Answer or refuse each question, in their order; each graph is run once for all that it answers."""
    answers: dict[int, PredictResponse | ErrorBody] = {}
    asked: dict[str, dict[int, PredictRequest]] = {bundle.model.version: {}, bundle.baseline.version: {}}
    for number, question in enumerate(batch.requests):
        if isinstance(question, ValidationError):
            detail = list_problems(question, ("body", "requests", number))
            answers[number] = ErrorBody(error=ErrorCode.VALIDATION_ERROR, detail=detail)
        else:
            asked[_graph_for(bundle, question).version][number] = question
    for graph in (bundle.model, bundle.baseline):
        if questions := asked[graph.version]:
            forecast = graph.forecast(inputs_of(*questions.values()))
            for link, (number, question) in enumerate(questions.items()):
                answers[number] = _write(forecast, link, question, graph, default_capacity)
    return BatchResponse(answers=[answers[number] for number in range(len(batch.requests))])


def _graph_for(bundle: Bundle, question: PredictRequest) -> Graph:
    return bundle.graph_for(len(question.bandwidth_util), asked_for_model=question.forecaster == "model")


def _write(
    forecast: Forecast, link: int, question: PredictRequest, graph: Graph, default_capacity: float
) -> PredictResponse:
    capacity = question.link_capacity_mbps or default_capacity
    on_the_way = question.path or question.threshold_mbps is not None
    steps = [forecast.at(link, step) for step in range(0 if on_the_way else question.horizon - 1, question.horizon)]
    path = _path(steps, capacity, question.threshold_mbps)
    end = path[-1]
    return PredictResponse(
        predicted_bandwidth=end.predicted_bandwidth,
        lower=end.lower,
        upper=end.upper,
        horizon=question.horizon,
        model_version=graph.version,
        link_capacity_mbps=capacity,
        exceed_probability=end.exceed_probability,
        exceed_within_probability=end.exceed_within_probability,
        path=path if question.path else None,
    )


def _path(steps: list[Distribution], capacity: float, threshold: float | None) -> list[PathStep]:
    """The steps in Mbps, with the probabilities of passing the threshold if there is one."""
    alone: list[float] | list[None] = [None] * len(steps)
    within: list[float] | list[None] = alone
    if threshold is not None:
        alone = [step.exceed_probability(threshold / capacity) for step in steps]
        within = [round(chance, PROBABILITY_DECIMALS) for chance in exceed_within(alone)]
        alone = [round(chance, PROBABILITY_DECIMALS) for chance in alone]
    path = []
    for step, at_it, by_it in zip(steps, alone, within, strict=True):
        lower, upper = step.interval(INTERVAL_LEVEL)
        path.append(
            PathStep(
                predicted_bandwidth=round(step.mean * capacity, DECIMALS),
                lower=round(lower * capacity, DECIMALS),
                upper=round(upper * capacity, DECIMALS),
                exceed_probability=at_it,
                exceed_within_probability=by_it,
            )
        )
    return path
