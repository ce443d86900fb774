"""A running service process: server, relay, consumers, housekeeping; started and stopped as a whole."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nats.aio.client import Client

from rotunda_kit.access.control import AccessControl
from rotunda_kit.access.directory import Directory
from rotunda_kit.app import Service
from rotunda_kit.audit.chain import ChainWorker, Signer
from rotunda_kit.client import KEEPALIVE_MS, MAX_MESSAGE_BYTES, Clients
from rotunda_kit.custom_fields.catalogue import catalogue_of
from rotunda_kit.custom_fields.model import CustomField
from rotunda_kit.custom_fields.upkeep import Upkeep
from rotunda_kit.db.engine import Database
from rotunda_kit.events.advisories import Advisories
from rotunda_kit.events.broker import connect
from rotunda_kit.events.consumer import Consumer
from rotunda_kit.events.reconcile import Owner, Reconciler
from rotunda_kit.events.relay import Relay
from rotunda_kit.housekeeping import housekeep
from rotunda_kit.identity import TokenVerifier
from rotunda_kit.model import Resource
from rotunda_kit.monitor import Monitor
from rotunda_kit.resource.purge import empty_bins
from rotunda_kit.server.pipeline import Pipeline
from rotunda_kit.settings import Settings
from rotunda_kit.tls import Tls

log = structlog.get_logger()

# What a probe asks that wants to know no more than whether the process lives.
LIVES = "live"
# Seconds.
CANCEL_AGAIN = 0.5
# In which the last answers reach their callers.
LAST_WORDS = 0.5
CONNECTION_AGE = 300
CONNECTION_AGE_GRACE = 60


class Runtime:
    """One process of a service.

    Args:
        service: what it consists of.
        settings: of the process.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.database = Database(settings.database_url, settings.database_pool_size)
        self._tls = Tls.of(settings)
        self.clients = Clients(settings.address_of, self._tls)
        self.control = AccessControl(Directory(self.database), service.ownerships(), self.database)
        self.tokens = TokenVerifier.from_file(settings.token_keys_file)
        self._server: grpc.aio.Server | None = None
        self._pipeline: Pipeline | None = None
        self._health = health.aio.HealthServicer()
        self._probes: grpc.aio.Server | None = None
        self._broker: Client | None = None
        self._work: set[asyncio.Task[None]] = set()
        self.port = 0
        self._knows_custom_fields = False
        # Whether it is about to stop.
        self.retired = False
        # The gRPC services that it answers for.
        self._answers: list[str] = []

    async def serve(self) -> None:
        """Start to answer calls."""
        self._pipeline = pipeline = Pipeline(
            self.service.name,
            self.database,
            self.control,
            self.clients,
            self.tokens,
            self.service.reference_check(),
            self.service.tables,
            self.settings.max_in_flight,
        )
        self.start(self.control.directory.run())
        self._know_custom_fields()
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                # A port that is taken is an error, not a second server behind it.
                ("grpc.so_reuseport", 0),
                # By default it breaks off connections that are asked more than once in five minutes, though all are
                # watched for health.
                ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
                # Callers look up the service's addresses when a connection ends: so they find processes that are new.
                ("grpc.max_connection_age_ms", CONNECTION_AGE * 1000),
                ("grpc.max_connection_age_grace_ms", CONNECTION_AGE_GRACE * 1000),
            ]
        )
        names = []
        for cls in self.service.all_servicers():
            servicer = cls()
            server.add_generic_rpc_handlers((pipeline.handler(servicer),))
            names.append(servicer.descriptor.full_name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        address = f"{self.settings.grpc_host}:{self.settings.grpc_port}"
        if self._tls is None:
            self.port = server.add_insecure_port(address)
        else:
            self.port = server.add_secure_port(address, self._tls.server())
        await server.start()
        self._server = server
        self._answers = names
        await self._answer_probes()
        await self._ready(*names)
        log.info("serving", port=self.port)

    def _know_custom_fields(self) -> None:
        if self.service.customizable and not self._knows_custom_fields:
            self._knows_custom_fields = True
            self.start(catalogue_of(self.service.name).run(self.database))

    async def _answer_probes(self) -> None:
        """Tell an orchestrator that the process lives, and whether it is ready: in plain text, at a port of its own."""
        if not self.settings.probe_port or self._probes:
            return
        await self._health.set(LIVES, health_pb2.HealthCheckResponse.SERVING)
        self._probes = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probes)
        self._probes.add_insecure_port(f"{self.settings.grpc_host}:{self.settings.probe_port}")
        await self._probes.start()

    async def _ready(self, *names: str) -> None:
        for name in ("", *names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def work(self) -> None:
        """Start the relay, the consumers and the housekeeping."""
        name = self.service.name
        await self._answer_probes()
        self.start(housekeep(self.database, self.service.housekeeping))
        bins: list[type[Resource]] = [*self.service.models, CustomField]
        self.start(empty_bins(self.database, bins, timedelta(days=self.settings.recycle_bin_days)))
        self._know_custom_fields()
        if self.service.customizable:
            self.start(Upkeep(self.database, self.service.customizable).run())
        signer = Signer.from_file(self.settings.audit_keys_file)
        self.start(ChainWorker(name, self.settings.database_url, signer).run())
        self.start(self._events(name))

    async def _events(self, name: str) -> None:
        # In a task of its own: the process serves while it still waits for the broker.
        while self._broker is None:
            try:
                self._broker = await connect(self.settings.nats_url, name)
            except Exception as error:  # whatever keeps the broker away, it may come
                log.warning("waits for broker", error=type(error).__name__)
                await asyncio.sleep(1)
        self.start(Relay(name, self.settings.database_url, self._broker).run())
        self.start(Owner(name, self.database, self._broker).run())
        self.start(
            Reconciler(self.service.all_copies, self.database, self._broker).run(self.settings.reconcile_interval)
        )
        heard = self.service.all_reactions()
        self.start(Monitor(name, heard, self.database, self._broker).run())
        if heard:
            self.start(Advisories(name, heard, self.database, self._broker).run())
        for source, reactions in heard.items():
            self.start(Consumer(name, source, reactions, self.database, self._broker).run())
        if self._server is None:
            await self._ready()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something run beside the calls, until it ends or `stop` ends it."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def retire(self) -> None:
        """Say that the process is not ready any more, and go on until everybody has heard of it."""
        if self.retired:
            return
        self.retired = True
        # Not `enter_graceful_shutdown`, for what stops still lives.
        for name in ("", *self._answers):
            await self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        await asyncio.sleep(self.settings.stop_delay)

    async def stop(self) -> None:
        """Refuse new calls, let those in flight finish, stop the work, close all connections."""
        await self.retire()
        if self._server is not None and self._pipeline is not None:
            # Not by the server's own grace: a call that comes just when it begins gets no answer before its end.
            await self._pipeline.drain(self.settings.stop_grace)
            await self._server.stop(LAST_WORDS)
        await end(self._work)
        if self._broker is not None:
            await self._broker.close()
        await self.clients.close()
        await self.database.close()
        if self._probes is not None:
            await self._probes.stop(0)
        log.info("stopped")


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        # Again and again: `asyncio.wait_for`, in which nats-py waits, can lose one that comes together with a message.
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)
