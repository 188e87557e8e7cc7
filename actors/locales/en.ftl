# ArmedMusic speaks English. Arguments are already escaped for HTML.

## Commands

start-private =
    🎵 <b>Hello, { $name }!</b>
    I play music in the voice chats of groups.

    Add me to a group, start a voice chat there and send <code>/play a song</code>.
    /help shows everything I can do.
start-group =
    🎵 I am here. Send <code>/play a song</code> and I will play it in the voice chat.
help =
    🎵 <b>What I can do</b>

    <code>/play</code> words, a link, or a reply to an audio file: play it, or queue it
    <code>/pause</code> · <code>/resume</code>: hold the music, go on
    <code>/skip</code>: the next track, please
    <code>/stop</code>: end the music and leave the voice chat
    <code>/queue</code>: what plays now and what comes next
    <code>/search</code> words: choose from five hits
    <code>/why</code>: what went wrong last
    <code>/stats</code>: how the music is doing
    <code>/ping</code>: am I awake?

    Everybody may ask for music. { $controls ->
        [everyone] Everybody may control it, too.
       *[admins] Administrators control it; whoever asked for a track may skip it.
    }
only-in-groups = 🎧 Music plays in groups. Add me to a group, start a voice chat and send <code>/play</code> there.
ping = 🏓 Here. Up for { $uptime }.

command-play = Play a song, a link or the replied file
command-pause = Hold the music
command-resume = Go on
command-skip = Next track
command-stop = End the music
command-queue = What plays and what waits
command-search = Look for something and choose
command-why = What went wrong last
command-stats = How the music is doing
command-ping = Am I awake?
command-help = What I can do

## What plays

searching = 🔎 Looking for it…
queued =
    ✅ <b>{ $title }</b>{ $duration ->
        [none] { "" }
       *[other] { " " }· { $duration }
    }
    Number { $place } in the queue, for { $name }
not-kept = ⚠️ I cannot write the queue down right now: a restart would forget it.
left-out = ⚠️ { $tracks ->
        [one] One more track did
       *[other] { $tracks } more tracks did
    } not fit into the queue.
earlier-back = 📜 The earlier queue is back, behind what you asked for since: { $tracks ->
        [one] one track
       *[other] { $tracks } tracks
    }.
now-playing = ▶️ <b>Now playing</b>
now-paused = ⏸ <b>Paused</b>
ended-line = ⏹ <b>Played</b>
skipped-line = ⏭ <b>Skipped</b>
stopped-line = ⏹ <b>Stopped</b>
requested-by = 👤 { $name }
waiting = 📜 { $tracks ->
        [one] 1 track waits
       *[other] { $tracks } tracks wait
    }
finished = 🎶 That was the last track. Send <code>/play</code> for more.
paused = ⏸ Paused by { $name }.
resumed = ▶️ { $name } plays on.
skipped = ⏭ { $name } skipped <b>{ $title }</b>.
skipped-search = ⏭ { $name } skipped what was being looked for.
stopped = ⏹ { $name } stopped the music.{ $dropped ->
        [0] { "" }
        [one] { " " }One waiting track was dropped.
       *[other] { " " }{ $dropped } waiting tracks were dropped.
    }
queue-empty = 📜 Nothing plays and nothing waits. Send <code>/play</code> with a song.
queue-now = ▶️ <b>{ $title }</b> · { $position } / { $duration } · { $name }
queue-now-paused = ⏸ <b>{ $title }</b> · { $position } / { $duration } · { $name }
queue-next = { $place }. { $title } · { $name }
queue-looking = 🔎 being looked for
queue-more = … and { $tracks } more
live = live

## Answers to controls

done-paused = Paused
done-resumed = Playing
done-skipped = Skipped
done-stopped = Stopped
nothing-playing = 🔇 Nothing is playing. Send <code>/play</code> with a song.
already-paused = ⏸ It is paused already. <code>/resume</code> goes on.
not-paused = ▶️ It is playing already. <code>/pause</code> holds it.
forbidden = 🔒 Only administrators may do this. Whoever asked for a track may skip it.
stale = This button belonged to an earlier track.
too-late = ⏳ I was away when you asked, { $ago } ago, and have not done it. If you still want it, ask again.
forged = This button is not mine.

## The call

