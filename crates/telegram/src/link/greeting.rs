//! The first words on every connection: which layer we speak, what we are, and where the data centres are.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use grammers_client::tl::{self, Deserializable as _, Serializable as _};

use crate::session::{Memory, is_somewhere};
use crate::settings::Settings;

/// `invokeWithLayer(initConnection(help.getConfig))`, which every connection has to begin with
/// (core.telegram.org/api/invoking).
pub(super) fn words(settings: &Settings) -> Vec<u8> {
    tl::functions::InvokeWithLayer {
        layer: tl::LAYER,
        query: tl::functions::InitConnection {
            api_id: settings.api_id,
            device_model: settings.device.clone(),
            system_version: std::env::consts::OS.to_owned(),
            app_version: settings.version.clone(),
            system_lang_code: "en".to_owned(),
            lang_pack: String::new(),
            lang_code: "en".to_owned(),
            proxy: None,
            params: None,
            query: tl::functions::help::GetConfig {},
        },
    }
    .to_bytes()
}

/// Takes the time and the addresses out of the answer. One that cannot be read is no reason to be disconnected: the addresses that
/// are known stay.
pub(super) fn learn(memory: &Memory, answer: &[u8]) {
    let config = match tl::enums::Config::from_bytes(answer) {
        Ok(tl::enums::Config::Config(config)) => config,
        Err(error) => {
            tracing::warn!(%error, "telegram's configuration is unreadable, known addresses stay");
            return;
        }
    };
    memory.told_time(config.date);
    let mut state = memory.lock();
    for ((id, _), address) in addresses(&config.dc_options) {
        state.relocate(id, address);
    }
}

/// Where each data centre serves ordinary connections: one address for each kind of network, the permanent one if the
/// list has one (core.telegram.org/constructor/dcOption).
fn addresses(options: &[tl::enums::DcOption]) -> HashMap<(i32, bool), SocketAddr> {
    let mut found: HashMap<(i32, bool), (SocketAddr, bool)> = HashMap::new();
    for tl::enums::DcOption::Option(option) in options {
        // for files alone, for other transports, or of somebody who only keeps copies
        if option.media_only || option.tcpo_only || option.cdn || option.secret.is_some() {
            continue;
        }
        let ip = option.ip_address.parse::<IpAddr>();
        let address = ip.ok().zip(u16::try_from(option.port).ok()).map(SocketAddr::from);
        let Some(address) = address.filter(is_somewhere) else {
            tracing::warn!(dc = option.id, "telegram lists an unusable address, ignored");
            continue;
        };
        let is_permanent = option.r#static;
        let place = found.entry((option.id, address.is_ipv6())).or_insert((address, is_permanent));
        if is_permanent && !place.1 {
            *place = (address, true);
        }
    }
    found.into_iter().map(|(key, (address, _))| (key, address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(id: i32, ip_address: &str, port: i32) -> tl::types::DcOption {
        tl::types::DcOption {
            ipv6: ip_address.contains(':'),
            media_only: false,
            tcpo_only: false,
            cdn: false,
            r#static: false,
            this_port_only: false,
            id,
            ip_address: ip_address.to_owned(),
            port,
            secret: None,
        }
    }

    fn chosen(options: &[tl::types::DcOption]) -> Vec<((i32, bool), String)> {
        let options: Vec<_> = options.iter().cloned().map(tl::enums::DcOption::from).collect();
        let chosen = addresses(&options).into_iter();
        let mut chosen: Vec<_> = chosen.map(|(key, address)| (key, address.to_string())).collect();
        chosen.sort();
        chosen
    }

    #[test]
    fn an_address_for_something_else_is_never_chosen() {
        let other = |change: fn(&mut tl::types::DcOption)| {
            let mut option = tl::types::DcOption { r#static: true, ..option(4, "10.0.0.9", 443) };
            change(&mut option);
            option
        };
        let others = [
            other(|option| option.media_only = true),
            other(|option| option.tcpo_only = true),
            other(|option| option.cdn = true),
            other(|option| option.secret = Some(vec![1; 16])),
            other(|option| option.port = 0),
            other(|option| option.port = 70_000),
            other(|option| option.ip_address = "0.0.0.0".to_owned()),
            other(|option| option.ip_address = "pluto.web.telegram.org".to_owned()),
        ];
        assert_eq!(chosen(&others), []);
        let ordinary = [option(4, "10.0.0.4", 443), option(4, "2001:db8::4", 443)];
        let expected =
            [((4, false), "10.0.0.4:443".to_owned()), ((4, true), "[2001:db8::4]:443".to_owned())];
        assert_eq!(chosen(&[&others[..], &ordinary[..]].concat()), expected);
        assert_eq!(chosen(&[&ordinary[..], &others[..]].concat()), expected);
    }

    #[test]
    fn the_permanent_address_comes_before_others_and_the_first_before_the_next() {
        let permanent = tl::types::DcOption { r#static: true, ..option(2, "10.0.0.2", 443) };
        let (one, two) = (option(2, "10.0.0.1", 443), option(2, "10.0.0.3", 443));
        let first = |options: &[tl::types::DcOption]| chosen(options)[0].1.clone();
        assert_eq!(first(&[one.clone(), permanent.clone(), two.clone()]), "10.0.0.2:443");
        assert_eq!(first(&[permanent, one.clone()]), "10.0.0.2:443");
        assert_eq!(first(&[one, two]), "10.0.0.1:443");
    }
}
