"""One account behind one library: the same few gestures, whichever library makes them."""

import asyncio
import time
from dataclasses import dataclass, field

import pyrogram
import telethon
from pyrogram.connection import Connection as KurigramConnection
from pyrogram.crypto import rsa as kurigram_rsa
from pyrogram.handlers import EditedMessageHandler, MessageHandler
from telethon import events
from telethon.crypto import rsa as telethon_rsa
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpIntermediate
from telethon.sessions import MemorySession
from telethon.tl.functions.messages import GetBotCallbackAnswerRequest
from telethon.tl.types import InputPeerChannel

API_ID, API_HASH = 12345, "0123456789abcdef0123456789abcdef"


@dataclass
class Seen:
    """A message, or an edit of one, as an event told it."""

    id: int
    chat: int
    sender: int
    text: str
    buttons: list = field(default_factory=list)
    is_edit: bool = False

    def button(self, label):
        return next((data for text, data in self.buttons if text.startswith(label)), None)

    @property
    def labels(self):
        return [text for text, _ in self.buttons]


class Person:
    """What both libraries share: the events that arrived, in order."""

    def __init__(self):
        self.seen = []
        self._news = asyncio.Condition()

    async def _note(self, seen):
        async with self._news:
            self.seen.append(seen)
            self._news.notify_all()

    def mark(self):
        """A place in the flow of events, to wait from."""
        return len(self.seen)

    async def until(self, what, since=0, within=20, where=None):
        """The first event after `since` for which `where` holds."""
        deadline = time.monotonic() + within
        async with self._news:
            at = since
            while True:
                for seen in self.seen[at:]:
                    if where(seen):
                        return seen
                at = len(self.seen)
                try:
                    await asyncio.wait_for(self._news.wait(), max(0.01, deadline - time.monotonic()))
                except asyncio.TimeoutError:
                    texts = [s.text for s in self.seen[since:]]
                    raise AssertionError(f"no {what} within {within} s; came: {texts}") from None


class TelethonPerson(Person):
    CONNECTIONS = {
        "full": ConnectionTcpFull,
        "abridged": ConnectionTcpAbridged,
        "intermediate": ConnectionTcpIntermediate,
    }

    def __init__(self, ready, user, connection="full"):
        super().__init__()
        self.ready, self.user = ready, user
        telethon_rsa.add_key(ready["rsa"]["pem"], old=False)
        session = MemorySession()
        session.set_dc(ready["dc"], ready["host"], ready["port"])
        self.client = telethon.TelegramClient(
            session, API_ID, API_HASH, connection=self.CONNECTIONS[connection]
        )

    async def sign_in(self):
        await self.client.connect()
        assert not await self.client.is_user_authorized()
        await self.client.send_code_request(self.user["phone"])
        me = await self.client.sign_in(self.user["phone"], self.ready["login_code"])
        assert (me.id, me.first_name) == (self.user["id"], self.user["first_name"])
        self.client.add_event_handler(self._new, events.NewMessage())
        self.client.add_event_handler(self._edited, events.MessageEdited())

    async def _new(self, event, is_edit=False):
        message = event.message
        rows = message.buttons or []
        buttons = [(b.text, b.data) for row in rows for b in row]
        await self._note(
            Seen(message.id, event.chat_id, message.sender_id, message.message, buttons, is_edit)
        )

    async def _edited(self, event):
        await self._new(event, is_edit=True)

    async def dialogs(self):
        return {d.id: d.name for d in await self.client.get_dialogs()}

    async def send(self, chat, text, reply_to=None):
        return (await self.client.send_message(chat, text, reply_to=reply_to)).id

    async def send_by_hash(self, chat, text):
        peer = InputPeerChannel(chat["channel_id"], int(chat["access_hash"]))
        return (await self.client.send_message(peer, text)).id

    async def send_audio(self, chat, path):
        return (await self.client.send_file(chat, str(path))).id

    async def press(self, chat, message, data):
        peer = await self.client.get_input_entity(chat)
        answer = await self.client(GetBotCallbackAnswerRequest(peer, message, data=data))
        return answer.message

    async def history(self, chat, limit=50):
        messages = await self.client.get_messages(chat, limit=limit)
        return [(m.id, m.sender_id, m.message or "") for m in messages]

    async def members(self, chat):
        return {m.id async for m in self.client.iter_participants(chat)}

    async def resolve(self, username):
        return (await self.client.get_entity(username)).id

    async def fetch(self, chat, message):
        """The file on a message."""
        return await self.client.download_media(await self.client.get_messages(chat, ids=message), bytes)

    async def data_centre(self):
        """Where the account is signed in."""
        return self.client.session.dc_id

    async def close(self):
        await self.client.disconnect()


