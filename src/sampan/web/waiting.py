"""Wait for news that may not come."""

import asyncio


async def came(news: asyncio.Event, timeout_s: float) -> bool:
    """Wait for news; False when the time passes without them, at once where there is none."""
    try:
        await asyncio.wait_for(news.wait(), max(timeout_s, 0.0))
    except TimeoutError:
        return False
    return True
