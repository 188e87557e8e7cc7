use std::collections::HashMap;

use super::*;

fn mistakes(text: &str) -> Vec<(String, String)> {
    Config::parse(text)
        .unwrap_err()
        .0
        .into_iter()
        .map(|mistake| (mistake.key, mistake.fix))
        .collect()
}

#[test]
fn the_documented_defaults_are_good_settings() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.audio.bitrate_bps, 128_000);
    assert_eq!(config.chat.duration_max, Some(Duration::from_secs(300 * 60)));
    assert_eq!(config.audio.ffmpeg, Ffmpeg::Auto);
    assert_eq!(config.sources.music_dir, None);
}

#[test]
fn an_operators_value_wins_and_the_rest_stays() {
    let config = Config::parse("[chat]\ncontrols = \"everyone\"\nduration_max_min = 0\n").unwrap();
    assert_eq!(config.chat.controls, Controls::Everyone);
    assert_eq!(config.chat.duration_max, None);
    assert_eq!(config.chat.queue_max, 50);
}

#[test]
fn every_mistake_names_its_key_and_its_fix() {
    let rows = [
        ("[chat]\nqueue_maxx = 3", "chat.queue_maxx", "did you mean \"queue_max\""),
        ("[chta]\nqueue_max = 3", "chta", "did you mean \"chat\""),
        (
            "[chat]\nqueue_max = \"3\"",
            "chat.queue_max",
            "must be a whole number, but is text in quotes",
        ),
        ("[chat]\nqueue_max = 0", "chat.queue_max", "must be from 1 to 10000, but is 0"),
        ("[chat]\nqueue_max = -1", "chat.queue_max", "must be from 1 to 10000, but is -1"),
        ("[chat]\ncontrols = \"all\"", "chat.controls", "must be one of \"admins\", \"everyone\""),
        ("chat = 3", "chat", "must be a section"),
        ("language = \"de\"", "language", "must be one of \"auto\", \"en\", \"ru\""),
        ("[telegram]\ndatacenters = [\"2:1.2.3.4\"]", "telegram.datacenters", "is not like"),
        ("[telegram]\ndatacenters = [3]", "telegram.datacenters", "list of texts"),
        ("[sources]\nmusic_dir = \"/no/such/folder\"", "sources.music_dir", "is not a folder"),
        (
            "[extractors]\norder = [\"napster\"]",
            "extractors.order",
            "there is no \"napster\"; known are",
        ),
        (
            "[storage]\nengine = \"redis\"",
            "storage.engine",
            "must be one of \"embedded\", \"mongodb\"",
        ),
        ("[call]\nresume_at_once = 0", "call.resume_at_once", "must be from 1"),
        ("[storage]\ndatabase = \"a b\"", "storage.database", "letters, digits"),
        ("[storage]\ntimeout_ms = 5", "storage.timeout_ms", "must be from 100"),
        ("[extractors]\norder = [\"piped\", \"piped\"]", "extractors.order", "is named twice"),
        ("[extractors.piped]\nurl = \"x\"", "extractors.piped.url", "did you mean \"urls\"?"),
        ("[extractors.radio]\nurls = \"x\"", "extractors.radio.urls", "must be a list in brackets"),
        ("[extractors.ytdlp]\nprogram = \"\"", "extractors.ytdlp.program", "must not be empty"),
        (
            "[extractors.ytdlp]\ncookies = \"/no/such/cookies\"",
            "extractors.ytdlp.cookies",
            "cannot be read",
        ),
        (
            "[extractors.ytdlp]\nmemory_max_mib = 1",
            "extractors.ytdlp.memory_max_mib",
            "must be from 64 to 65536, but is 1",
        ),
        ("[cache]\nsize_mib = -1", "cache.size_mib", "must be from 0 to 16777216, but is -1"),
        ("[cache]\nentry_max_mib = 0", "cache.entry_max_mib", "must be from 1 to 1048576"),
        ("[cache]\nsize_mb = 1", "cache.size_mb", "did you mean \"size_mib\""),
        ("[state]\ndirectory = \" \"", "state.directory", "must not be empty"),
        ("[chat\n", "the file", "is not TOML"),
    ];
    for (text, key, fix) in rows {
        let found = mistakes(text);
        assert!(found.iter().any(|(k, f)| k == key && f.contains(fix)), "{text:?} gave {found:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = mistakes("[chat]\nqueue_max = 0\nlinger_s = -5\n[audio]\ncomplexity = 11\n");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_missing_file_that_was_named_is_a_mistake() {
    let error = Config::load(Some(Path::new("/no/such/file.toml"))).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/file.toml: cannot be read"), "{error}");
}

fn identity(pairs: &[(&str, &str)]) -> Result<Identity, Mistakes> {
    let table: HashMap<String, String> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Environment(&|name| table.get(name).cloned()).identity()
}

fn good() -> Vec<(&'static str, &'static str)> {
    let session: &'static str = Box::leak("A".repeat(352).into_boxed_str());
    vec![
        ("API_ID", "12345"),
        ("API_HASH", "0123456789abcdef0123456789abcdef"),
        ("BOT_TOKEN", "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("STRING_SESSION", session),
    ]
}

#[test]
fn an_empty_environment_lists_everything_that_is_missing() {
    let error = identity(&[]).unwrap_err();
    let keys: Vec<&str> = error.0.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["API_ID", "API_HASH", "BOT_TOKEN", "STRING_SESSION"]);
}

#[test]
fn placeholders_are_refused_and_never_repeated() {
    for (key, value) in [
        ("API_ID", "your id"),
        ("API_HASH", "secret-hash"),
        ("BOT_TOKEN", "<token>"),
        ("BOT_TOKEN", "123456:short"),
        ("STRING_SESSION", "paste it here"),
        ("STRING_SESSION2", "half a string"),
        ("OWNER_ID", "nobody"),
        ("LOGGER_ID", "98765"),
    ] {
        let mut pairs: Vec<_> = good().into_iter().filter(|(k, _)| *k != key).collect();
        pairs.push((key, value));
        let error = identity(&pairs).unwrap_err();
        assert_eq!(error.0.len(), 1, "{key}: {error}");
        assert_eq!(error.0[0].key, key);
        assert!(!error.to_string().contains(value), "{error}");
    }
}

#[test]
fn an_identity_is_read_and_its_secrets_stay_out_of_debug_output() {
    let mut pairs = good();
    pairs.extend([("OWNER_ID", "77"), ("LOGGER_ID", "-100123")]);
    let identity = identity(&pairs).unwrap();
    assert_eq!(
        (identity.api_id, identity.owner, identity.logger),
        (12_345, Some(77), Some(-100_123))
    );
    let shown = format!("{identity:?}");
    assert!(!shown.contains("AAAA") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn the_key_of_the_sign_ins_comes_from_the_environment_or_a_credential() {
    let with = |pairs: &[(&str, &str)]| {
        let mut all: Vec<(&str, &str)> = good();
        all.extend(pairs);
        identity(&all)
    };
    assert!(with(&[]).unwrap().vault.is_none());
    let long = "0123456789abcdef0123456789abcdef";
    assert!(with(&[("STATE_KEY", long)]).unwrap().vault.is_some());
    let mistakes = with(&[("STATE_KEY", "hunter2")]).unwrap_err().to_string();
    assert!(mistakes.contains("STATE_KEY") && mistakes.contains("openssl rand"), "{mistakes}");
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    assert!(with(&[("CREDENTIALS_DIRECTORY", &place)]).unwrap().vault.is_none());
    std::fs::write(folder.path().join("state_key"), format!("{long}\n")).unwrap();
    assert!(with(&[("CREDENTIALS_DIRECTORY", &place)]).unwrap().vault.is_some());
}

#[test]
fn a_key_or_credential_that_is_no_text_is_a_mistake_and_not_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let with = |pair: (&'static str, &str)| {
        let pairs: Vec<(&str, &str)> = good().into_iter().chain([pair]).collect();
        identity(&pairs)
    };
    std::fs::write(folder.path().join("state_key"), [0xff; 32]).unwrap();
    let mistakes = with(("CREDENTIALS_DIRECTORY", &place)).unwrap_err().to_string();
    assert!(mistakes.contains("STATE_KEY: the credential state_key is not text"), "{mistakes}");
    std::fs::remove_file(folder.path().join("state_key")).unwrap();
    std::fs::create_dir(folder.path().join("state_key")).unwrap();
    let mistakes = with(("CREDENTIALS_DIRECTORY", &place)).unwrap_err().to_string();
    assert!(mistakes.contains("cannot be read"), "{mistakes}");
    let broken = char::REPLACEMENT_CHARACTER.to_string().repeat(40);
    for name in ["STATE_KEY", "MONGODB_URI", "OWNER_ID", "STRING_SESSION3"] {
        let mistakes = with((name, &broken)).unwrap_err();
        assert_eq!(mistakes.0.len(), 1, "{mistakes}");
        assert_eq!(mistakes.0[0].key, name);
        assert!(mistakes.0[0].fix.contains("UTF-8"), "{mistakes}");
    }
    assert!(with(("CACHE_DIRECTORY", &broken)).unwrap().cache_directory.is_none());
}

#[test]
fn what_stands_in_place_of_a_choice_is_not_repeated() {
    let mistakes = mistakes("storage.engine = \"mongodb://dj:hunter2@host/\"");
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].1.contains("must be one of") && !mistakes[0].1.contains("hunter2"));
}

#[test]
fn every_service_that_can_be_asked_is_asked_unless_the_operator_says_otherwise() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.extractors.order, NAMES);
    assert!(config.extractors.gateway.is_none(), "nobody described one");
    let config = Config::parse("extractors.order = [\"radio\", \"archive\"]").unwrap();
    assert_eq!(config.extractors.order, ["radio", "archive"]);
}

