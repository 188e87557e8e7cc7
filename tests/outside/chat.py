"""What people do in the chat: they sign in, ask for music, control it and read the answers."""

import asyncio

import pyrogram
import telethon
from people import person

PANEL = ("Now playing", "Paused")


def from_bot(box, *words, is_edit=None):
    """A condition on events: from the bot, with these words."""
    bot = box.ready["bot"]["id"]

    def holds(seen):
        fits = is_edit is None or seen.is_edit == is_edit
        return seen.sender == bot and fits and all(word in seen.text for word in words)

    return holds


async def arrive(box, library, user):
    """Signs in and finds the chat among the dialogs."""
    who = person(library, box.ready, user)
    await who.sign_in()
    dialogs = await who.dialogs()
    assert dialogs.get(box.chat["id"]) == box.chat["title"], f"dialogs: {dialogs}"
    return who


async def ask(who, box, text, *words, within=20, chat=None, reply_to=None):
    """Says something and waits for the bot's answer, new or edited, with these words."""
    mark = who.mark()
    await who.send(chat or box.chat["id"], text, reply_to)
    return await who.until(f"answer to {text!r} with {words}", mark, within, from_bot(box, *words))


async def silence(who, box):
    """Ends whatever plays still."""
    mark = who.mark()
    await who.send(box.chat["id"], "/stop")
    at_rest = [from_bot(box, "stopped the music"), from_bot(box, "Nothing is playing")]
    await who.until("silence", mark, 20, lambda seen: any(holds(seen) for holds in at_rest))


async def play(who, box, url, title, by_hash=False):
    """/play, until the panel shows; the panel."""
    mark = who.mark()
    if by_hash:
        await who.send_by_hash(box.chat, f"/play {url}")
    else:
        await who.send(box.chat["id"], f"/play {url}")
    panel = await who.until("panel", mark, 30, from_bot(box, "Now playing", title))
    assert panel.labels == ["⏸", "⏭", "⏹"], panel.labels
    return panel


async def press(who, box, panel, label, answer, *words):
    """Presses a button of the newest state of the panel; the callback answer and the edit that follows."""
    mark = who.mark()
    said = await who.press(box.chat["id"], panel.id, panel.button(label))
    assert said == answer, f"{label}: {said!r} instead of {answer!r}"
    return await who.until(f"edit after {label}", mark, 20, from_bot(box, *words, is_edit=True))


async def administrator(box, library, music):
    """Everything the first user may do; a note for the table."""
    who = await arrive(box, library, box.admin)
    try:
        await silence(who, box)
        panel = await play(who, box, music["url"], music["title"], by_hash=True)
        mark = who.mark()
        panel = await press(who, box, panel, "⏸", "Paused", "Paused", music["title"])
        assert panel.labels == ["▶️", "⏭", "⏹"], panel.labels
        panel = await press(who, box, panel, "▶️", "Playing", "Now playing", music["title"])
        await who.until("move of the line", who.mark(), 20, from_bot(box, "Now playing", is_edit=True))
        await ask(who, box, "/queue", music["title"], box.admin["first_name"])
        await ask(who, box, "/pause", "Paused by")
        await ask(who, box, "/resume", "plays on")
        await ask(who, box, f"/play {music['other_url']}", music["other_title"], "Number 1")
        first, mark = panel, who.mark()
        panel = await who.until("panel", 0, 5, from_bot(box, "Now playing", music["title"]))
        said = await who.press(box.chat["id"], first.id, first.button("⏭"))
        assert said == "Skipped", said
        panel = await who.until("next panel", mark, 20, from_bot(box, "Now playing", music["other_title"]))
        await no_such_button(who, box, first, "⏭")
        mark = who.mark()
        said = await who.press(box.chat["id"], panel.id, panel.button("⏹"))
        assert said == "Stopped", said
        await who.until("end of the panel", mark, 20, from_bot(box, "Stopped", music["other_title"]))
        await play(who, box, music["url"], music["title"])
        await ask(who, box, f"/play {music['other_url']}", "Number 1")
        await ask(who, box, "/skip", "skipped")
        await ask(who, box, "/stop", "stopped the music")
        await ask(who, box, "/stop", "Nothing is playing")
        await ask(who, box, "/queue", "Nothing plays")
        await ask(who, box, "/ping", "Up for")
        await ask(who, box, "/help", "/play")
        await ask(who, box, "/play", "Tell me what to play")
        await in_private(who, box)
        audio = await who.send_audio(box.chat["id"], music["file"])
        mark = who.mark()
        await who.send(box.chat["id"], "/play", reply_to=audio)
        await who.until("panel of the reply", mark, 30, from_bot(box, "Now playing", music["title"]))
        await ask(who, box, "/stop", "stopped the music")
        n_read = await look_back(who, box)
        n_edits = sum(s.is_edit for s in who.seen)
        assert n_edits > 0
        return f"{len(who.seen)} events, {n_edits} edits, {n_read} messages read back"
    finally:
        await who.close()


