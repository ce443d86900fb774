"""`/healthz`: the process lives. `/readyz`: it can do its work."""

import asyncio

from fastapi import APIRouter, Response
from sqlalchemy import select

from rotunda_kit.runtime import Runtime

TIMEOUT = 2.0


def health_routes(runtime: Runtime) -> APIRouter:
    """The routes that an orchestrator asks.

    A service that is away does not make the gateway unready: it answers for the others.
    """
    router = APIRouter(tags=["Health"])

    @router.get("/healthz", summary="Whether the process lives", openapi_extra={"security": []})
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Whether the gateway can serve", openapi_extra={"security": []})
    async def readyz(response: Response) -> dict[str, str]:
        if runtime.retired:
            response.status_code = 503
            return {"status": "unavailable", "reason": "STOPPING"}
        try:
            async with asyncio.timeout(TIMEOUT), runtime.database.reading() as connection:
                await connection.execute(select(1))
        except Exception:  # Whatever it was, the database can't be used.
            response.status_code = 503
            return {"status": "unavailable", "reason": "DATABASE_UNAVAILABLE"}
        return {"status": "ok"}

    return router
