"""What the integration tests share: the real server, the official SDK as the other end, gst-launch, recordings.

Blocking functions throughout: the SDK's asyncio lives in a thread of its own (peer.py), so a test reads from top
to bottom. Every wait has a bound.
"""
