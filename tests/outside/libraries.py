"""What else people do with their library: big files, searching, editing, deleting, joining by name, signing out."""

import asyncio
import io
import time

import pyrogram
import telethon
from chat import arrive, from_bot, play, press, silence
from people import person
from pyrogram.enums import ChatMembersFilter, ChatMemberStatus
from telethon import events
from telethon.tl.functions.channels import JoinChannelRequest, LeaveChannelRequest

#: Longer than the box waits for a bot that says nothing.
INLINE_WITHIN_S = 20


async def telethon_at_large(box, music):
    who, boss = await asyncio.gather(arrive(box, "telethon", box.member), arrive(box, "kurigram", box.admin))
    client, chat = who.client, box.chat["id"]
    inline = asyncio.create_task(_telethon_inline(client, box, chat))
    try:
        await silence(boss, box)
        me = await client.get_me()
        given = (me.id, f"+{me.phone}", me.first_name, me.username, me.bot)
        assert given == (who.user["id"], who.user["phone"], who.user["first_name"], who.user["username"], False), given
        sent = await _telethon_file(client, chat, music["big"])
        mark = who.mark()
        await client.send_message(chat, "/play", reply_to=sent)
        panel = await who.until("panel of the reply", mark, 30, from_bot(box, "Now playing", music["big"].stem))
        said = await (await client.get_messages(chat, ids=panel.id)).click(text="⏸")
        assert "Only administrators" in said.message, said
        await silence(boss, box)
        await _telethon_look(client, box, chat, sent)
        await _telethon_change(client, boss, chat)
        await inline
        assert await client.log_out()
        again = person("telethon", box.ready, box.member)
        await again.sign_in()
        await again.close()
        size = music["big"].stat().st_size
        return f"{size / 1e6:.1f} MB up and down; searched, edited, deleted, clicked; signed out and in again"
    finally:
        inline.cancel()
        await asyncio.gather(who.close(), boss.close())


async def _telethon_file(client, chat, path):
    sent = await client.send_file(chat, str(path))
    assert sent.file.size == path.stat().st_size and sent.file.mime_type == "audio/mpeg", sent.stringify()
    back = await client.download_media(await client.get_messages(chat, ids=sent.id), bytes)
    assert back == path.read_bytes(), f"{len(back)} bytes came back, or others"
    return sent


async def _telethon_look(client, box, chat, sent):
    found = [m.id async for m in client.iter_messages(chat)]
    assert len(found) > 3 and found == sorted(set(found), reverse=True), found
    backwards = [m.id async for m in client.iter_messages(chat, reverse=True, max_id=found[0] + 1)]
    assert backwards == found[::-1], (backwards, found)
    assert [m.id async for m in client.iter_messages(chat, limit=2, offset_id=found[1])] == found[2:4]
    searched = [m.message async for m in client.iter_messages(chat, search="/play")]
    assert searched and all("/play" in text for text in searched), searched
    [one, none] = await client.get_messages(chat, ids=[sent.id, 2_000_000])
    assert one.id == sent.id and none is None, (one, none)
    told = {m.sender_id async for m in client.iter_messages(chat, from_user=box.ready["bot"]["id"])}
    assert told == {box.ready["bot"]["id"]}, told


async def _telethon_change(client, boss, chat):
    """Own messages can be changed and deleted, and everybody is told; other people's cannot."""
    mark, deleted = boss.mark(), asyncio.Event()
    own = await client.send_message(chat, "a slip of the pen")
    await client.edit_message(chat, own, "a stroke of the pen")
    await boss.until("the edit", mark, 10, lambda s: s.id == own.id and s.is_edit and "stroke" in s.text)
    try:
        await client.edit_message(chat, own, "a stroke of the pen")
        raise AssertionError("an edit without a change was taken")
    except telethon.errors.MessageNotModifiedError:
        pass
    others = await boss.send(chat, "hands off")
    for gesture in [client.edit_message(chat, others, "mine"), client.delete_messages(chat, [others])]:
        try:
            await gesture
            raise AssertionError("somebody else's message was changed")
        except (telethon.errors.MessageAuthorRequiredError, telethon.errors.MessageDeleteForbiddenError):
            pass
    handler = lambda event: deleted.set() if own.id in event.deleted_ids else None
    boss.client.add_handler(
        pyrogram.handlers.DeletedMessagesHandler(
            lambda _, messages: deleted.set() if own.id in {m.id for m in messages} else None
        )
    )
    client.add_event_handler(handler, events.MessageDeleted())
    await client.delete_messages(chat, [own.id])
    await asyncio.wait_for(deleted.wait(), 10)
    assert await client.get_messages(chat, ids=own.id) is None


async def _telethon_inline(client, box, chat):
    """A bot without an answer, and somebody who is no bot: both are said in words, in time."""
    began = time.monotonic()
    try:
        await asyncio.wait_for(client.inline_query(box.ready["bot"]["username"], "song", entity=chat), INLINE_WITHIN_S)
        raise AssertionError("a bot that knows no inline queries answered one")
    except (telethon.errors.BotResponseTimeoutError, telethon.errors.TimedOutError, telethon.errors.BotInlineDisabledError):
        assert time.monotonic() - began < INLINE_WITHIN_S
    try:
        await client.inline_query(box.admin["username"], "song", entity=chat)
        raise AssertionError("a person answered an inline query")
    except telethon.errors.BotInvalidError:
        pass


