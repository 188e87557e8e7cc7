//! The data channel `data`: Colibri messages as JSON text, as Jitsi Videobridge speaks them.

use serde_json::{Value, json};

/// What the server says when the channel opens; one of the messages is of a class that no client knows.
pub(crate) fn greeting() -> Vec<String> {
    vec![
        json!({"colibriClass": "DebugMessage", "message": "welcome"}).to_string(),
        json!({"colibriClass": "WeatherReportEvent", "sky": ["clear"], "degrees": 21.5})
            .to_string(),
    ]
}

/// The answer to a client's message; `None` when it calls for none.
pub(crate) fn answer(text: &[u8]) -> Option<String> {
    // ntgcalls ends its text with a zero byte.
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let message: Value = serde_json::from_slice(text).ok()?;
    if message.get("colibriClass")?.as_str()? != "ReceiverVideoConstraints" {
        return None;
    }
    Some(
        json!({"colibriClass": "SenderVideoConstraints", "videoConstraints": {"idealHeight": 0}})
            .to_string(),
    )
}
