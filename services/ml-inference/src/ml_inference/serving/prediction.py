"""From questions to answers in Mbps."""

from pydantic import ValidationError

from ml_inference.bundle import Bundle, Distribution, Graph, inputs_of
from qos_contract import (
    INTERVAL_LEVEL,
    BatchRequest,
    BatchResponse,
    ErrorBody,
    ErrorCode,
    PredictRequest,
    PredictResponse,
    list_problems,
)

DECIMALS = 4
PROBABILITY_DECIMALS = 6


def predict(bundle: Bundle, question: PredictRequest, default_capacity: float) -> PredictResponse:
    """Answer for a link of the question's capacity, or of `default_capacity` Mbps where it names none."""
    graph = bundle.graph_for(len(question.bandwidth_util))
    forecast = graph.forecast(inputs_of(question))
    return _write(forecast.at(0, question.horizon - 1), question, graph, default_capacity)


def predict_batch(bundle: Bundle, batch: BatchRequest, default_capacity: float) -> BatchResponse:
    """Answer or refuse each question, in their order; each graph is run once for all that it answers."""
    answers: dict[int, PredictResponse | ErrorBody] = {}
    asked: dict[str, dict[int, PredictRequest]] = {bundle.model.version: {}, bundle.baseline.version: {}}
    for number, question in enumerate(batch.requests):
        if isinstance(question, ValidationError):
            detail = list_problems(question, ("body", "requests", number))
            answers[number] = ErrorBody(error=ErrorCode.VALIDATION_ERROR, detail=detail)
        else:
            asked[bundle.graph_for(len(question.bandwidth_util)).version][number] = question
    for graph in (bundle.model, bundle.baseline):
        if questions := asked[graph.version]:
            forecast = graph.forecast(inputs_of(*questions.values()))
            for link, (number, question) in enumerate(questions.items()):
                distribution = forecast.at(link, question.horizon - 1)
                answers[number] = _write(distribution, question, graph, default_capacity)
    return BatchResponse(answers=[answers[number] for number in range(len(batch.requests))])


def _write(
    distribution: Distribution, question: PredictRequest, graph: Graph, default_capacity: float
) -> PredictResponse:
    capacity = question.link_capacity_mbps or default_capacity
    lower, upper = distribution.interval(INTERVAL_LEVEL)
    exceed_probability = None
    if question.threshold_mbps is not None:
        exceed_probability = distribution.exceed_probability(question.threshold_mbps / capacity)
        exceed_probability = round(exceed_probability, PROBABILITY_DECIMALS)
    return PredictResponse(
        predicted_bandwidth=round(distribution.mean * capacity, DECIMALS),
        lower=round(lower * capacity, DECIMALS),
        upper=round(upper * capacity, DECIMALS),
        horizon=question.horizon,
        model_version=graph.version,
        link_capacity_mbps=capacity,
        exceed_probability=exceed_probability,
    )
