import asyncio

from rotunda_kit.runtime import end


class TestEnd:
    async def test_a_task_that_loses_a_cancellation_is_ended_too(self) -> None:
        lost = 0

        async def deaf() -> None:
            nonlocal lost
            while lost < 2:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    lost += 1
            await asyncio.Event().wait()

        task = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await end([task])
        assert task.cancelled()
        assert lost == 2

    async def test_a_task_that_failed_does_not_stop_the_others_from_being_ended(self) -> None:
        async def fail() -> None:
            raise ValueError("broken")

        broken, lasting = asyncio.create_task(fail()), asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        await end([broken, lasting])
        assert isinstance(broken.exception(), ValueError)
        assert lasting.cancelled()

    async def test_nothing_to_end_is_no_error(self) -> None:
        await end([])
