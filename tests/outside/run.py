"""Strangers use `armedmusic`: client libraries from PyPI, unchanged, against its first line of output and nothing else.

    python run.py ../../target/debug/armedmusic [--keep DIR] [--only WORD]

Prints a table and ends with 1 when a check failed. `.ci/outside` makes the environment and calls this.
"""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import chat
import elsewhere
import libraries
import pages
import sound
import start
import voice
from box import Box, Web
from browser import Browser

CHECK_WITHIN_S = 120
HEARD_TRIES = 2
LIBRARIES = ["telethon full", "telethon abridged", "telethon intermediate", "kurigram"]
#: py-tgcalls misses a connection that is there too soon.
QUIET_MS = 600


class Board:
    """The results so far."""

    def __init__(self, only):
        self.only, self.rows = only, []

    def wants(self, *names):
        return any(self.only in name for name in names)

    async def check(self, name, library, work, tries=1):
        """Awaits one check; a failed one does not keep the others from running. More tries than one are for what is
        heard in real time, by libraries that stumble on a busy machine; the table tells of them."""
        began = time.monotonic()
        for number in range(1, tries + 1):
            try:
                note, passed = await asyncio.wait_for(work(), CHECK_WITHIN_S), True
            except Exception as error:  # whatever a library throws is a failed check
                traceback.print_exc()
                note, passed = f"{type(error).__name__}: {error}".splitlines()[0], False
            if number > 1:
                note = f"try {number}: {note}"
            if passed:
                break
        row = (name, library, "ok" if passed else "FAILED", f"{time.monotonic() - began:.1f} s", note)
        self.rows.append(row)
        print(" | ".join(row), file=sys.stderr, flush=True)

    def show(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(4)]
        for row in self.rows:
            print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4][:160]]))
        n_failed = sum(row[2] == "FAILED" for row in self.rows)
        print(f"\n{len(self.rows) - n_failed} of {len(self.rows)} checks passed")
        return 1 if n_failed or not self.rows else 0


def make_music(directory):
    directory.mkdir()
    source = sound.make(directory / "first-song.mp3", 60, seed=1)
    other_source = sound.make(directory / "second-song.mp3", 60, seed=2)
    # more than a megabyte
    sound.make(directory / "long-song.mp3", 90, seed=3)
    sound.make(directory / "short-song.mp3", 10, seed=4)
    foreign = sound.make(directory / "channel.ts", 12, seed=5)
    web = Web(directory)
    return {
        "foreign_url": web.url("channel.ts"), "foreign_title": "channel", "foreign_source": foreign,
        "small": directory / "short-song.mp3",
        "big": directory / "long-song.mp3",
        "source": source, "file": directory / "first-song.mp3",
        "url": web.url("first-song.mp3"), "title": "first-song",
        "other_url": web.url("second-song.mp3"), "other_title": "second-song",
        "other_file": directory / "second-song.mp3", "other_source": other_source,
    }


def make_folder(directory):
    """Songs in every format, with tags; each is asked for in another way, and one in all."""
    directory.mkdir()
    songs = []
    for number, (name, title, artist, asked_by) in enumerate([
        ("aa-one.mp3", "Copper Lantern", "Northern Kites", ["title", "artist", "stem"]),
        ("bb-two.m4a", "Velvet Staircase", "Quiet Engines", ["artist"]),
        ("cc-three.flac", "Paper Meridian", "Salt and Thunder", ["stem"]),
        ("dd-four.ogg", "Winter Telegraph", "Seven Orchards", ["title"]),
    ]):
        file = directory / name
        source = sound.make(file, 12, seed=20 + number, title=title, artist=artist)
        file.with_suffix(".source.wav").unlink()
        songs.append(
            {"file": file, "stem": file.stem, "title": title, "artist": artist, "asked_by": asked_by, "source": source}
        )
    return {"songs": songs, "path": directory}


