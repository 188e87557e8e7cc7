# ArmedMusic's yt-dlp worker: imports yt_dlp once and answers questions, one JSON object a line, in any order.
#
# In:  {"id": 1, "url": "...", "flat": true, "items": "1-50"}   a question
#      {"leave": 3, "may": true}                                                  the bot's word about a question of ours
# Out: {"hello": {"version": "...", "python": "..."}}                             once, when it is ready
#      {"id": 1, "info": {...}, "rss": 123}  or  {"id": 1, "error": "...", "rss": 123}
#      {"ask": 3, "url": "..."}  or  {"ask": 3, "host": "...", "address": "...", "port": 443}
#
# Every address that it is about to ask or to connect to is asked about first: an audit hook cannot be removed again, and
# what it raises ends the attempt, whatever code made it, on whatever redirect. Libraries that connect without Python's
# sockets are kept out, and no program may be started but a JavaScript runtime.
import json
import os
import queue
import signal
import socket
import sys
import threading

settings = json.loads(sys.argv[1])

# the protocol has pipes of its own: nothing that is printed or read by accident gets in between
lines_in = os.fdopen(os.dup(0), "rb")
lines_out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)

for connects_by_itself in ("curl_cffi", "requests", "websockets", "secretstorage", "Cryptodome.IO"):
    sys.modules[connects_by_itself] = None

if settings.get("import_from"):
    sys.path.insert(0, settings["import_from"])

RUNTIMES = {"deno", "node", "nodejs", "bun", "qjs", "quickjs"}
REFUSED = "refused by the guard"

telling = threading.Lock()
asking = threading.Lock()
asked = {}
n_asked = 0
here = threading.local()


def tell(what):
    line = json.dumps(what, default=str, separators=(",", ":")).encode() + b"\n"
    with telling:
        while line:
            line = line[os.write(lines_out, line):]


def may(question):
    """Whether the bot lets this through; silence is a no."""
    global n_asked
    answer = queue.SimpleQueue()
    with asking:
        n_asked += 1
        number = n_asked
        asked[number] = answer
    try:
        tell({"ask": number, **question})
        return answer.get(timeout=20)
    except queue.Empty:
        return False
    finally:
        asked.pop(number, None)


def refuse(what):
    here.is_refused = True
    raise PermissionError(f"{what} {REFUSED}")


def before(event, args):
    if event == "urllib.Request":
        if not str(args[0]).startswith("data:") and not may({"url": str(args[0])}):
            refuse("an address")
    elif event == "socket.getaddrinfo":
        here.name = args[0].decode() if isinstance(args[0], bytes) else args[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        to = args[1]
        if not isinstance(to, tuple):
            if to is None and event != "socket.connect":
                return
            refuse("a local socket")
        address = to[0].split("%")[0]
        name = getattr(here, "name", None) or address
        if not may({"host": name, "address": address, "port": to[1]}):
            refuse("a connection")
    elif event == "subprocess.Popen":
        if os.path.basename(os.fsdecode(args[0])) not in RUNTIMES:
            raise PermissionError("only a JavaScript runtime may be started")
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.startfile", "pty.spawn"):
        raise PermissionError("nothing may be started this way")


import yt_dlp  # noqa: E402
from yt_dlp.version import __version__  # noqa: E402

sys.addaudithook(before)

OF_INFO = (
    "_type", "id", "title", "fulltitle", "track", "artist", "artists", "creator", "uploader", "channel", "duration",
    "webpage_url", "original_url", "url", "extractor", "extractor_key", "ie_key", "is_live", "live_status",
    "availability", "age_limit", "protocol", "ext", "acodec", "http_headers", "has_drm", "playlist_count",
    "format_id",
)


class Complaints:
    def __init__(self):
        self.errors = []

    def debug(self, text):
        pass

    info = warning = debug

    def error(self, text):
        self.errors.append(str(text))


def trimmed(info):
    kept = {key: info[key] for key in OF_INFO if info.get(key) is not None}
    if info.get("entries") is not None:
        kept["entries"] = [trimmed(entry) for entry in info["entries"] if entry]
    return kept


PARAMETERS = {
    "quiet": True,
    "no_warnings": True,
    "noprogress": True,
    "color": "never",
    "cachedir": False,
    "skip_download": True,
    "simulate": True,
    "format": settings["format"],
    "socket_timeout": settings["socket_timeout"],
    "retries": 1,
    "extractor_retries": 1,
    "js_runtimes": settings["js_runtimes"],
    "proxy": settings.get("proxy") or "",
    "cookiefile": settings.get("cookies"),
}


def prepared(question, complaints):
    """This thread's YoutubeDL, set to the question; making one costs more than most questions."""
    if getattr(here, "ydl", None) is None:
        here.ydl = yt_dlp.YoutubeDL({**PARAMETERS, "logger": complaints})
    is_flat = bool(question.get("flat"))
    here.ydl.params.update(
        logger=complaints,
        noplaylist=not is_flat,
        extract_flat="in_playlist" if is_flat else False,
        playlist_items=question.get("items"),
    )
    return here.ydl


def answer(question):
    here.is_refused = False
    here.name = None
    complaints = Complaints()
    reply = {"id": question["id"]}
    try:
        ydl = prepared(question, complaints)
        info = ydl.extract_info(question["url"], download=False)
        reply["info"] = trimmed(ydl.sanitize_info(info)) if info else None
    except Exception as error:
        complaints.errors.append(f"{type(error).__name__}: {error}")
        # whatever state it was left in; never closed, for that writes the cookies back, and the file is the operator's
        here.ydl = None
    if complaints.errors:
        reply["error"] = " | ".join(complaints.errors)[:2000]
    if here.is_refused:
        reply["refused"] = True
    reply["rss"] = resident()
    tell(reply)


def resident():
    """Bytes of memory in use now."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


questions = queue.SimpleQueue()


def work():
    while True:
        answer(questions.get())


for _ in range(settings["threads"]):
    threading.Thread(target=work, daemon=True).start()

# nobody reads what is printed from here on
silence = os.open(os.devnull, os.O_WRONLY)
os.dup2(silence, 1)
os.dup2(silence, 2)
tell({"hello": {"version": __version__, "python": sys.version.split()[0]}})
for line in lines_in:
    message = json.loads(line)
    if "leave" in message:
        waiting = asked.get(message["leave"])
        if waiting:
            waiting.put(bool(message["may"]))
    elif "ping" in message:
        tell({"pong": message["ping"]})
    else:
        questions.put(message)

# the bot is gone: whatever was started here goes too
os.killpg(0, signal.SIGKILL)
