"""An asyncio loop on a daemon thread of its own, for what has to answer while a test waits."""
import asyncio
import threading


class LoopThread:
    def __init__(self, name=None):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine, timeout=10):
        """Runs it there; its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def post(self, function, *arguments):
        """Calls it there and does not wait."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def stop(self):
        self.call(self._cancel_all())
        self.post(self.loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self.loop.close()

    @staticmethod
    async def _cancel_all():
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
