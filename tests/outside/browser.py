"""A real browser: its pages are members of voice chats, with a client library beside each for the signalling."""

import asyncio
import base64
import itertools
import json
import os
from pathlib import Path

import numpy as np
from box import Web
from chat import arrive
from telethon import events
from telethon.tl.functions.channels import GetFullChannelRequest
from telethon.tl.functions.phone import (
    EditGroupCallParticipantRequest,
    GetGroupParticipantsRequest,
    JoinGroupCallRequest,
    LeaveGroupCallRequest,
)
from telethon.tl.types import (
    DataJSON,
    InputPeerSelf,
    UpdateGroupCallConnection,
    UpdateGroupCallParticipants,
)

HERE = Path(__file__).parent
ACT_WITHIN_S = 40
#: Lines carry seconds of sound.
LINE_MAX = 64 * 1024 * 1024


class Browser:
    """Chromium behind playwright-core."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        self.web = Web(HERE / "page")
        self.pages, self.wishes = itertools.count(1), itertools.count(1)
        self.waiting = {}

    @classmethod
    async def start(cls, work):
        profile = work / "profile"
        profile.mkdir()
        with (work / "browser.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                "node", str(HERE / "browser.cjs"), os.environ.get("CHROMIUM", "/usr/bin/chromium"), str(profile),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, limit=LINE_MAX,
            )
        browser = cls(process, work / "browser.log")
        first = await asyncio.wait_for(process.stdout.readline(), ACT_WITHIN_S)
        assert first, f"the browser did not start; see {browser.log}"
        browser.version = json.loads(first)["version"]
        browser.reader = asyncio.create_task(browser._read())
        return browser

    async def _read(self):
        while line := await self.process.stdout.readline():
            said = json.loads(line)
            waiting = self.waiting.pop(said["id"])
            if not waiting.done():
                waiting.set_result(said)

    async def act(self, **wish):
        """Has the browser do something; what came of it."""
        number = next(self.wishes)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": number, **wish}).encode() + b"\n")
        said = await asyncio.wait_for(self.waiting[number], ACT_WITHIN_S)
        assert "error" not in said, f"{wish.get('call')}: {said['error']}"
        return said["result"]

    async def open(self):
        page = next(self.pages)
        await self.act(page=page, url=self.web.url("index.html"))
        return page

    async def close(self):
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), 20)
        except asyncio.TimeoutError:
            self.process.kill()
        self.web.server.shutdown()


class WebMember:
    """One person in a browser's page: the page speaks and hears, Telethon does the signalling."""

    def __init__(self, who, browser, page, chat):
        self.who, self.browser, self.page, self.chat = who, browser, page, chat
        self.call, self.source = None, None
        #: Other participants by user, as the updates tell them.
        self.rows = {}
        #: Held while the page renegotiates, and until it is there at all.
        self.renewing = asyncio.Lock()

    @classmethod
    async def join(cls, box, browser, user, is_muted, chat=None, **offer):
        who = await arrive(box, "telethon", user)
        member = cls(who, browser, await browser.open(), chat or box.chat["id"])
        peer = await who.client.get_input_entity(member.chat)
        member.call = (await who.client(GetFullChannelRequest(peer))).full_chat.call
        who.client.add_event_handler(member._update, events.Raw(UpdateGroupCallParticipants))
        async with member.renewing:
            params = await member.do("offer", offer)
            member.source = json.loads(params)["ssrc"]
            request = JoinGroupCallRequest(
                member.call, join_as=InputPeerSelf(), params=DataJSON(params), muted=is_muted, video_stopped=True
            )
            joined = await who.client(request)
            answer = next(u for u in joined.updates if isinstance(u, UpdateGroupCallConnection))
            await member.do("answer", answer.params.data)
        listed = await who.client(GetGroupParticipantsRequest(member.call, [], [], "", 100))
        await member._note(listed.participants)
        return member

    async def do(self, call, argument=None):
        return await self.browser.act(page=self.page, call=call, argument=argument)

    async def _update(self, update):
        if update.call.id == self.call.id:
            await self._note(update.participants)

    async def _note(self, rows):
        for row in rows:
            self.rows[row.peer.user_id] = row
        async with self.renewing:
            others = [r.source for r in self.rows.values() if not r.left and r.source != self.source]
            await self.do("others", others)

    async def until_there(self, user, within=20):
        """Waits until a member is in the call; the source it speaks with."""
        await self._until(f"{user} in the call", within, lambda: self._is_there(user))
        return self.rows[user].source

    async def until_gone(self, user, within=20):
        await self._until(f"{user} out of the call", within, lambda: not self._is_there(user))

    async def until_muted(self, user, is_muted, within=20):
        holds = lambda: self._is_there(user) and self.rows[user].muted == is_muted
        await self._until(f"{user} with muted={is_muted}", within, holds)

    def _is_there(self, user):
        return user in self.rows and not self.rows[user].left

    async def _until(self, what, within, holds):
        for _ in range(int(within / 0.05)):
            if holds():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {what} within {within} s; rows: {self.rows}")

    async def mute(self, is_muted):
        """The microphone's button: the page stops its track, and Telegram is told."""
        await self.do("mute", is_muted)
        request = EditGroupCallParticipantRequest(self.call, InputPeerSelf(), muted=is_muted)
        await self.who.client(request)

    async def heard(self, source):
        """What was heard of a source since the last time, as mono samples."""
        text = await self.do("heard", source)
        return np.frombuffer(base64.b64decode(text), "<i2").astype(np.float64)

    async def received(self, source):
        """The browser's counters of a source."""
        return (await self.do("counters"))["received"].get(str(source & 0xFFFF_FFFF))

    async def leave(self):
        await self.do("leave")
        await self.who.client(LeaveGroupCallRequest(self.call, self.source))

    async def close(self):
        await self.browser.act(page=self.page, call="close")
        await self.who.close()