async def kurigram_at_large(box, music):
    who = await arrive(box, "kurigram", box.admin)
    client, chat = who.client, box.chat["id"]
    try:
        await silence(who, box)
        await _kurigram_members(client, box)
        sent = await client.send_audio(chat, str(music["small"]), title="Paper Moons", performer="The Archive")
        assert sent.audio.file_size == music["small"].stat().st_size and sent.audio.title == "Paper Moons", sent
        back = await client.download_media(sent, in_memory=True)
        assert isinstance(back, io.BytesIO) and back.getbuffer() == music["small"].read_bytes()
        mark = who.mark()
        await who.send(chat, "/play", reply_to=sent.id)
        panel = await who.until("panel", mark, 30, from_bot(box, "Now playing", "Paper Moons", "The Archive"))
        message = await client.get_messages(chat, panel.id)
        assert message.id == panel.id and message.from_user.id == box.ready["bot"]["id"], message
        await press(who, box, panel, "⏸", "Paused", "Paused", "Paper Moons")
        await who.send(chat, "/stop")
        await _kurigram_look(client, chat, sent)
        own = await client.send_message(chat, "one word")
        changed = await client.edit_message_text(chat, own.id, "two words")
        assert changed.text == "two words" and (await client.get_messages(chat, own.id)).text == "two words"
        assert await client.delete_messages(chat, own.id) == 1
        assert (await client.get_messages(chat, own.id)).empty
        try:
            await client.get_inline_bot_results(box.member["username"], "song")
            raise AssertionError("a person answered an inline query")
        except pyrogram.errors.BotInvalid:
            pass
        await client.log_out()
        again = person("kurigram", box.ready, box.admin)
        await again.sign_in()
        await again.close()
        return "members, files, searching, editing, deleting; signed out and in again"
    except BaseException:
        await who.close()
        raise


async def _kurigram_members(client, box):
    chat = await client.get_chat(box.chat["username"])
    assert (chat.id, chat.title) == (box.chat["id"], box.chat["title"]), chat
    members = {m.user.id: m async for m in client.get_chat_members(chat.id)}
    assert await client.get_chat_members_count(chat.id) == len(members) == chat.members_count, members.keys()
    admins = {m.user.id async for m in client.get_chat_members(chat.id, filter=ChatMembersFilter.ADMINISTRATORS)}
    bot = box.ready["bot"]["id"]
    assert {box.admin["id"], bot} <= admins and box.member["id"] not in admins, admins
    status = {user: (await client.get_chat_member(chat.id, user)).status for user in [box.admin["id"], bot, box.member["id"]]}
    expected = [ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.MEMBER]
    assert list(status.values()) == expected, status
    dialogs = {d.chat.id async for d in client.get_dialogs()}
    assert {c["id"] for c in box.ready["chats"]} <= dialogs, dialogs


async def _kurigram_look(client, chat, sent):
    history = [m.id async for m in client.get_chat_history(chat)]
    assert sent.id in history and history == sorted(set(history), reverse=True), history
    several = await client.get_messages(chat, history[:3])
    assert [m.id for m in several] == history[:3]
    found = [m.text async for m in client.search_messages(chat, query="/stop")]
    assert found and all("/stop" in text for text in found), found


async def stranger(box, library, music):
    """Who is in no chat joins by the group's name, asks for music, and leaves."""
    eve = box.ready["users"][4]
    who = person(library, box.ready, eve)
    name, chat = box.chat["username"], box.chat["id"]
    await who.sign_in()
    try:
        assert chat not in await who.dialogs(), "a stranger is in the chat already"
        if library == "kurigram":
            await who.client.join_chat(name)
        else:
            await who.client(JoinChannelRequest(name))
        assert (await who.dialogs()).get(chat) == box.chat["title"]
        assert eve["id"] in await who.members(chat)
        panel = await play(who, box, music["url"], music["title"])
        assert eve["first_name"] in panel.text, panel
        mark = who.mark()
        await who.send(chat, "/skip")
        await who.until("the skip", mark, 20, from_bot(box, "skipped"))
        if library == "kurigram":
            await who.client.leave_chat(name)
        else:
            await who.client(LeaveChannelRequest(name))
        assert chat not in await who.dialogs(), "who left is in the chat still"
        return "joined, asked, skipped, left"
    finally:
        await who.close()


async def finds(box, folder):
    """`/play` finds the files of a folder by title, by artist and by name."""
    who = await arrive(box, "telethon", box.admin)
    told = []
    try:
        await silence(who, box)
        for song in folder["songs"]:
            for key in ["title", "artist", "stem"]:
                if key in song["asked_by"]:
                    await play(who, box, song[key], song["title"])
                    told.append(f"{song['file'].suffix[1:]} by {key}")
                    await asyncio.sleep(3)
                    await silence(who, box)
        mark = who.mark()
        await who.send(box.chat["id"], "/play Nobody Ever Recorded This")
        await who.until("refusal", mark, 20, from_bot(box, "⚠"))
        return ", ".join(told)
    finally:
        await who.close()


async def foreign_format(box, url, title, is_readable):
    """What only ffmpeg reads plays with it, and is refused in words without."""
    who = await arrive(box, "telethon", box.admin)
    try:
        await silence(who, box)
        if is_readable:
            await play(who, box, url, title)
            await asyncio.sleep(4)
            await silence(who, box)
            return "plays"
        mark = who.mark()
        await who.send(box.chat["id"], f"/play {url}")
        said = await who.until("refusal", mark, 20, from_bot(box, "⚠", "cannot read this kind of audio"))
        return said.text.splitlines()[0]
    finally:
        await who.close()
