"""The real livekit-server, and tokens for it made by the official server SDK."""
import datetime
import importlib.util
import os

from livekit import api

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

_spec = importlib.util.spec_from_file_location(
    "serve", os.path.join(ROOT, "subprojects", "livekit-server", "serve.py"))
serve = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(serve)
Server = serve.Server

_shared = None


def shared():
    """One server for all tests of a process that need no configuration of their own."""
    global _shared  # pylint: disable=global-statement
    if _shared is None or _shared.process is None or _shared.process.poll() is not None:
        _shared = Server(log_path=os.environ.get("LK_SERVER_LOG")).start()
    return _shared


def token(server, room, identity, ttl=3600, secret=None, key=None, name=None, **grants):
    """An access token. `grants` are fields of VideoGrants; by default joining `room` with everything allowed."""
    grants.setdefault("room_join", True)
    builder = (api.AccessToken(key or server.key, secret or server.secret)
               .with_identity(identity)
               .with_ttl(datetime.timedelta(seconds=ttl))
               .with_grants(api.VideoGrants(room=room, **grants)))
    return (builder.with_name(name) if name else builder).to_jwt()


def _room_service(server, call):
    import asyncio

    async def go():
        async with api.LiveKitAPI(server.url.replace("ws://", "http://"), server.key, server.secret) as client:
            return await call(client.room)
    return asyncio.run(go())


def remove_participant(server, room, identity):
    """What an administrator does."""
    return _room_service(server, lambda rooms: rooms.remove_participant(
        api.RoomParticipantIdentity(room=room, identity=identity)))


def create_room(server, room, **options):
    return _room_service(server, lambda rooms: rooms.create_room(api.CreateRoomRequest(name=room, **options)))


def delete_room(server, room):
    return _room_service(server, lambda rooms: rooms.delete_room(api.DeleteRoomRequest(room=room)))


def mute_track(server, room, identity, sid, muted=True):
    return _room_service(server, lambda rooms: rooms.mute_published_track(
        api.MuteRoomTrackRequest(room=room, identity=identity, track_sid=sid, muted=muted)))


def update_participant(server, room, identity, permission=None, **changes):
    """`permission`: fields of ParticipantPermission; a False one is not granted. `changes`: metadata, name, attributes."""
    request = api.UpdateParticipantRequest(room=room, identity=identity, **changes)
    if permission is not None:
        request.permission.CopyFrom(api.ParticipantPermission(**permission))
    return _room_service(server, lambda rooms: rooms.update_participant(request))


def update_room(server, room, metadata):
    return _room_service(server, lambda rooms: rooms.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=room, metadata=metadata)))
