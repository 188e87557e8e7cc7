//! The media server as a process of its own, for benchmarks and foreign clients.
//!
//! `sfu [lite|full|controlling] [gcm|any|cm] QUIET_MS [RECORD_DIR] [sctp] [broken]` reads one JSON object per line and answers each with
//! one line: `{"join": {"room": 1, "user": 2, "payload": "…"}}` with the answer to hand to the client,
//! `{"stats": 1}` with the counters of a room, `{"fault": "silent"|"heard"|"close"|"change"}` with `{}`.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::sfu::{IceMode, JoinPayload, PeerStats, Sfu, SfuSettings, SrtpPolicy};

fn main() -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let sfu = Sfu::start(settings(std::env::args().skip(1)))?;
    let mut out = io::stdout();
    writeln!(out, "{}", json!({"address": sfu.address().to_string()}))?;
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(command) => run(&sfu, &command),
            Err(error) => json!({"error": error.to_string()}),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn settings(mut args: impl Iterator<Item = String>) -> SfuSettings {
    let mut settings = SfuSettings::loopback();
    settings.ice = match args.next().as_deref() {
        Some("full") => IceMode::Full,
        Some("controlling") => IceMode::FullControlling,
        _ => IceMode::Lite,
    };
    settings.srtp = match args.next().as_deref() {
        Some("any") => SrtpPolicy::Any,
        Some("cm") => SrtpPolicy::CmOnly,
        _ => SrtpPolicy::GcmOnly,
    };
    settings.quiet = Duration::from_millis(args.next().and_then(|ms| ms.parse().ok()).unwrap_or(0));
    settings.record = args.next().filter(|directory| !directory.is_empty()).map(Into::into);
    for switch in args {
        settings.require_sctp |= switch == "sctp";
        settings.broken_rtcp |= switch == "broken";
    }
    settings
}

fn run(sfu: &Sfu, command: &Value) -> Value {
    if let Some(join) = command.get("join") {
        let number = |key: &str| join.get(key).and_then(Value::as_i64).unwrap_or(0);
        let payload = join.get("payload").and_then(Value::as_str).unwrap_or_default();
        return match JoinPayload::parse(payload) {
            Ok(payload) => sfu.join(number("room"), number("user"), &payload).1,
            Err(bad) => json!({"error": format!("{bad:?}")}),
        };
    }
    if let Some(room) = command.get("stats").and_then(Value::as_i64) {
        return sfu.stats(room).iter().map(stats).collect();
    }
    match command.get("fault").and_then(Value::as_str) {
        Some("silent") => sfu.set_silent(true),
        Some("heard") => sfu.set_silent(false),
        Some("close") => sfu.close_all(),
        Some("change") => sfu.change(),
        _ => return json!({"error": "unknown command"}),
    }
    json!({})
}

fn stats(peer: &PeerStats) -> Value {
    let sources: Vec<Value> = peer
        .sources
        .iter()
        .map(|source| {
            let reasons: Vec<Value> =
                source.reasons.iter().map(|(reason, n)| json!([format!("{reason:?}"), n])).collect();
            json!({
                "ssrc": source.ssrc, "packets": source.packets, "bytes": source.bytes, "lost": source.lost,
                "duration_s": source.duration.as_secs_f64(), "spacing": format!("{:?}", source.spacing),
                "reasons": reasons,
            })
        })
        .collect();
    json!({
        "user": peer.user, "is_connected": peer.is_connected, "is_sctp_up": peer.is_sctp_up,
        "connected_after_s": peer.connected_after.map(|after| after.as_secs_f64()), "srtp": peer.srtp,
        "forwarded": peer.forwarded, "rtcp": peer.rtcp, "stun_refused": peer.stun_refused, "sources": sources,
    })
}
