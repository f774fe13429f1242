"""From a question to its answer in Mbps."""

from ml_inference.bundle import Bundle, inputs_of
from qos_contract import INTERVAL_LEVEL, PredictRequest, PredictResponse

DECIMALS = 4
PROBABILITY_DECIMALS = 6


def predict(bundle: Bundle, question: PredictRequest, default_capacity: float) -> PredictResponse:
    """Answer for a link of the question's capacity, or of `default_capacity` Mbps where it names none."""
    capacity = question.link_capacity_mbps or default_capacity
    graph = bundle.graph_for(len(question.bandwidth_util))
    forecast = graph.forecast(inputs_of(question))
    step = question.horizon - 1
    lower, upper = forecast.interval(INTERVAL_LEVEL)
    exceed_probability = None
    if question.threshold_mbps is not None:
        probability = forecast.exceed_probability(question.threshold_mbps / capacity)[0, step]
        exceed_probability = round(float(probability), PROBABILITY_DECIMALS)
    return PredictResponse(
        predicted_bandwidth=round(float(forecast.mean[0, step]) * capacity, DECIMALS),
        lower=round(float(lower[0, step]) * capacity, DECIMALS),
        upper=round(float(upper[0, step]) * capacity, DECIMALS),
        level=INTERVAL_LEVEL,
        horizon=question.horizon,
        model_version=graph.version,
        link_capacity_mbps=capacity,
        exceed_probability=exceed_probability,
    )
