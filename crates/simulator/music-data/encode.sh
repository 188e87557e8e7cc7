#!/bin/sh
# Makes the files beside this script from the synthesis in src/music/synthesis.rs. Run it after changing that; it needs
# ffmpeg with libmp3lame and libopus. No file of it holds anything but our own computed music.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wav=$(mktemp -d)
trap 'rm -rf "$wav"' EXIT
root="$here/../../.."
cargo build --quiet --manifest-path "$root/Cargo.toml" --workspace --example render-music
"${CARGO_TARGET_DIR:-$root/target}/debug/examples/render-music" "$wav"

encode() { # title, extension, codec options
    name=$(echo "$1" | tr '[:upper:]' '[:lower:]')
    out="$here/$name.$2"
    title=$1
    shift 2
    ffmpeg -nostdin -v error -y -i "$wav/$name.wav" -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" \
        -metadata title="$title" -metadata artist="Armed Ensemble" -metadata album="Box Music" "$out"
}

encode Harbour mp3 -c:a libmp3lame -b:a 128k
encode Lantern m4a -c:a aac -b:a 128k -movflags +faststart
encode Meridian flac -c:a flac -compression_level 12
encode Northbound opus -c:a libopus -b:a 128k -frame_duration 20
encode Orchard webm -c:a libopus -b:a 128k -frame_duration 20
ls -l "$here"