call-held = ⏳ { $reason } The music waits and goes on where it was.
call-restored = 🔊 The connection is back, the music goes on.
call-ended = ⏳ The voice chat ended. { $minutes ->
        [0] Start a new one and send <code>/play</code> again.
        [one] Start a new one within a minute and the music goes on where it was.
       *[other] Start a new one within { $minutes } minutes and the music goes on where it was.
    }
assistant-changed = 🔁 Another assistant takes over.
revived = 🔁 Sorry, a hiccup. The music goes on at { $position }.
call-failed = ⚠️ { $reason }{ $dropped ->
        [0] { "" }
        [one] { " " }One waiting track was dropped.
       *[other] { " " }{ $dropped } waiting tracks were dropped.
    }
track-failed = ⚠️ <b>{ $title }</b>: { $reason }

## Reasons, each with a way out

reason-not-found = I found nothing there. Try other words or another link.
reason-nothing-asked = Tell me what to play: <code>/play a song</code>, a link, or reply to an audio file with <code>/play</code>.
reason-not-audio = That link does not lead to audio. Send a direct link to an audio file.
reason-unsupported = I cannot read this kind of audio. MP3, M4A, FLAC, Ogg and WebM work.
reason-corrupt = The file is damaged and cannot be played. Try another copy.
reason-empty = There is no sound in it. Try another file.
reason-preview = Only a short preview is offered there. Try another link.
reason-too-large = The file is too large for me. Try a smaller one.
reason-too-long = The track is longer than allowed here. Try a shorter one.
reason-live-off = Live streams are not played here. Try a track with an end.
reason-explicit-off = Explicit tracks are not played here. Try another version.
reason-message-hidden = I cannot read that message for you: you or I are not in its chat. Forward the audio here and reply to it with <code>/play</code>.
reason-bad-url = I open only plain http and https links. Check the link.
reason-private-address = That link leads to a private address, which I do not open. Send a public link.
reason-unreachable = The place where this music is does not answer. Try again later or another link.
reason-timeout = The place where this music is answers too slowly. Try again later or another link.
reason-service-refused = The place where this music is refused to give it out. Try another link.
reason-queue-full = The queue is full. Wait until a track has played, or ask an administrator to skip.
reason-no-voice-chat = No voice chat is on. Start one and send <code>/play</code> again, or let the assistant manage voice chats.
reason-call-ended = The voice chat ended. Start a new one and send <code>/play</code> again.
reason-force-muted = An administrator muted the assistant. Unmute it in the voice chat.
reason-broadcast-only = This voice chat is a live stream, nobody can play music into it. Start an ordinary voice chat.
reason-conference = This is an encrypted conference, bots cannot play there. Start an ordinary voice chat.
reason-joined-elsewhere = The assistant's account entered a voice chat from another place. Send <code>/play</code> again when it is free.
reason-call-unreachable = Telegram's voice server does not answer.
reason-not-allowed = I lack the right to do that. An administrator can give it to me.
reason-no-assistant = No assistant is available now. Try again in a minute.
reason-assistant-not-in = The assistant is not in this group and could not join. Add it, or give me the right to invite users.
reason-assistant-banned = The assistant is banned here. Unban it and send <code>/play</code> again.
reason-assistant-awaits-approval = The assistant asked to join. Approve its request and send <code>/play</code> again.
reason-too-many-channels = The assistant is in too many groups. Try again later.
reason-account-lost = The assistant's account is signed out. The operator of this bot has to sign in again.
reason-flood = Telegram asks me to slow down. Try again in a minute.
reason-telegram-unreachable = Telegram does not answer. Try again in a minute.
reason-unreadable = Telegram answered something that I do not understand yet. Try again in a minute.
reason-stopping = I am restarting. Try again in a minute.
reason-internal = Something went wrong on my side. Try again; the operator can see it in the log.

## /why and /search

why-well = ✅ Nothing has gone wrong here lately.
why-head =
    🩺 <b>{ $asked }</b>, { $ago } ago
    { $reason }
why-row = <code>{ $at } s</code> <b>{ $who }</b>, asked { $step ->
        [search] to search
        [describe] what it is
        [open] for the sound
       *[list] for the list
    }: { $came }, { $took } s{ $slow ->
        [slow] { " " }(slower than usual, somebody else was asked meanwhile)
       *[usual] { "" }
    }. { $then ->
        [taken] That was taken.
        [next] The next one was asked.
        [again] It was asked again.
        [called-off] Somebody else was quicker.
       *[given-up] Nobody was left to ask.
    }