#[test]
fn tracks_of_every_service_can_be_read_back_from_disk() {
    for name in super::extractors::NAMES {
        let name = if name == "ytdlp" { "yt-dlp" } else { name };
        assert!(domain::track::SOURCES.contains(&name), "{name} is not in domain::track::SOURCES");
    }
}

#[test]
fn keys_of_services_are_read_and_stay_out_of_debug_output() {
    let mut pairs = good();
    pairs.extend([("JAMENDO_CLIENT_ID", "canary-one"), ("SPOTIFY_CLIENT_ID", "half of two")]);
    let keys = identity(&pairs).unwrap().keys;
    assert!(keys.jamendo.is_some() && keys.cobalt.is_none());
    assert!(keys.spotify.is_none(), "its secret is missing");
    assert!(!format!("{keys:?}").contains("canary"), "{keys:?}");
}

#[test]
fn an_address_of_mongodb_is_looked_at_before_any_network_and_never_repeated() {
    let state = Path::new("state");
    let storage = Config::parse("").unwrap().storage;
    let settings = storage.settings(state, None).unwrap();
    assert!(settings.mongo.is_none() && settings.directory.is_some());
    let good = Some("mongodb+srv://dj:p%40ss@cluster0.example.mongodb.net/");
    assert!(storage.settings(state, good).unwrap().mongo.is_some());
    for wrong in ["dj:hunter2@host", "http://dj:hunter2@host/", "mongodb://dj:hunt/er2@host/"] {
        let mistakes = storage.settings(state, Some(wrong)).unwrap_err();
        let text = mistakes.to_string();
        assert!(text.starts_with("MONGODB_URI: must look like mongodb://"), "{text}");
        assert!(!text.contains("hunt"), "{text}");
    }
}

#[test]
fn mongodb_alone_needs_an_address_and_takes_no_directory() {
    let storage = Config::parse("[storage]\nengine = \"mongodb\"").unwrap().storage;
    let state = Path::new("state");
    let mistakes = storage.settings(state, None).unwrap_err();
    assert_eq!(mistakes.0[0].key, "MONGODB_URI");
    let settings = storage.settings(state, Some("mongodb://host/")).unwrap();
    assert!(settings.directory.is_none() && settings.mongo.is_some());
}
