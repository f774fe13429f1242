import subprocess
import sys

import pytest

from ml_inference import bundle
from ml_inference.forecasting import layout
from qos_contract import MAX_HORIZON, WINDOW
from qos_contract.predict import INTERVAL_LEVEL

LIGHT = (
    "data splits windows generators forecaster baselines features boosting metrics segments bootstrap backtest scores "
    "comparison tables leaks gate"
)
HEAVY = {"tensorflow", "keras", "fastapi", "sklearn", "lightgbm"}


@pytest.mark.parametrize("package", ["forecasting", "replay"])
def test_package_when_imported_then_neither_tensorflow_nor_serving_comes_along(package: str) -> None:
    modules = LIGHT.split() if package == "forecasting" else ["__main__"]
    imports = "; ".join(f"import ml_inference.{package}.{module}" for module in modules)
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
{imports}
strangers = [name for name in sys.modules if name.split(".")[0] in {HEAVY!r}]
strangers += [name for name in sys.modules if name.startswith(("ml_inference.bundle", "ml_inference.training"))]
assert not strangers, strangers
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_layout_when_compared_with_the_contract_then_agrees() -> None:
    assert (layout.WINDOW, layout.HORIZONS) == (WINDOW, MAX_HORIZON)
    assert layout.FEATURES == bundle.FEATURES
    assert layout.INTERVAL[1] - layout.INTERVAL[0] == pytest.approx(INTERVAL_LEVEL)
    assert set(layout.INTERVAL) <= set(layout.QUANTILE_LEVELS)
