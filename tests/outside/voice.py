"""Who speaks and listens in the voice chat: py-tgcalls, with either client library under it."""

import asyncio
import json
import time

import sound
from chat import arrive, ask, play, silence
from pytgcalls import PyTgCalls
from pytgcalls.types import AudioQuality, MediaStream, RecordStream
from pytgcalls.types.raw import AudioParameters

#: Time for a listener to take in what was already sent.
LINGER_S = 2


async def listen(who, chat, path):
    """Joins as a listener and writes what is heard, as mp3 (py-tgcalls pipes it through ffmpeg)."""
    calls = PyTgCalls(who.client)
    await calls.start()
    quality = AudioParameters(bitrate=48_000, channels=2)
    await asyncio.wait_for(calls.record(chat, RecordStream(str(path), audio_parameters=quality)), 40)
    return calls


async def speak(who, chat, path):
    """Joins and plays a file into the call."""
    calls = PyTgCalls(who.client)
    await calls.start()
    stream = MediaStream(str(path), AudioQuality.HIGH, video_flags=MediaStream.Flags.IGNORE)
    await asyncio.wait_for(calls.play(chat, stream), 40)
    return calls


def judge(path, source):
    found = sound.match(sound.read(path), source)
    assert found.is_good, str(found)
    return str(found)


async def hears_the_bot(box, library, music, path, seconds=10):
    """A listening member hears the track that was asked for in the chat."""
    who = await arrive(box, library, box.member)
    boss = await arrive(box, "telethon", box.admin)
    chat = box.chat["id"]
    try:
        await silence(boss, box)
        started = time.monotonic()
        calls = await listen(who, chat, path)
        joined = time.monotonic() - started
        await play(boss, box, music["url"], music["title"])
        await asyncio.sleep(seconds)
        await ask(boss, box, "/stop", "stopped the music")
        await asyncio.sleep(LINGER_S)
        await calls.leave_call(chat)
    finally:
        await asyncio.gather(who.close(), boss.close())
    return f"{judge(path, music['source'])}; joined in {joined:.1f} s"


async def is_heard(box, speaker, listener, music, path, seconds=10):
    """One member plays a file into the call, another one hears it."""
    one, other = await asyncio.gather(
        arrive(box, speaker, box.admin), arrive(box, listener, box.member)
    )
    chat = box.chat["id"]
    try:
        hearing = await listen(other, chat, path)
        speaking = await speak(one, chat, music["file"])
        await asyncio.sleep(seconds)
        await speaking.leave_call(chat)
        await asyncio.sleep(LINGER_S)
        await hearing.leave_call(chat)
    finally:
        await asyncio.gather(one.close(), other.close())
    return judge(path, music["source"])


def recordings(directory):
    """What the simulator wrote: its index, file by file."""
    found = {}
    for line in (directory / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        found.setdefault(entry["file"], {}).update(entry)
    return found


def judge_recordings(box, directory, member, source):
    """Every recording of this member decodes; the best of them against the source."""
    matches = []
    for name, entry in recordings(directory).items():
        if (entry["room"], entry["member"]) == (box.chat["id"], member):
            matches.append(sound.match(sound.read(directory / name), source))
    assert matches, f"nothing was recorded for {member} in {directory}"
    found = max(matches, key=lambda m: m.seconds)
    assert found.is_good, str(found)
    return f"{len(matches)} files; {found}"