async def no_such_button(who, box, panel, label):
    """A message that lost its buttons takes no press."""
    try:
        said = await who.press(box.chat["id"], panel.id, panel.button(label))
    except (telethon.errors.DataInvalidError, pyrogram.errors.DataInvalid):
        return
    raise AssertionError(f"a button that is gone was answered {said!r}")


async def in_private(who, box):
    bot = await who.resolve(box.ready["bot"]["username"])
    assert bot == box.ready["bot"]["id"], bot
    await ask(who, box, "/start", "Hello", chat=bot)
    await ask(who, box, "/help", "/play", chat=bot)
    await ask(who, box, "/play something", "in groups", chat=bot)


async def look_back(who, box):
    """History and members agree with what was seen."""
    history = await who.history(box.chat["id"])
    assert [m[0] for m in history] == sorted({m[0] for m in history}, reverse=True)
    texts = {m[0]: m[2] for m in history}
    # any event, not the last one: Kurigram handles events side by side, so that an edit may overtake
    told = {}
    for seen in who.seen:
        if seen.chat == box.chat["id"]:
            told.setdefault(seen.id, set()).add(seen.text)
    both = texts.keys() & told.keys()
    assert len(both) >= 10, f"only {len(both)} of {len(told)} seen messages are in the history"
    differing = [(texts[i], told[i]) for i in both if texts[i] not in told[i]]
    assert not differing, f"no event told what the history shows: {differing[:2]}"
    members = await who.members(box.chat["id"])
    expected = {box.admin["id"], box.member["id"], box.ready["bot"]["id"], box.ready["assistants"][0]["id"]}
    assert expected <= members, f"members: {members}"
    return len(history)


async def plain_member(box, library, music):
    """May ask for music, may not control what others asked for, and is told so."""
    who, boss = await asyncio.gather(
        arrive(box, library, box.member), arrive(box, library, box.admin)
    )
    try:
        await silence(boss, box)
        mark = who.mark()
        await play(boss, box, music["url"], music["title"])
        panel = await who.until("panel", mark, 20, from_bot(box, "Now playing", music["title"]))
        said = await who.press(box.chat["id"], panel.id, panel.button("⏸"))
        assert "Only administrators" in said, said
        for command in ["/pause", "/resume", "/skip", "/stop"]:
            await ask(who, box, command, "Only administrators")
        await ask(who, box, f"/play {music['other_url']}", "Number 1", box.member["first_name"])
        mark = who.mark()
        await boss.send(box.chat["id"], "/skip")
        await who.until("own track", mark, 20, from_bot(box, "Now playing", music["other_title"]))
        await ask(who, box, "/skip", "skipped")
        return "asks, skips the own track; control refused in words"
    finally:
        await asyncio.gather(who.close(), boss.close())


async def two_at_once(box, one, other, music):
    """Two libraries on one chat see the same messages and edits."""
    a, b = await asyncio.gather(arrive(box, one, box.admin), arrive(box, other, box.member))
    try:
        await silence(a, box)
        await asyncio.gather(
            ask(a, box, "/ping", "Up for"), ask(b, box, "/ping", "Up for"), a.send(box.chat["id"], "hello")
        )
        await b.until("greeting", 0, 10, lambda s: s.text == "hello" and s.sender == box.admin["id"])
        panel = await play(a, box, music["url"], music["title"])
        await asyncio.gather(
            *(p.until("move", 0, 20, from_bot(box, "Now playing", is_edit=True)) for p in (a, b))
        )
        await ask(a, box, "/stop", "stopped the music")
        await b.until("the end", 0, 10, from_bot(box, "stopped the music"))
        await asyncio.sleep(1)
        told = [{(s.id, s.text) for s in p.seen if s.sender == box.ready["bot"]["id"]} for p in (a, b)]
        # the answer to whoever was first may have come before the other one listened
        first = max(min(i for i, _ in texts) for texts in told)
        told = [{(i, text) for i, text in texts if i >= first} for texts in told]
        assert panel.id >= first and told[0] == told[1], f"only one of them saw {told[0] ^ told[1]}"
        return f"{len(told[0])} texts of the bot alike"
    finally:
        await asyncio.gather(a.close(), b.close())