async def starts(board, binary, music, work):
    port = start.free_port()
    for name, arguments, number in [
        ("simulator", ["simulator"], signal.SIGTERM),
        ("simulator --listen", ["simulator", "--listen", f"127.0.0.1:{port}"], signal.SIGINT),
        ("demo --serve", ["demo", "--serve", "--listen", f"127.0.0.1:{start.free_port()}"], signal.SIGTERM),
    ]:
        log = work / f"{name.replace(' ', '')}.log"
        await board.check(
            f"start: {name}", "-", lambda: start.starts_and_stops(binary, arguments, number, log)
        )
    serve = ["demo", "--serve", "--allow-host", "127.0.0.1"]
    await board.check(
        "start: second SIGINT", "-", lambda: start.leaves_at_once(binary, serve, music, work / "second.log")
    )


async def chats(board, binary, music, work):
    with Box(binary, ["demo", "--serve", "--allow-host", "127.0.0.1"], work / "chat.log") as box:
        for library in LIBRARIES:
            await board.check("chat: administrator", library, lambda: chat.administrator(box, library, music))
        for library in ["telethon full", "kurigram"]:
            await board.check("chat: plain member", library, lambda: chat.plain_member(box, library, music))
        pair = ("telethon intermediate", "kurigram")
        await board.check("chat: two at once", " + ".join(pair), lambda: chat.two_at_once(box, *pair, music))
        for library in ["telethon", "kurigram"]:
            await board.check("chat: joins by name", library, lambda: libraries.stranger(box, library, music))
        await board.check("chat: all the rest", "telethon", lambda: libraries.telethon_at_large(box, music))
        await board.check("chat: all the rest", "kurigram", lambda: libraries.kurigram_at_large(box, music))


async def voices(board, binary, music, work):
    heard = work / "recorded"
    arguments = ["demo", "--serve", "--allow-host", "127.0.0.1", "--quiet-ms", str(QUIET_MS), "--record", str(heard)]
    with Box(binary, arguments, work / "voice.log") as box:
        for library, is_late in [("telethon", False), ("kurigram", True)]:
            await board.check(
                f"voice: hears the bot{', joining late' if is_late else ''}",
                f"py-tgcalls on {library}",
                lambda: voice.hears_the_bot(box, library, music, work / f"bot-{library}.mp3", is_late),
                tries=HEARD_TRIES,
            )
        for pair in [("telethon", "kurigram"), ("kurigram", "telethon")]:
            await board.check(
                "voice: one hears the other",
                f"py-tgcalls on {' -> '.join(pair)}",
                lambda: voice.is_heard(box, *pair, music, work / f"by-{pair[1]}.mp3"),
                tries=HEARD_TRIES,
            )

        await board.check(
            "voice: two hear the bot", "py-tgcalls on both", lambda: voice.two_hear_the_bot(box, music, work / "two.mp3"),
            tries=HEARD_TRIES,
        )

        async def stops():
            assert box.stop() == 0
            return voice.judge_recordings(box, heard, box.member["id"], music["source"], 4)

        await board.check("voice: recorded per member", "ffmpeg", stops)


async def quiet(board, binary, music, work):
    """The time that py-tgcalls needs, from the least to more than enough."""
    for index, quiet_ms in enumerate([200, 300, 1000, 1500]):
        arguments = ["simulator", "--quiet-ms", str(quiet_ms)]
        pair = ["telethon", "kurigram"][:: 1 if index % 2 else -1]
        with Box(binary, arguments, work / f"quiet-{quiet_ms}.log") as box:
            await board.check(
                f"quiet: {quiet_ms} ms",
                f"py-tgcalls on {' -> '.join(pair)}",
                lambda: voice.is_heard(box, *pair, music, work / f"quiet-{quiet_ms}.mp3"),
                tries=HEARD_TRIES,
            )


async def folders(board, binary, music, work):
    """A folder of one's own music, and what only ffmpeg reads."""
    folder, heard = make_folder(work / "folder"), work / "recorded-of-folder"
    serve = ["demo", "--serve", "--allow-host", "127.0.0.1"]
    foreign = music["foreign_url"], music["foreign_title"]
    arguments = [*serve, "--music", str(folder["path"]), "--record", str(heard)]
    with Box(binary, arguments, work / "folder.log") as box:
        await board.check("music: own folder", "telethon", lambda: libraries.finds(box, folder))
        await board.check(
            "music: MPEG-TS by link", "telethon", lambda: libraries.foreign_format(box, *foreign, is_readable=True)
        )

        async def stops():
            assert box.stop() == 0
            songs = [*folder["songs"], {"file": Path("channel.ts"), "source": music["foreign_source"]}]
            return voice.judge_folder(heard, songs)

        await board.check("music: heard", "ffmpeg", stops)
    with Box(binary, serve, work / "hidden.log", {"PATH": str(work)}) as box:
        await board.check(
            "music: ffmpeg hidden", "telethon", lambda: libraries.foreign_format(box, *foreign, is_readable=False)
        )


