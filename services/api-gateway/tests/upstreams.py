"""What may stand in for ml-inference: one that answers, and many that answer wrongly, oddly, late or not at all."""

import asyncio
import json
from typing import Any

from qos_runtime.testing import Exchange

FORECAST: dict[str, Any] = {
    "predicted_bandwidth": 63.94,
    "unit": "Mbps",
    "lower": 57.9,
    "upper": 69.3,
    "level": 0.8,
    "horizon": 1,
    "model_version": "20250101-abcdef12",
    "link_capacity_mbps": 100.0,
}
BATCH: dict[str, Any] = {"answers": [FORECAST, FORECAST | {"horizon": 5}]}


def raw_answer(body: Any, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *headers, "", ""]).encode() + content


async def forecast(exchange: Exchange) -> None:
    await exchange.answer(200, BATCH if b"/predict/batch" in exchange.head else FORECAST)


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def close(exchange: Exchange) -> None:
    exchange.close()


async def hang(_: Exchange) -> None:
    await asyncio.sleep(3600)


async def drip(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        await exchange.send(b" ")
        await asyncio.sleep(0.1)


async def drip_the_head(exchange: Exchange) -> None:
    for byte in raw_answer(FORECAST):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.1)


async def break_off(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    exchange.reset()


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x00\x01\x02 is no HTTP\r\n\r\n")
    exchange.close()


async def nonsense(exchange: Exchange) -> None:
    await exchange.answer(200, b"<html>welcome to 10.0.0.7</html>")


async def other_json(exchange: Exchange) -> None:
    await exchange.answer(200, {"prediction": 1})


async def nan(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST | {"predicted_bandwidth": float("nan")})


async def flood(exchange: Exchange) -> None:
    await exchange.answer(200, b" " * 3_000_000)


async def fail(exchange: Exchange) -> None:
    await exchange.answer(500, b"Traceback: 10.0.0.7 is down")


async def unready(exchange: Exchange) -> None:
    body = {"error": "model_not_ready", "detail": "No model is loaded yet."}
    await exchange.answer(503, body, "Retry-After: 17")


async def unready_forever(exchange: Exchange) -> None:
    await exchange.answer(503, {}, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")


async def redirect(exchange: Exchange) -> None:
    await exchange.answer(302, b"", "Location: http://10.0.0.7/predict")


async def lose_the_path(exchange: Exchange) -> None:
    await exchange.answer(404, {"error": "not_found", "detail": "There is nothing at 10.0.0.7/predict."})


async def refuse_strangely(exchange: Exchange) -> None:
    await exchange.answer(422, {"detail": "10.0.0.7"})


async def contradict_itself(exchange: Exchange) -> None:
    await exchange.answer(400, {"error": "validation_error", "detail": []})


async def crawl_in_time(exchange: Exchange) -> None:
    for number, byte in enumerate(raw_answer(FORECAST)):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0 if number % 4 else 0.001)


def chunked(*chunks: bytes) -> bytes:
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


async def send_chunks(exchange: Exchange) -> None:
    content = json.dumps(FORECAST).encode()
    await exchange.send(chunked(content[:10], content[10:11], content[11:]))


async def send_chunks_in_pieces(exchange: Exchange) -> None:
    raw = chunked(json.dumps(FORECAST).encode())
    for at in range(0, len(raw), 16):
        await exchange.send(raw[at : at + 16])
        await asyncio.sleep(0.001)


async def break_off_in_a_chunk(exchange: Exchange) -> None:
    await exchange.send(chunked(json.dumps(FORECAST).encode())[:-20])
    exchange.reset()


async def lie_about_a_chunk(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n")


async def end_after_the_answer(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST, "Connection: close")
    exchange.close()


async def end_after_the_answer_only_in_words(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST, "Connection: close")


OTHER_FORECAST = FORECAST | {"predicted_bandwidth": 1.0, "lower": 0.5, "upper": 1.5}


async def answer_twice_at_once(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + raw_answer(OTHER_FORECAST))


async def answer_and_a_half(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + raw_answer(OTHER_FORECAST)[:20])


async def answer_again_a_little_later(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST))
    await asyncio.sleep(0.05)
    await exchange.send(raw_answer(OTHER_FORECAST))


async def answer_and_babble(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + b"\x00\x01 and so on")


async def answer_for_one_link(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST)


async def answer_too_few(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST]})


async def answer_too_many(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST] * 3})


async def answer_none(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": []})


async def spoil_an_item(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, {"welcome": "10.0.0.7"}]})


async def make_up_an_error(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, {"error": "at 10.0.0.7", "detail": "10.0.0.7"}]})


async def nan_in_an_item(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, FORECAST | {"predicted_bandwidth": float("nan")}]})
