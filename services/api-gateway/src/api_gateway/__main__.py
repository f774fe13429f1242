"""`python -m api_gateway` starts the service; its settings are environment variables `API_GATEWAY_…`."""

from qos_runtime.starting import leave_when_told

if __name__ == "__main__":
    leave_when_told()  # before the imports, which take half a second

    from api_gateway.app import create_gateway
    from api_gateway.settings import GatewaySettings
    from qos_runtime.server import run

    run(create_gateway(GatewaySettings.load()))