async def browsers(board, binary, music, work):
    """Chromium as Telegram's web clients use it."""
    heard = work / "recorded-of-pages"
    arguments = ["demo", "--serve", "--allow-host", "127.0.0.1", "--quiet-ms", str(QUIET_MS), "--record", str(heard)]
    browser = await Browser.start(work)
    name = f"Chromium {browser.version}"
    with Box(binary, arguments, work / "browser-box.log") as box:
        for is_late in [False, True]:
            await board.check(
                f"browser: hears the bot{', joining late' if is_late else ''}",
                name,
                lambda: pages.hears_the_bot(box, browser, music, is_late),
                tries=HEARD_TRIES,
            )
        for library, is_negative in [("telethon", False), ("kurigram", True)]:
            await board.check(
                f"browser: is heard{', source below zero' if is_negative else ''}",
                f"{name}, py-tgcalls on {library}",
                lambda: pages.is_heard(box, browser, library, work / f"page-{library}.mp3", is_negative),
                tries=HEARD_TRIES,
            )
        await board.check(
            "browser: muted by an admin", name, lambda: pages.is_muted_by_an_administrator(box, browser), tries=HEARD_TRIES
        )

        async def stops():
            assert box.stop() == 0
            return pages.judge_recordings(heard, [box.admin["id"], box.member["id"]], 3)

        await board.check("browser: recorded", "ffmpeg", stops)
    await browser.close()


async def bare(board, binary, music, work):
    """The simulator without a bot."""
    heard = work / "recorded-alone"
    arguments = ["simulator", "--quiet-ms", str(QUIET_MS), "--record", str(heard)]
    with Box(binary, arguments, work / "bare.log") as box:
        await board.check(
            "voice: starts a call in a group",
            "py-tgcalls on telethon",
            lambda: voice.starts_a_call(box, "telethon", "kurigram", music, work / "group.mp3"),
                tries=HEARD_TRIES,
        )
        await board.check(
            "voice: two talk", "py-tgcalls on both", lambda: voice.talk(box, music, work / "talk.mp3"),
            tries=HEARD_TRIES,
        )
        await board.check(
            "voice: speaks alone",
            "py-tgcalls on kurigram",
            lambda: voice.speaks_alone(box, "kurigram", music),
        )

        async def stops():
            assert box.stop() == 0
            return voice.judge_recordings(box, heard, None, music["source"], 1)

        await board.check("voice: recorded though alone", "ffmpeg", stops)


async def elsewheres(board, binary, music, work):
    """A second data centre, in which the member lives."""
    member = 5002
    with Box(binary, ["simulator", "--home", f"{member}={elsewhere.DC}"], work / "elsewhere.log") as box:
        assert box.member["id"] == member
        for library in ["telethon full", "kurigram"]:
            await board.check(
                "elsewhere: lives and fetches there", library, lambda: elsewhere.moves_and_fetches(box, library, music)
            )


PARTS = {
    "start": starts, "chat": chats, "elsewhere": elsewheres, "music": folders, "voice": voices, "bare": bare, "quiet": quiet,
    "browser": browsers,
}


async def run(options, work):
    board = Board(options.only)
    music = make_music(work / "music")
    for name, part in PARTS.items():
        if board.wants(name):
            await part(board, options.binary, music, work)
    return board.show()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--keep", type=Path, help="leave logs and recordings in this new directory")
    parser.add_argument("--only", default="", help=", ".join(PARTS))
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    if options.keep:
        options.keep.mkdir(parents=True)
        return asyncio.run(run(options, options.keep))
    with tempfile.TemporaryDirectory(prefix="armedmusic-outside-") as work:
        return asyncio.run(run(options, Path(work)))


if __name__ == "__main__":
    sys.exit(main())