why-more = … and { $rows } more
why-answer = it answered
why-nothing = it has nothing that fits
why-silence = it said nothing
why-failing = not asked, it failed too often (again in { $wait })
why-asked-to-wait = not asked, it wants to be left alone (for { $wait })
why-busy = not asked, it was asked as often as it bears
why-fault = { $reason ->
        [unreachable] it could not be reached
        [timeout] it was too slow
        [refused] it refused
        [flood] it asked us to slow down
        [not-found] it has no such thing
        [preview] it has only a preview
        [too-long] too long for here
        [too-large] too large for here
        [live] a live stream, which is not played here
        [explicit] explicit, which is not played here
        [unreadable] it gave something that cannot be played
       *[other] it could not give it
    }
search-head = 🔎 <b>{ $words }</b>: which one?
search-hit = { $title } · { $duration } · { $source }
search-nothing-asked = Tell me what to look for: <code>/search a song</code>.
search-old = This search is too old. Send <code>/search</code> again.

## For operators

alert-parked = 🛑 <code>{ $path }</code> is parked and will not be tried again: { $detail }
alert-critical = ⚠️ <code>{ $path }</code> failed { $detail } times in a row and is still being tried.
alert-stuck = ⚠️ <code>{ $path }</code> was killed and does not end; restart the service when it suits.

## /stats

stats-sound = { $quality ->
        [good] 🔊 The sound is fine.
        [fair] 🔉 There were small gaps in the sound.
        [poor] 🔈 There were many gaps in the sound: the network or this machine cannot keep up.
       *[none] 🔇 Not in the voice chat at this moment.
    }
stats-stranger = 📊 I show here how the music of a group is doing. Send <code>/stats</code> in a group where I play.
stats-elsewhere = 🔧 The whole picture is for operators' eyes: send me <code>/stats</code> in private.
stats-forbidden = 🔒 Only operators may look at this.
stats-head = 📊 <b>ArmedMusic { $version }</b> · up for { $uptime }
stats-chats = 🎧 { $playing } playing, { $paused } paused, { $chats ->
        [one] 1 chat
       *[other] { $chats } chats
    } in all
stats-sessions = 🔑 { $ready } of { $sessions } sessions signed in
stats-process = 💾 { $memory } MiB · ♻️ { $restarts ->
        [one] 1 restart
       *[other] { $restarts } restarts
    }
stats-engine = ⏱ { $clocks ->
        [one] 1 audio clock
       *[other] { $clocks } audio clocks
    }, never later than { $late } ms
stats-cache = 🗄 Cache: { $entries ->
        [one] { $entries } track
       *[other] { $entries } tracks
    }, { $mib } of { $mib_max } MiB · hits { $hits }, misses { $misses }, given up { $given_up }, damaged { $damaged }
stats-store = 💾 Store: { $engine }, { $commits } commits in { $p50 }/{ $p99 } ms, { $failed } failed, { $outbox } wait for MongoDB, { $mib } MiB, { $quarantined } put aside
stats-store-unwell = ⚠️ { $why }
stats-well = ✅ Everybody is well.
stats-unwell = ⚠️ <b>Not well: { $actors }</b>
stats-services = 🌐 <b>Services</b>: answers, usual times, wins
stats-service = <code>{ $name }</code> { $share } % · { $p50 }/{ $p95 } ms · 🏆 { $wins }
stats-tree =
    🌳 <b>Everybody</b>: life/restarts, ✉ waiting/most
    🔊 frames sent + silent − missing
stats-line = { $dropped } dropped, round trip { $round_trip } ms, heard { $silent } ms ago
stats-reception = lost on the way { $lost } % ({ $lately } % lately), jitter { $jitter } ms
stats-error = { $ago } ago: { $error }
stats-retry = again in { $wait }
stats-page = Page { $page } of { $pages }
stats-ready = ready
stats-waiting = waits
stats-starting = starting
stats-draining = draining
stats-degraded = degraded
stats-backoff = failed
stats-parked = parked
stats-ended = ended
