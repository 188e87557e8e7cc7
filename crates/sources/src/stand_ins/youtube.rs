use serde_json::json;

use super::{Scene, StandIn, boxed};
use crate::catalogues::youtube::{Settings, YouTube};
use crate::server::{Request, Step, answer as reply, json};

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| boxed(YouTube::new(&Settings { base: base.to_owned() }, api)),
    answer,
    own: &[],
    spared: &[],
    words: "",
    key: "dQw4w9WgXcQ",
    list: "",
    live: "",
};

fn answer(_: &Scene, request: &Request) -> Vec<Step> {
    let link = request.query("url");
    if request.place() == "/oembed"
        && link.as_deref() == Some("https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    {
        return json(&json!({"title": "Never Gonna Give You Up", "author_name": "Rick Astley",
            "author_url": "https://www.youtube.com/@RickAstley", "type": "video", "version": "1.0"}));
    }
    reply("400 Bad Request", &[], b"Bad Request")
}
