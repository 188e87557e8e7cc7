"""The command line, the first line and the exit code."""

import base64
import re
import signal
import socket
import time

from box import Box
from chat import arrive, play, silence

NUMBER, TEXT, FLAG = int, str, bool


def check_ready(ready):
    """Every key of the first line, with its type and meaning."""
    keys = {
        "event": TEXT, "host": TEXT, "port": NUMBER, "dc": NUMBER, "layer": NUMBER, "rsa": dict,
        "login_code": TEXT, "users": list, "bot": dict, "assistants": list, "chats": list,
    }
    check_keys("ready", ready, keys)
    assert ready["event"] == "ready" and ready["host"] == "127.0.0.1" and ready["dc"] == 2
    rsa = ready["rsa"]
    check_keys("rsa", rsa, {"pem": TEXT, "fingerprint": TEXT, "n": TEXT, "e": TEXT})
    assert rsa["pem"].startswith("-----BEGIN RSA PUBLIC KEY-----\n"), rsa["pem"]
    assert -(2**63) <= int(rsa["fingerprint"]) < 2**63
    assert int(rsa["n"], 16).bit_length() == 2048 and int(rsa["e"], 16) > 2
    der = base64.b64decode("".join(rsa["pem"].strip().splitlines()[1:-1]))
    assert bytes.fromhex(rsa["n"]) in der, "the PEM is of another key"
    user = {"id": NUMBER, "phone": TEXT, "first_name": TEXT, "username": TEXT, "admin": FLAG}
    for each in ready["users"]:
        check_keys("user", each, user)
        assert re.fullmatch(r"\+999662\d{4}", each["phone"]), each["phone"]
    assert len(ready["users"]) >= 4
    assert ready["users"][0]["admin"] and not ready["users"][1]["admin"]
    check_keys("bot", ready["bot"], {"id": NUMBER, "username": TEXT})
    for each in ready["assistants"]:
        check_keys("assistant", each, {"id": NUMBER})
    chat = {
        "id": NUMBER, "channel_id": NUMBER, "access_hash": TEXT, "title": TEXT, "username": TEXT, "kind": TEXT,
        "voice_chat": FLAG,
    }
    for each in ready["chats"]:
        check_keys("chat", each, chat)
        int(each["access_hash"])
    jam = next(c for c in ready["chats"] if c["kind"] == "supergroup" and c["voice_chat"])
    assert jam["id"] == -1_000_000_000_000 - jam["channel_id"]


def check_keys(what, given, keys):
    for key, kind in keys.items():
        assert key in given, f"{what} has no {key}"
        assert type(given[key]) is kind, f"{what}.{key} is {given[key]!r}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def starts_and_stops(binary, arguments, number, log):
    """A first line of the right shape, a port that is open, and exit code 0 at a signal."""
    began = time.monotonic()
    with Box(binary, arguments, log) as box:
        took = time.monotonic() - began
        check_ready(box.ready)
        if "--listen" in arguments:
            address = arguments[arguments.index("--listen") + 1]
            assert address == f"{box.ready['host']}:{box.ready['port']}", address
        socket.create_connection((box.ready["host"], box.ready["port"]), 5).close()
        code = box.stop(number)
        assert code == 0, f"exit code {code}; see {log}"
        assert len(box.lines) >= 1
    return f"ready in {took:.2f} s, exit 0"


async def leaves_at_once(binary, arguments, music, log):
    """While music plays, a first SIGINT drains; a second one during that leaves with 130."""
    with Box(binary, arguments, log) as box:
        who = await arrive(box, "telethon", box.admin)
        await silence(who, box)
        await play(who, box, music["url"], music["title"])
        box.poke(signal.SIGINT)
        deadline = time.monotonic() + 10
        while "draining" not in box.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.0005)
        drained = "drained" in box.log.read_text()
        code = box.stop(signal.SIGINT)
        await who.close()
        if drained and code == 0:
            return "drained before the second signal could come, exit 0"
        assert code == 130, f"exit code {code}; see {log}"
    return "exit 130"
