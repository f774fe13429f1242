"""What ml-inference can be told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from qos_contract.predict import MAX_CAPACITY
from qos_runtime.settings import ServiceSettings


class InferenceSettings(ServiceSettings):
    """Settings of ml-inference, from variables that begin with `ML_INFERENCE_`."""

    model_config = SettingsConfigDict(env_prefix="ML_INFERENCE_")

    listen_port: int = Field(8001, ge=0, le=65535)
    """TCP port; 0 lets the system choose"""
    bundle_dir: Path = Path("bundles/default")
    """folder of the bundle that is served; a relative one is looked for from the working directory"""
    bundle_check_seconds: float = Field(2.0, ge=0.05, le=3600)
    """s between two looks at the bundle's files: how soon a corrupted, restored or new bundle is noticed"""
    default_link_capacity_mbps: float = Field(100.0, gt=0, le=MAX_CAPACITY)
    """Mbps; capacity of a link whose request does not name one"""
