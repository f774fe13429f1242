"""From questions to answers in Mbps."""

from pydantic import ValidationError

from ml_inference.bundle import Bundle, Forecast, Graph, exceed_within, inputs_of
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
    end = forecast.at(link, question.horizon - 1)
    lower, upper = end.interval(INTERVAL_LEVEL)
    exceed_probability = None
    if question.threshold_mbps is not None:
        exceed_probability = end.exceed_probability(question.threshold_mbps / capacity)
        exceed_probability = round(exceed_probability, PROBABILITY_DECIMALS)
    return PredictResponse(
        predicted_bandwidth=round(end.mean * capacity, DECIMALS),
        lower=round(lower * capacity, DECIMALS),
        upper=round(upper * capacity, DECIMALS),
        horizon=question.horizon,
        model_version=graph.version,
        link_capacity_mbps=capacity,
        exceed_probability=exceed_probability,
        path=_path(forecast, link, question, capacity) if question.path else None,
    )


def _path(forecast: Forecast, link: int, question: PredictRequest, capacity: float) -> list[PathStep]:
    """Every step up to the horizon, with the probabilities of passing the threshold if there is one."""
    steps = [forecast.at(link, step) for step in range(question.horizon)]
    exceed: list[float] | list[None] = [None] * len(steps)
    within: list[float] | list[None] = exceed
    if question.threshold_mbps is not None:
        alone = [step.exceed_probability(question.threshold_mbps / capacity) for step in steps]
        exceed = [round(chance, PROBABILITY_DECIMALS) for chance in alone]
        within = [round(chance, PROBABILITY_DECIMALS) for chance in exceed_within(alone)]
    path = []
    for step, at_it, by_it in zip(steps, exceed, within, strict=True):
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
