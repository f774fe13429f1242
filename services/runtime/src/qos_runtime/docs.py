"""`/docs` as one plain page without a script: FastAPI's own fetches Swagger UI from a content network.

Operators' networks often have no way out, and a page that stays white documents nothing.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: #f4f4f4; padding: 1rem; overflow: auto }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ddd }
h2 { margin-top: 2.5rem; border-top: 2px solid #ddd; padding-top: 1rem }
"""


def render_docs(openapi: Mapping[str, Any]) -> str:
    """Return the HTML page that shows an OpenAPI document."""
    title = escape(openapi["info"]["title"])
    operations = "".join(
        _render_operation(method, path, operation, openapi)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>"
        f"<body><h1>{title} {escape(openapi['info']['version'])}</h1>"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p>{operations}</body></html>'
    )


def _render_operation(method: str, path: str, operation: Mapping[str, Any], openapi: Mapping[str, Any]) -> str:
    heading = f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    request = ""
    if body:
        example = json.dumps(body["example"]).replace("], ", "],\n  ")
        command = f"curl -X {method.upper()} http://…{path} -d '\n{example}'"
        request = f"<h3>Request</h3>{_render_fields(body['schema'])}<pre>{escape(command)}</pre>"
    answers = "".join(_render_answer(status, answer, openapi) for status, answer in operation["responses"].items())
    return f"{heading}{request}<h3>Answers</h3>{answers}"


def _render_answer(status: str, answer: Mapping[str, Any], openapi: Mapping[str, Any]) -> str:
    reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = openapi.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    fields = (
        _render_fields(schema) + _render_parts(schema, openapi) if status == "200" and "properties" in schema else ""
    )
    return f"<p><b>{status}</b> {escape(answer['description'])}</p>{fields}"


def _render_parts(schema: Mapping[str, Any], openapi: Mapping[str, Any]) -> str:
    """Return the fields of what the answer's own fields are lists of."""
    named = {name: part for name, part in openapi["components"]["schemas"].items() if f'/{name}"' in json.dumps(schema)}
    return "".join(
        f"<p>A <code>{escape(name)}</code>:</p>{_render_fields(part)}"
        for name, part in named.items()
        if "properties" in part
    )


def _render_fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' (optional)'}</td>"
        f"<td>{escape(_describe_type(field))}</td><td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    )
    return f"<table><tr><th>field</th><th>type</th><th>meaning</th></tr>{rows}</table>"


def _describe_type(field: Mapping[str, Any]) -> str:
    """Return a JSON schema in words: `list of (number ≥ 0 ≤ 1000), 10 to 512 items`."""
    if "anyOf" in field:
        return " or ".join(_describe_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        size = f"{field['minItems']} to {field['maxItems']} items" if "minItems" in field else "any length"
        return f"list of ({_describe_type(field['items'])}), {size}"
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field:
        return " or ".join(json.dumps(value) for value in field["enum"])
    if "const" in field:
        return json.dumps(field["const"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤"}
    bounds = (f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field)
    return " ".join([field.get("type", "any"), *bounds])
