//! The key of SoundCloud's own web page, found in its scripts.

use domain::Fault;
use url::Url;

use crate::api::credential::Held;
use crate::api::{Instance, Question};
use crate::secret::Secret;

/// How many scripts are read at most; the page has fewer than ten.
const SCRIPTS_MAX: usize = 12;

/// How many letters and digits it has.
const LENGTH: usize = 32;

/// The last script has it, as long as anybody remembers; the others are read for the day on which it has not.
pub(super) async fn scraped(site: &Instance) -> Result<Held, Fault> {
    let page = site.reply(site.at(&[])).await?;
    if !page.status().is_success() {
        return Err(page.fault());
    }
    let text = page.text();
    let scripts: Vec<Url> = scripts(&text).filter_map(|link| site.join(link)).collect();
    for script in scripts.into_iter().rev().take(SCRIPTS_MAX) {
        let reply = site.reply(Question::new(script)).await?;
        if let Some(id) = client_id(&reply.text()) {
            return Ok(Held::for_good(Secret::new(id)));
        }
    }
    Err(site.strange("a client id in its scripts"))
}

fn scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|tag| {
        let tag = tag.split('>').next()?;
        let link = tag.split("src=\"").nth(1)?.split('"').next()?;
        link.ends_with(".js").then_some(link)
    })
}

/// `client_id:"…"` or `"client_id=…"` or `client_id="…"`.
fn client_id(script: &str) -> Option<&str> {
    script.split("client_id").skip(1).find_map(|rest| {
        let rest = rest.trim_start_matches(['"', ':', '=', ' ', '\'']);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        (end == LENGTH).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_every_way_it_is_written() {
        let id = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6";
        for script in [
            format!("x={{client_id:\"{id}\",env:\"production\"}}"),
            format!("\"client_id={id}&x\""),
            format!("t.client_id = \"{id}\";"),
            format!("client_id:e.client_id,y:client_id=\"{id}\""),
        ] {
            assert_eq!(client_id(&script), Some(id), "{script}");
        }
        assert_eq!(client_id("client_id:\"short\""), None);
        assert_eq!(client_id(&format!("client_id:\"{id}7\"")), None);
    }

    #[test]
    fn scripts_are_found_in_a_page() {
        let page = r#"<script>var a</script><script crossorigin src="https://a.test/0-x.js"></script>
            <link href="b.js"><script src="/49-y.js" async></script><script src="z.json"></script>"#;
        assert_eq!(scripts(page).collect::<Vec<_>>(), ["https://a.test/0-x.js", "/49-y.js"]);
    }
}
