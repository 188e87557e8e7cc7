//! What a client sends as `params` of phone.joinGroupCall.

use serde_json::Value;

/// The join payload, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinPayload {
    pub ufrag: String,
    pub pwd: String,
    /// Upper-case hexadecimal with colons, of sha-256.
    pub fingerprint: String,
    /// The client declared `active`: it will be the DTLS client.
    pub is_active: bool,
    /// As on the wire; the signed number of the JSON is the same 32 bits.
    pub ssrc: u32,
    /// Video sources, as (semantics, sources).
    pub groups: Vec<(String, Vec<i32>)>,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPayload {
    /// Not a JSON object, or a required key is missing or ill-typed: DATA_JSON_INVALID.
    Json,
    /// `ssrc` is missing or zero: GROUPCALL_SSRC_DUPLICATE_MUCH, as Telegram answers.
    Ssrc,
}

impl JoinPayload {
    /// Reads the JSON a client sent.
    ///
    /// # Errors
    /// See [`BadPayload`]. Unknown keys are allowed; `ssrc-groups` is optional; `ssrc` must fit a signed 32-bit
    /// integer.
    pub fn parse(json: &str) -> Result<JoinPayload, BadPayload> {
        let value: Value = serde_json::from_str(json).map_err(|_| BadPayload::Json)?;
        let object = value.as_object().ok_or(BadPayload::Json)?;
        let text = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .ok_or(BadPayload::Json)
        };
        let first = object
            .get("fingerprints")
            .and_then(Value::as_array)
            .and_then(|list| list.first())
            .ok_or(BadPayload::Json)?;
        let ufrag = text(object.get("ufrag"))?;
        let pwd = text(object.get("pwd"))?;
        let fingerprint = text(first.get("fingerprint"))?;
        if text(first.get("hash"))? != "sha-256" || fingerprint.split(':').count() != 32 {
            return Err(BadPayload::Json);
        }
        let is_active = match text(first.get("setup"))?.as_str() {
            "active" => true,
            "passive" | "actpass" => false,
            _ => return Err(BadPayload::Json),
        };
        let ssrc = match object.get("ssrc") {
            None | Some(Value::Null) => return Err(BadPayload::Ssrc),
            Some(value) => int32(value).ok_or(BadPayload::Json)?,
        };
        if ssrc == 0 {
            return Err(BadPayload::Ssrc);
        }
        let groups = match object.get("ssrc-groups") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => groups(value).ok_or(BadPayload::Json)?,
        };
        Ok(JoinPayload { ufrag, pwd, fingerprint, is_active, ssrc: ssrc as u32, groups })
    }

    /// Every video source named, in order and once.
    pub fn video_ssrcs(&self) -> Vec<u32> {
        let mut all: Vec<u32> = Vec::new();
        for source in self.groups.iter().flat_map(|(_, sources)| sources) {
            if !all.contains(&(*source as u32)) {
                all.push(*source as u32);
            }
        }
        all
    }
}

fn int32(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok()
}

fn groups(value: &Value) -> Option<Vec<(String, Vec<i32>)>> {
    value
        .as_array()?
        .iter()
        .map(|group| {
            let semantics = group.get("semantics")?.as_str()?.to_owned();
            let sources = group
                .get("sources")?
                .as_array()?
                .iter()
                .map(int32)
                .collect::<Option<Vec<i32>>>()?;
            Some((semantics, sources))
        })
        .collect()
}
