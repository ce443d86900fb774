"""The smallest program that the platform can run: it answers health checks, and `/readyz` if it has an HTTP port.

`migrate` notes each run in the database; `create-administrator` and `load` note theirs in a given directory.
"""

import asyncio
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()


def serve() -> None:
    # Before the threads, which then inherit it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{os.environ['ROTUNDA_GRPC_PORT']}")
    server.start()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    if "ROTUNDA_HTTP_PORT" in os.environ:
        http = HTTPServer(("127.0.0.1", int(os.environ["ROTUNDA_HTTP_PORT"])), Ready)
        threading.Thread(target=http.serve_forever, daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    server.stop(1)


async def migrate() -> None:
    connection = await asyncpg.connect(os.environ["ROTUNDA_DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS migration (run serial)")
    await connection.execute("INSERT INTO migration DEFAULT VALUES")
    await connection.close()


def note(name: str, text: str) -> None:
    with (Path(sys.argv[2]) / name).open("a") as file:
        file.write(text)


if __name__ == "__main__":
    match sys.argv[1]:
        case "serve":
            serve()
        case "migrate":
            asyncio.run(migrate())
        case "create-administrator":
            note("administrator", f"{sys.argv[3:]} {sys.stdin.read()}")
        case "load":
            note("loaded", f"{sys.argv[3:]}\n")
