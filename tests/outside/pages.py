"""What members in a browser do: they hear the bot, they are heard, they mute themselves, are muted, and leave."""

import asyncio

import sound
from browser import WebMember
from chat import arrive, ask, play, silence
from telethon.tl.functions.phone import EditGroupCallParticipantRequest, GetGroupParticipantsRequest
from telethon.tl.types import InputPeerSelf
from voice import LINGER_S, listen, recordings

#: Far from each other and from their multiples.
TONES = [440, 620, 830, 1_150]
#: What is on its way still when a button was pressed.
SETTLE_S = 1.0
#: The least to be judged.
SECONDS = 5


def hears_tones(what, heard):
    seconds, wrong = sound.tones(heard, TONES)
    assert wrong is None, f"{what}: {wrong}"
    assert seconds >= SECONDS - 2, f"{what}: only {seconds} s of tones in {len(heard) / sound.RATE:.1f} s"
    return f"{seconds:.1f} s of tones"


async def fresh(member, source, seconds):
    """What a member hears of a source during the next seconds; nothing of it may be lost on the way."""
    await member.heard(source)
    before = await member.received(source)
    await asyncio.sleep(seconds)
    after, heard = await member.received(source), await member.heard(source)
    # there are no counters of who has left; and what came before the page had a section for it is not counted
    if before and after:
        lost = after["packetsLost"] - before["packetsLost"]
        assert lost == 0, f"lost {lost} of {after['packetsReceived'] - before['packetsReceived']} packets"
    return heard


async def hears_the_bot(box, browser, music, is_late):
    """A muted member hears the track that was asked for, nothing while it is paused, and the rest of it after."""
    bot = box.ready["assistants"][0]["id"]
    boss = await arrive(box, "telethon", box.admin)
    await silence(boss, box)
    if is_late:
        await play(boss, box, music["url"], music["title"])
    member = await WebMember.join(box, browser, box.member, is_muted=True, is_negative=is_late)
    try:
        if not is_late:
            await play(boss, box, music["url"], music["title"])
        source = await member.until_there(bot)
        await asyncio.sleep(SETTLE_S)
        found = sound.match(await fresh(member, source, SECONDS), music["source"])
        assert found.is_good and found.seconds >= SECONDS - 3, f"heard: {found}"
        counted = await member.received(source)
        assert counted["totalAudioEnergy"] > 0 and counted["packetsReceived"] >= 45 * SECONDS, counted
        await ask(boss, box, "/pause", "Paused by")
        await asyncio.sleep(SETTLE_S)
        assert sound.is_silent(await fresh(member, source, 2)), "there is sound while paused"
        await ask(boss, box, "/resume", "plays on")
        rest = sound.match(await fresh(member, source, 4), music["source"])
        assert rest.is_good and rest.seconds >= 1, f"after the pause: {rest}"
        await ask(boss, box, "/stop", "stopped the music")
        await member.leave()
        return f"{found}; {counted['packetsReceived']} packets, {counted['packetsLost']} lost; after a pause {rest}"
    finally:
        await asyncio.gather(member.close(), boss.close())


async def is_heard(box, browser, listener, path, is_negative):
    """One member's tones are heard by a member in another page and by py-tgcalls, as long as nobody mutes it."""
    speaker, hearer = await asyncio.gather(
        WebMember.join(box, browser, box.admin, is_muted=False, tones=TONES, is_negative=is_negative),
        WebMember.join(box, browser, box.ready["users"][2], is_muted=True),
    )
    stranger = await arrive(box, listener, box.member)
    me, chat = box.admin["id"], box.chat["id"]
    try:
        assert (speaker.source < 0) == is_negative, speaker.source
        source = await hearer.until_there(me)
        assert source == speaker.source, f"told {source}, joined as {speaker.source}"
        calls = await listen(stranger, chat, path)
        first = await fresh(hearer, source, SECONDS)
        told = hears_tones("at first", first)
        n_received = (await hearer.received(source))["packetsReceived"]
        await asyncio.sleep(1)
        await calls.leave_call(chat)
        by_tgcalls = hears_tones("py-tgcalls", sound.read(path))
        await mutes_itself(speaker, hearer, me)
        await leaves(speaker, hearer, me)
        await hearer.leave()
        return f"{told}, none of {n_received} packets lost; py-tgcalls {by_tgcalls}; muted, unmuted, left"
    finally:
        await asyncio.gather(speaker.close(), hearer.close(), stranger.close())


async def mutes_itself(speaker, hearer, me):
    source = speaker.source
    await speaker.mute(True)
    await hearer.until_muted(me, True)
    assert hearer.rows[me].can_self_unmute, "who muted itself may unmute itself"
    await asyncio.sleep(SETTLE_S)
    assert sound.is_silent(await fresh(hearer, source, 2)), "a muted member is heard"
    await speaker.mute(False)
    await hearer.until_muted(me, False)
    await asyncio.sleep(SETTLE_S)
    hears_tones("after unmuting", await fresh(hearer, source, SECONDS))


async def leaves(speaker, hearer, me):
    await speaker.leave()
    await hearer.until_gone(me)
    listed = await hearer.who.client(GetGroupParticipantsRequest(hearer.call, [], [], "", 100))
    assert me not in {row.peer.user_id for row in listed.participants}, "who left is listed"
    await asyncio.sleep(SETTLE_S)
    assert sound.is_silent(await fresh(hearer, speaker.source, 1)), "who left is heard"


async def is_muted_by_an_administrator(box, browser):
    """What an administrator muted is not heard, and unmutes only when it may again."""
    speaker, hearer = await asyncio.gather(
        WebMember.join(box, browser, box.member, is_muted=False, tones=TONES),
        WebMember.join(box, browser, box.admin, is_muted=True),
    )
    me = box.member["id"]
    try:
        source = await hearer.until_there(me)
        hears_tones("at first", await fresh(hearer, source, SECONDS))
        peer = await hearer.who.client.get_input_entity(me)
        await hearer.who.client(EditGroupCallParticipantRequest(hearer.call, peer, muted=True))
        await speaker.until_muted(me, True)
        assert not speaker.rows[me].can_self_unmute, "an administrator's word counts"
        await asyncio.sleep(SETTLE_S)
        # the page speaks on, as a client that was changed would
        assert sound.is_silent(await fresh(hearer, source, 2)), "whom an administrator muted is heard"
        await hearer.who.client(EditGroupCallParticipantRequest(hearer.call, peer, muted=False))
        for _ in range(200):
            if speaker.rows[me].can_self_unmute:
                break
            await asyncio.sleep(0.05)
        await speaker.who.client(EditGroupCallParticipantRequest(speaker.call, InputPeerSelf(), muted=False))
        await hearer.until_muted(me, False)
        await asyncio.sleep(SETTLE_S)
        hears_tones("allowed again", await fresh(hearer, source, SECONDS))
        await asyncio.gather(speaker.leave(), hearer.leave())
        return "heard, not heard while muted, heard again"
    finally:
        await asyncio.gather(speaker.close(), hearer.close())


def judge_recordings(directory, speakers, n_least):
    """What was recorded of the pages' tones decodes to them; with fewer recordings something was not written."""
    n_heard = 0
    for name, entry in recordings(directory).items():
        assert "packets" in entry, f"{name} was not ended"
        if entry["member"] in speakers or entry["packets"] < 50 * SECONDS:
            continue
        seconds, wrong = sound.tones(sound.read(directory / name), TONES)
        if wrong is None and seconds >= SECONDS:
            n_heard += 1
    assert n_heard >= n_least, f"{n_heard} recordings of tones in {directory}"
    return f"{n_heard} files of tones"
