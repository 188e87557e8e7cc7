//! The outside services, built from their settings: the one place where their concrete types are named.

use std::sync::Arc;
use std::time::Duration;

use domain::Fault;
use sources::api::Api;
use sources::catalogues::{apple, deezer, spotify, youtube};
use sources::http::Http;
use sources::service::Service;
use sources::services::{
    archive, audius, cobalt, gateway, invidious, jamendo, jiosaavn, piped, radio, soundcloud, ytdlp,
};

use crate::config::{Extractors, Gateway, Keys, Mistakes, Program};

/// By which name this bot is known where a name is asked for.
const APP_NAME: &str = "ArmedMusic";

type Built = Result<Option<Arc<dyn Service>>, Fault>;

/// The services in the order of asking, each with its instances.
pub(super) fn build(
    settings: &Extractors,
    keys: &Keys,
    http: &Http,
    api: &Api,
    answer_max: Duration,
) -> Result<Vec<Vec<Arc<dyn Service>>>, Mistakes> {
    let mut services = Vec::new();
    for name in &settings.order {
        let urls = settings.urls.get(name).map_or(&[][..], Vec::as_slice);
        let mut instances: Vec<Arc<dyn Service>> = Vec::new();
        let built = match *name {
            "ytdlp" => vec![ytdlp(settings, keys, http, answer_max)],
            "gateway" => vec![gateway(settings.gateway.as_ref(), keys, api)],
            name => urls.iter().map(|url| instance(name, url, settings, keys, api)).collect(),
        };
        for built in built {
            let key = match *name {
                "ytdlp" => "program",
                "gateway" => "open_url",
                _ => "urls",
            };
            let key = format!("extractors.{name}.{key}");
            instances.extend(built.map_err(|fault| Mistakes::one(key, fault.detail))?);
        }
        if !instances.is_empty() {
            services.push(instances);
        }
    }
    Ok(services)
}

/// One instance, or none when the key is missing that it needs.
fn instance(name: &str, url: &str, settings: &Extractors, keys: &Keys, api: &Api) -> Built {
    let base = url.to_owned();
    let service: Arc<dyn Service> = match name {
        "invidious" => {
            let (region, is_proxied) =
                (settings.invidious_region.clone(), settings.is_invidious_proxied);
            let settings = invidious::Settings { base, region, is_proxied };
            Arc::new(invidious::Invidious::new(settings, api)?)
        }
        "piped" => Arc::new(piped::Piped::new(&piped::Settings { base }, api)?),
        "soundcloud" => {
            let (site, client_id) = (settings.soundcloud_site.clone(), keys.soundcloud.clone());
            let settings = soundcloud::Settings { base, site, client_id };
            Arc::new(soundcloud::SoundCloud::new(settings, api)?)
        }
        "jiosaavn" => Arc::new(jiosaavn::JioSaavn::new(&jiosaavn::Settings { base }, api)?),
        "audius" => {
            let settings = audius::Settings { base, app_name: APP_NAME.to_owned() };
            Arc::new(audius::Audius::new(settings, api)?)
        }
        "jamendo" => {
            let Some(client_id) = keys.jamendo.clone() else { return Ok(None) };
            Arc::new(jamendo::Jamendo::new(jamendo::Settings { base, client_id }, api)?)
        }
        "archive" => Arc::new(archive::Archive::new(&archive::Settings { base }, api)?),
        "cobalt" => {
            let key = keys.cobalt.clone();
            Arc::new(cobalt::Cobalt::new(cobalt::Settings { base, key }, api)?)
        }
        "radio" => {
            let country = settings.radio_country.clone();
            Arc::new(radio::Radio::new(radio::Settings { base, country }, api)?)
        }
        "spotify" => {
            let credentials = keys.spotify.clone().map(|(client_id, client_secret)| {
                spotify::Credentials { client_id, client_secret }
            });
            let (accounts, site) =
                (settings.spotify_accounts.clone(), settings.spotify_site.clone());
            let settings = spotify::Settings { base, accounts, site, credentials };
            Arc::new(spotify::Spotify::new(settings, api)?)
        }
        "apple" => {
            let country = settings.apple_country.clone();
            Arc::new(apple::Apple::new(apple::Settings { base, country }, api)?)
        }
        "deezer" => Arc::new(deezer::Deezer::new(&deezer::Settings { base }, api)?),
        "youtube" => Arc::new(youtube::YouTube::new(&youtube::Settings { base }, api)?),
        _ => return Ok(None),
    };
    Ok(Some(service))
}

/// yt-dlp where it is installed; that it is not is told by one line of the log.
fn ytdlp(settings: &Extractors, keys: &Keys, http: &Http, answer_max: Duration) -> Built {
    let program = match &settings.ytdlp.program {
        Program::Off => return Ok(None),
        Program::Auto => None,
        Program::At(path) => Some(path.clone()),
    };
    let search_path = keys.search_path.iter().flat_map(std::env::split_paths);
    // its processes do not run in our directory
    let search_path = search_path.filter(|directory| directory.is_absolute()).collect();
    let wanted = ytdlp::Settings {
        program,
        cookies: settings.ytdlp.cookies.clone(),
        answer_max,
        memory_max: settings.ytdlp.memory_max_bytes,
        ..ytdlp::Settings::standard(search_path, keys.home.clone())
    };
    let found = ytdlp::Ytdlp::find(http.clone(), wanted).map_err(|fault| Fault {
        detail: format!("{}; correct it or set \"auto\" or \"off\"", fault.detail),
        ..fault
    })?;
    Ok(found.map(|found| Arc::new(found) as Arc<dyn Service>))
}

fn gateway(settings: Option<&Gateway>, keys: &Keys, api: &Api) -> Built {
    let Some(settings) = settings.cloned() else { return Ok(None) };
    let search = settings.search_url.map(|url| gateway::Search {
        url,
        items: settings.search_items,
        key: settings.search_key,
        title: settings.search_title,
        artist: settings.search_artist,
        duration: settings.search_duration,
    });
    let open = gateway::Open {
        url: settings.open_url,
        stream: settings.open_stream,
        title: settings.open_title,
        artist: settings.open_artist,
        duration: settings.open_duration,
        lifetime: settings.open_lifetime,
    };
    let keys_are = match settings.is_youtube {
        true => gateway::Keys::YouTube,
        false => gateway::Keys::Links(settings.hosts),
    };
    let settings = gateway::Settings {
        search,
        open,
        keys: keys_are,
        secret: keys.gateway.clone(),
        secret_header: settings.secret_header,
    };
    Ok(Some(Arc::new(gateway::Gateway::new(settings, api)?)))
}
