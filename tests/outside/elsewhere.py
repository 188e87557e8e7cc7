"""Two data centres: who lives in the other one is sent there, and files are fetched from where they are."""

import asyncio

from chat import arrive

#: The other data centre.
DC = 4


async def moves_and_fetches(box, library, music):
    """The member lives in the other data centre, the administrator in the first; each fetches a file of the other."""
    assert [each["dc"] for each in box.ready["further"]] == [DC] and box.ready["dc"] != DC
    far, near = await asyncio.gather(arrive(box, library, box.member), arrive(box, library, box.admin))
    try:
        assert (await far.data_centre(), await near.data_centre()) == (DC, box.ready["dc"])
        for sender, reader in [(far, near), (near, far)]:
            sent = await sender.send_audio(box.chat["id"], music["big"])
            back = await reader.fetch(box.chat["id"], sent)
            assert back == music["big"].read_bytes(), f"{len(back)} bytes came back, or others"
        mark = near.mark()
        await far.send(box.chat["id"], "good evening")
        await near.until("word from elsewhere", mark, 20, lambda seen: seen.text == "good evening")
        mark = far.mark()
        await near.send(box.chat["id"], "good morning")
        await far.until("word from here", mark, 20, lambda seen: seen.text == "good morning")
        return f"{music['big'].stat().st_size / 1e6:.1f} MB from either side, words both ways"
    finally:
        await asyncio.gather(far.close(), near.close())
