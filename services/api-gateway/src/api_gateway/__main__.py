"""`python -m api_gateway` starts the service; its settings are environment variables `API_GATEWAY_…`."""

from api_gateway.app import create_gateway
from api_gateway.settings import GatewaySettings
from qos_runtime.server import run

if __name__ == "__main__":
    run(create_gateway(GatewaySettings.load()))
