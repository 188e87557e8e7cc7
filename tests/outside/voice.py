"""Who speaks and listens in the voice chat: py-tgcalls, with either client library under it."""

import asyncio
import json
import time

import numpy as np
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


async def hears_the_bot(box, library, music, path, is_late, seconds=7):
    """A listening member hears the track that was asked for in the chat."""
    who = await arrive(box, library, box.member)
    boss = await arrive(box, "telethon", box.admin)
    chat = box.chat["id"]
    try:
        await silence(boss, box)
        if is_late:
            await play(boss, box, music["url"], music["title"])
        began = time.monotonic()
        calls = await listen(who, chat, path)
        joined = time.monotonic() - began
        if not is_late:
            await play(boss, box, music["url"], music["title"])
        await asyncio.sleep(seconds)
        present = {p.user_id for p in await calls.get_participants(chat)}
        expected = {box.member["id"], box.ready["assistants"][0]["id"]}
        assert present == expected, f"participants: {present}"
        await ask(boss, box, "/stop", "stopped the music")
        await asyncio.sleep(LINGER_S)
        await calls.leave_call(chat)
    finally:
        await asyncio.gather(who.close(), boss.close())
    return f"{judge(path, music['source'])}; joined in {joined:.1f} s"


async def is_heard(box, speaker, listener, music, path, chat=None, seconds=7):
    """One member plays a file into the call, another one hears it."""
    one, other = await asyncio.gather(
        arrive(box, speaker, box.admin), arrive(box, listener, box.member)
    )
    chat = chat or box.chat["id"]
    try:
        # who speaks comes first: nobody else may start the call where none runs
        speaking = await speak(one, chat, music["file"])
        hearing = await listen(other, chat, path)
        await asyncio.sleep(seconds)
        await speaking.leave_call(chat)
        await asyncio.sleep(LINGER_S)
        await hearing.leave_call(chat)
    finally:
        await asyncio.gather(one.close(), other.close())
    return judge(path, music["source"])


async def two_hear_the_bot(box, music, path):
    """Two members listen at the same time, one who names the group by its username."""
    pair = await asyncio.gather(
        arrive(box, "telethon", box.member), arrive(box, "kurigram", box.ready["users"][3])
    )
    boss = await arrive(box, "telethon", box.admin)
    chats = [box.chat["username"], box.chat["id"]]
    paths = [path.with_stem(f"{path.stem}-{n}") for n in range(2)]
    try:
        await silence(boss, box)
        ears = await asyncio.gather(*(listen(*each) for each in zip(pair, chats, paths)))
        await play(boss, box, music["url"], music["title"])
        await asyncio.sleep(5)
        await ask(boss, box, "/stop", "stopped the music")
        await asyncio.sleep(LINGER_S)
        await asyncio.gather(*(calls.leave_call(chat) for calls, chat in zip(ears, chats)))
    finally:
        await asyncio.gather(boss.close(), *(who.close() for who in pair))
    return "; ".join(judge(each, music["source"]) for each in paths)


async def talk(box, music, path):
    """Two members speak and listen, both at the same time."""
    pair = await asyncio.gather(arrive(box, "telethon", box.admin), arrive(box, "kurigram", box.member))
    chat = box.chat["id"]
    paths = [path.with_stem(f"{path.stem}-{n}") for n in range(2)]
    files, sources = [music["file"], music["other_file"]], [music["other_source"], music["source"]]
    try:
        both = await asyncio.gather(*(speak(who, chat, file) for who, file in zip(pair, files)))
        for calls, each in zip(both, paths):
            quality = AudioParameters(bitrate=48_000, channels=2)
            await asyncio.wait_for(calls.record(chat, RecordStream(str(each), audio_parameters=quality)), 40)
        await asyncio.sleep(6)
        await asyncio.gather(*(calls.leave_call(chat) for calls in both))
    finally:
        await asyncio.gather(*(who.close() for who in pair))
    return "; ".join(judge(each, source) for each, source in zip(paths, sources))


async def starts_a_call(box, speaker, listener, music, path):
    """The same in a basic group without a voice chat, which the speaker therefore creates."""
    group = next(c for c in box.ready["chats"] if c["kind"] == "group" and not c["voice_chat"])
    return await is_heard(box, speaker, listener, music, path, group["id"])


async def speaks_alone(box, speaker, music, seconds=6):
    """Plays into an empty call: holds, goes on, leaves."""
    who = await arrive(box, speaker, box.admin)
    chat = box.chat["id"]
    try:
        calls = await speak(who, chat, music["file"])
        await asyncio.sleep(seconds)
        assert await calls.pause(chat) and await calls.resume(chat)
        assert await calls.mute(chat) and await calls.unmute(chat)
        present = [(p.user_id, p.muted) for p in await calls.get_participants(chat)]
        assert present == [(who.user["id"], False)], f"participants: {present}"
        await calls.leave_call(chat)
    finally:
        await who.close()
    return "paused, resumed, muted, unmuted, left"


def recordings(directory):
    """What the simulator wrote: its index, file by file."""
    found = {}
    for line in (directory / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        found.setdefault(entry["file"], {}).update(entry)
    return found


def judge_folder(directory, songs):
    """Each song is heard in what was recorded of the bot."""
    found = np.zeros(len(songs))
    for name, entry in recordings(directory).items():
        if entry["member"] is None:
            found += sound.share_of(sound.read(directory / name), [song["source"] for song in songs])
    told = ", ".join(f"{song['file'].name} {n:.0f} s" for song, n in zip(songs, found))
    assert min(found) >= 2, told
    return told


def judge_recordings(box, directory, member, source, n_least):
    """The recordings of this member (`None`: of anybody) decode, and match the source."""
    matches = []
    for name, entry in recordings(directory).items():
        found = sound.match(sound.read(directory / name), source)
        if entry["member"] == member and found.seconds > 0:
            matches.append(found)
    assert len(matches) >= n_least, f"{len(matches)} recordings of {member} in {directory}"
    worst = min(matches, key=lambda m: (m.is_good, m.median))
    assert worst.is_good, str(worst)
    return f"{len(matches)} files; the worst: {worst}"
