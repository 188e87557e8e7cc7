//! What must stay true of the house itself: arrows, one library for one crate, the tree in all its forms, lengths.

mod tables;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may import whom, downwards only.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "armedmusic",
        &[
            "actors",
            "domain",
            "group-call",
            "media",
            "simulator",
            "sources",
            "storage",
            "supervisor",
            "telegram",
        ],
    ),
    ("actors", &["domain", "group-call", "media", "sources", "storage", "supervisor", "telegram"]),
    ("supervisor", &[]),
    ("sources", &["domain"]),
    ("storage", &["domain"]),
    ("media", &["domain"]),
    ("group-call", &["domain"]),
    ("telegram", &["domain"]),
    ("domain", &[]),
    // the box never imports the bot
    ("simulator", &[]),
];

/// A foreign library has one owner, so that replacing it is the work of one crate. The simulator is not the bot: it
/// may use what it needs to stand opposite.
const OWNERS: &[(&str, &[&str])] = &[
    ("webrtc", &["group-call"]),
    ("rtc", &["group-call"]),
    ("ring", &["telegram"]),
    ("grammers-client", &["telegram"]),
    ("grammers-crypto", &["telegram"]),
    ("grammers-mtproto", &["telegram"]),
    ("grammers-session", &["telegram"]),
    ("reqwest", &["sources"]),
    ("lofty", &["sources"]),
    ("m3u8-rs", &["sources"]),
    ("mongodb", &["storage"]),
    ("rusqlite", &["storage"]),
    ("symphonia", &["media"]),
    ("opus", &["media"]),
    ("rubato", &["media"]),
    ("fluent-bundle", &["actors"]),
    ("ractor", &["supervisor", "actors"]),
    ("toml", &["armedmusic"]),
    ("clap", &["armedmusic"]),
    ("anyhow", &["armedmusic"]),
    ("tracing-subscriber", &["armedmusic"]),
    ("signal-hook", &["armedmusic"]),
];

/// Nothing with a clock, sockets or a runtime comes into the vocabulary.
const DOMAIN_USES: &[&str] = &["hmac", "icu_normalizer", "sha2", "thiserror", "serde", "url"];

struct Package {
    name: String,
    /// Normal dependencies, by package name.
    uses: BTreeSet<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs, it started this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies are a list");
            let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            let name = |value: &serde_json::Value| {
                value["name"].as_str().expect("names are text").to_owned()
            };
            Package { name: name(package), uses: normal.map(name).collect() }
        })
        .collect()
}

#[test]
fn arrows_point_down_and_siblings_never_meet() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let drawn: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    assert_eq!(
        ours,
        drawn.keys().copied().collect(),
        "a package without its arrows, or arrows without a package"
    );
    for package in &packages {
        let allowed: BTreeSet<&str> = drawn[package.name.as_str()].iter().copied().collect();
        let used: BTreeSet<&str> =
            package.uses.iter().map(String::as_str).filter(|name| ours.contains(name)).collect();
        assert!(
            used.is_subset(&allowed),
            "{} imports {:?}",
            package.name,
            used.difference(&allowed)
        );
    }
}

#[test]
fn a_foreign_library_has_one_owner() {
    let packages = packages();
    for (library, owners) in OWNERS {
        let users: Vec<&str> = packages
            .iter()
            .filter(|package| package.name != "simulator" && package.uses.contains(*library))
            .map(|package| package.name.as_str())
            .collect();
        assert!(
            users.iter().all(|user| owners.contains(user)),
            "{library} is used by {users:?}, but owned by {owners:?}"
        );
        assert!(!users.is_empty(), "{library} has an owner and no user");
    }
}

#[test]
fn the_vocabulary_has_no_clock_no_sockets_and_no_runtime() {
    let domain =
        packages().into_iter().find(|package| package.name == "domain").expect("there is a domain");
    let allowed: BTreeSet<String> = DOMAIN_USES.iter().map(|name| (*name).to_owned()).collect();
    assert!(domain.uses.is_subset(&allowed), "{:?}", domain.uses);
    for file in sources_under("crates/domain/src") {
        let text = std::fs::read_to_string(&file).expect("sources are readable");
        for banned in
            ["SystemTime", "Instant", "std::net", "std::fs", "std::thread", "async fn", ".await"]
        {
            assert!(!text.contains(banned), "{} in {}", banned, file.display());
        }
    }
}

#[test]
fn the_bots_own_tree_is_free_of_second_tls_stacks_and_databases() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--no-default-features",
            "-p",
            "armedmusic",
            "-e",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs, it started this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    for banned in [
        "aws-lc-rs",
        "aws-lc-sys",
        "libsql",
        "openssl",
        "openssl-sys",
        "native-tls",
        "str0m",
        "simulator",
    ] {
        let is_there = tree.lines().any(|line| line.split(' ').next() == Some(banned));
        assert!(!is_there, "{banned} came into the bot's tree");
    }
    assert!(tree.contains("rustls v"), "the one TLS stack");
}

#[test]
fn files_hold_one_idea_each() {
    let mut long = Vec::new();
    for folder in ["src", "actors/src", "crates", "tests"] {
        for file in sources_under(folder) {
            let n_lines =
                std::fs::read_to_string(&file).expect("sources are readable").lines().count();
            if n_lines > 500 {
                long.push(format!("{} lines  {}", n_lines, file.display()));
            }
        }
    }
    assert!(long.is_empty(), "over 500 lines:\n{}", long.join("\n"));
}

#[test]
fn nothing_is_called_manager_helper_or_util() {
    for folder in ["src", "actors/src", "crates", "tests"] {
        for file in sources_under(folder) {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            for banned in ["manager", "helper", "util", "common", "misc"] {
                assert!(!stem.contains(banned), "{}", file.display());
            }
            assert_ne!(
                stem,
                "mod",
                "{}: folders are children, their file lies beside them",
                file.display()
            );
        }
    }
}

#[test]
fn every_document_that_is_spoken_of_is_there() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "supervision.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "Dockerfile",
        "config/armedmusic.toml",
        "config/armedmusic.service",
        "config/env.example",
        "start.sh",
    ] {
        assert!(root().join(document).is_file(), "{document}");
    }
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README is readable");
    assert!(readme.contains("./start.sh demo") && readme.contains("./start.sh test -y"));
}

/// All Rust sources below a folder, examples and test data aside.
fn sources_under(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("folders are readable") {
            let path = entry.expect("entries are readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}
