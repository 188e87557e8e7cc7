//! The outside services in the box, as the bot's settings name them: addresses, hosts that may be asked, an order.

use std::fmt::Write as _;

use simulator::services::{Service, Shape};

/// The services in the order of asking.
pub fn settings(services: &[Service]) -> String {
    let order: Vec<String> =
        services.iter().map(|service| format!("{:?}", service.shape().name())).collect();
    let mut out = format!("extractors.order = [{}]\n", order.join(", "));
    for service in services {
        let (name, here) = (service.shape().name(), format!("http://{}", service.host()));
        let line = match service.shape() {
            Shape::Gateway => gateway(&here),
            Shape::Audius => format!("extractors.{name}.urls = [\"{here}/v1\"]"),
            Shape::Jamendo => format!("extractors.{name}.urls = [\"{here}/v3.0\"]"),
            _ => format!("extractors.{name}.urls = [\"{here}\"]"),
        };
        writeln!(out, "{line}").expect("a string takes everything");
    }
    out
}

fn gateway(here: &str) -> String {
    format!(
        "extractors.gateway.open_url = \"{here}/open?id={{key}}\"\n\
         extractors.gateway.open_title = \"/title\"\n\
         extractors.gateway.search_url = \"{here}/search?q={{query}}\"\n\
         extractors.gateway.search_items = \"/hits\"\n\
         extractors.gateway.search_artist = \"/artist\"\n\
         extractors.gateway.search_duration = \"/seconds\"\n\
         extractors.gateway.youtube = true"
    )
}

/// Hosts that may be asked although they are private.
pub fn hosts(services: &[Service]) -> Vec<String> {
    services.iter().map(Service::host).collect()
}

/// The keys without which some are not asked.
pub fn environment() -> Vec<(&'static str, String)> {
    let key = |name| (name, "0123456789abcdef0123456789abcdef".to_owned());
    vec![key("JAMENDO_CLIENT_ID"), key("SOUNDCLOUD_CLIENT_ID")]
}
