//! The first words on every connection: which layer we speak, what we are, and where the data centres are.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use grammers_client::session::Session as _;
use grammers_client::session::types::DcOption;
use grammers_client::tl::{self, Deserializable as _, Serializable as _};

use crate::session::Memory;
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
pub(super) async fn learn(memory: &Memory, answer: &[u8]) {
    let config = match tl::enums::Config::from_bytes(answer) {
        Ok(tl::enums::Config::Config(config)) => config,
        Err(error) => {
            tracing::warn!(%error, "telegram's configuration is unreadable, known addresses stay");
            return;
        }
    };
    memory.told_time(config.date);
    for tl::enums::DcOption::Option(option) in config.dc_options {
        if option.media_only || option.tcpo_only || !option.r#static {
            continue;
        }
        let (Ok(address), Ok(port)) = (option.ip_address.parse(), u16::try_from(option.port))
        else {
            tracing::warn!(dc = option.id, "telegram lists an unusable address, ignored");
            continue;
        };
        place(memory, option.id, address, port).await;
    }
}

async fn place(memory: &Memory, id: i32, address: IpAddr, port: u16) {
    let known: Result<_, Infallible> = memory.dc_option(id);
    let Ok(known) = known;
    let mut option = known.unwrap_or_else(|| DcOption {
        id,
        ipv4: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
        ipv6: SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
        auth_key: None,
    });
    match address {
        IpAddr::V4(ip) => option.ipv4 = SocketAddrV4::new(ip, port),
        IpAddr::V6(ip) => option.ipv6 = SocketAddrV6::new(ip, port, 0, 0),
    }
    let Ok(()) = memory.set_dc_option(&option).await;
}
