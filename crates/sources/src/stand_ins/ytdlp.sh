#!/bin/sh
# Stands in for a Python that has yt-dlp. `-c PROGRAM SETTINGS` is the worker and speaks its lines (they are described in
# services/ytdlp/worker.py); anything else is the command. What it does is the last part of the address it is asked about;
# below `/worker/` only the worker does it.

# Answers with $info, $error and $more.
look() {
  at=${url%/*}
  at=${at%/worker}
  info='' error='' more='' code=0
  page='{"_type":"video","id":"1","title":"A song","duration":180.5,"uploader":"'$who'","webpage_url":"'$url'"'
  file=$page',"protocol":"https","format_id":"140","url":"'$at'/media?expire=4102444800"}'
  live=$page',"protocol":"m3u8_native","is_live":true,"url":"'$at'/live.m3u8"}'
  entry='{"_type":"url","ie_key":"Youtube","id":"abc","url":"https://www.youtube.com/watch?v=abc","title":"One"}'
  many='{"_type":"playlist","title":"A list","playlist_count":1,"entries":['$entry']}'
  case ${url##*/} in
    ytsearch* | list) info=$many ;;
    song | expired | page-as-media) info=$file ;;
    live) info=$live ;;
    link-inward) info=$page',"protocol":"https","url":"http://10.0.0.1/a.mp3"}' ;;
    preview) info=$page',"protocol":"http","format_id":"http_mp3_standard_preview","url":"'$at'/media"}' ;;
    null) info=null code=1 ;;
    unavailable) error='[youtube] abc: Video unavailable' ;;
    private) error="[youtube] abc: Private video. Sign in if you've been granted access to this video. $hint" ;;
    robot) error="[youtube] abc: Sign in to confirm you’re not a bot. $hint" ;;
    age) error="[youtube] abc: Sign in to confirm your age. This video may be inappropriate for some users. $hint" ;;
    geo) error='[youtube] abc: The uploader has not made this video available in your country' ;;
    geo-elsewhere) error='[vimeo] 1: This video is not available from your location due to geo restriction' ;;
    rate) error="[youtube] abc: This content isn't available, try again later. The current session has been rate-limited by YouTube for up to an hour." ;;
    status-*) error="[generic] a: Unable to download webpage: HTTP Error ${url##*-}: key=SECRET (caused by <HTTPError ${url##*-}>)" ;;
    changed) error='[youtube] abc: Unable to extract yt initial data; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q= ' ;;
    refused) error='[generic] a: Unable to download webpage: [Errno 111] Connection refused (caused by NewConnectionError(key=SECRET))' ;;
    unknown) error="[generic] a: Unable to download webpage: Failed to resolve 'nowhere.test' ([Errno -2] Name or service not known)" ;;
    late) error='[generic] a: Unable to download webpage: The read operation timed out' ;;
  esac
}
hint='Use --cookies-from-browser or --cookies for the authentication. See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ'

# The ways of failing that are a process's own.
fail() {
  case ${url##*/} in
    dies) kill -9 $$ ;;
    cut) printf '{"id":%s,"info":{"title":"A so' "$id" && exit 0 ;;
    garbage) echo '<!doctype html><title>Just a moment...</title>' ;;
    hangs) while :; do sleep 60; done ;;
    drips) while printf ' '; do sleep 1; done ;;
    endless) cat /dev/zero ;;
    *) return 1 ;;
  esac
}

traceback() {
  printf 'Traceback (most recent call last):\n  File "/app/key=SECRET", line 1, in <module>\n%s\n' "$1" >&2
  exit 1
}

command_of() {
  who=command id=0
  for url in "$@"; do :; done
  case $url in */worker/*) url=${url%/worker/*}/song ;; esac
  fail && exit 1
  [ "${url##*/}" = traceback ] && traceback "KeyError: 'formats'"
  look
  [ -z "$error" ] || { printf 'ERROR: %s\n' "$error" >&2; exit 1; }
  printf '%s\n' "$info"
  exit "$code"
}

worker() {
  who="worker $$"
  echo '{"hello":{"version":"2026.10.26","python":"3.13"}}'
  while read -r line; do
    case $line in
      *'"leave":'*'"may":false'*)
        printf '{"id":%s,"error":"PermissionError: an address refused by the guard","refused":true,"rss":1}\n' "$id"
        continue ;;
      *'"leave":'*)
        look
        printf '{"id":%s,"info":%s,"rss":1}\n' "$id" "$file"
        continue ;;
      *'"ping":'*) echo '{"pong":1}' && continue ;;
    esac
    id=${line#*\"id\":} url=${line#*\"url\":\"}
    id=${id%%[,\}]*} url=${url%%\"*}
    case ${url##*/} in
      loses) continue ;;
      sent-inward) printf '{"ask":1,"url":"http://10.0.0.1/admin?key=SECRET"}\n' && continue ;;
      traceback) printf '{"id":%s,"error":"KeyError: formats","rss":1}\n' "$id" && continue ;;
    esac
    fail && continue
    look
    [ -z "$error" ] || more=',"error":"ERROR: '$error'"'
    printf '{"id":%s,"info":%s%s,"rss":1}\n' "$id" "${info:-null}" "$more"
  done
}

case $1 in
  -c)
    case $3 in *broken*) traceback "ModuleNotFoundError: No module named 'yt_dlp'" ;; esac
    worker ;;
  *) command_of "$@" ;;
esac