class KurigramPerson(Person):
    def __init__(self, ready, user):
        super().__init__()
        self.ready, self.user = ready, user
        rsa = ready["rsa"]
        key = kurigram_rsa.PublicKey(int(rsa["n"], 16), int(rsa["e"], 16))
        kurigram_rsa.server_public_keys[int(rsa["fingerprint"])] = key

        ports = {ready["dc"]: ready["port"], **{each["dc"]: each["port"] for each in ready.get("further", [])}}

        def connect(**options):
            port = ports.get(options["dc_id"], ready["port"])
            return KurigramConnection(**{**options, "server_address": ready["host"], "port": port})

        self.client = pyrogram.Client(
            f"user-{user['id']}",
            api_id=API_ID,
            api_hash=API_HASH,
            in_memory=True,
            phone_number=user["phone"],
            phone_code=ready["login_code"],
            connection_factory=connect,
        )
        self.client.add_handler(MessageHandler(self._new))
        self.client.add_handler(EditedMessageHandler(self._edited))

    async def sign_in(self):
        await self.client.start()
        me = await self.client.get_me()
        assert (me.id, me.first_name) == (self.user["id"], self.user["first_name"])

    async def _new(self, _, message, is_edit=False):
        markup = getattr(message.reply_markup, "inline_keyboard", None) or []
        buttons = [(b.text, b.callback_data) for row in markup for b in row]
        sender = message.from_user or message.sender_chat
        text = message.text or message.caption or ""
        await self._note(
            Seen(message.id, message.chat.id, sender.id if sender else 0, str(text), buttons, is_edit)
        )

    async def _edited(self, client, message):
        await self._new(client, message, is_edit=True)

    async def dialogs(self):
        return {d.chat.id: d.chat.title or d.chat.first_name async for d in self.client.get_dialogs()}

    async def send(self, chat, text, reply_to=None):
        reply = pyrogram.types.ReplyParameters(message_id=reply_to) if reply_to else None
        return (await self.client.send_message(chat, text, reply_parameters=reply)).id

    async def send_by_hash(self, chat, text):
        raw = pyrogram.raw
        peer = raw.types.InputPeerChannel(
            channel_id=chat["channel_id"], access_hash=int(chat["access_hash"])
        )
        request = raw.functions.messages.SendMessage(
            peer=peer, message=text, random_id=self.client.rnd_id()
        )
        updates = await self.client.invoke(request)
        return next(u.id for u in updates.updates if isinstance(u, raw.types.UpdateMessageID))

    async def send_audio(self, chat, path):
        return (await self.client.send_audio(chat, str(path))).id

    async def press(self, chat, message, data):
        return (await self.client.request_callback_answer(chat, message, data)).message

    async def history(self, chat, limit=50):
        found = []
        async for m in self.client.get_chat_history(chat, limit=limit):
            sender = m.from_user or m.sender_chat
            found.append((m.id, sender.id if sender else 0, str(m.text or m.caption or "")))
        return found

    async def members(self, chat):
        return {m.user.id async for m in self.client.get_chat_members(chat)}

    async def resolve(self, username):
        return (await self.client.get_chat(username)).id

    async def fetch(self, chat, message):
        message = await self.client.get_messages(chat, message)
        return (await self.client.download_media(message, in_memory=True)).getvalue()

    async def data_centre(self):
        return await self.client.storage.dc_id()

    async def close(self):
        await self.client.stop()


def person(library, ready, user):
    """`telethon full`, `telethon abridged`, `telethon intermediate` or `kurigram`."""
    name, _, connection = library.partition(" ")
    if name == "kurigram":
        return KurigramPerson(ready, user)
    return TelethonPerson(ready, user, connection or "full")
