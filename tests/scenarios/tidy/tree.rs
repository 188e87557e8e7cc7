//! The tree, seen four times: as folders, as text, as names of running actors, as the snapshot that /stats shows.

use std::collections::BTreeSet;
use std::path::Path;

use simulator::world::{ADA, jam};

use super::super::stats::{all_pages, drawn};
use super::super::world::World;
use super::root;

/// Where a plural supervises many of a singular, the running names are not the files' names.
const MANY: &[(&str, &str)] = &[
    ("extractor", "files direct telegram"),
    ("service", SERVICES),
    ("assistant", "1 2"),
    ("chat", "chat"),
];

/// Everything that can be asked, in the documented order.
const SERVICES: &str = "yt-dlp invidious piped soundcloud jiosaavn audius jamendo archive cobalt gateway radio spotify apple deezer youtube";

/// A bot that knows all of them, at a place where nobody answers.
pub(super) fn with_all_services(world: World) -> World {
    let world = world.environment("JAMENDO_CLIENT_ID", "0123abcd");
    // any program that is none of Python's is kept for questions, and nobody asks
    let world = world.settings("extractors.ytdlp.program = \"/bin/true\"");
    world.allow_host("127.0.0.1:9").settings(&all_services())
}

fn all_services() -> String {
    let mut settings = String::new();
    for name in SERVICES.split(' ').filter(|name| !matches!(*name, "gateway" | "yt-dlp")) {
        settings.push_str(&format!("extractors.{name}.urls = [\"http://127.0.0.1:9\"]\n"));
    }
    settings.push_str("extractors.gateway.open_url = \"http://127.0.0.1:9/{key}\"\n");
    let names: Vec<String> = SERVICES
        .split(' ')
        .map(|name| if name == "yt-dlp" { "ytdlp" } else { name })
        .map(|name| format!("{name:?}"))
        .collect();
    settings.push_str(&format!("extractors.order = [{}]\n", names.join(", ")));
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_document_and_running_names_show_the_same_tree() {
    let running = with_all_services(World::new().environment("OWNER_ID", ADA)).start().await;
    running.say(ADA, "/play harbour");
    running.sees("Now playing").await;
    let snapshot = running.inside.tree.root().snapshot();
    let shown = drawn(&all_pages(&running, ADA).await);
    let paths: Vec<String> = snapshot.children.into_iter().map(|child| child.path).collect();
    assert_eq!(shown, paths, "what /stats shows, and what runs");
    let chat = jam().to_string();
    let alive: Vec<String> = paths
        .iter()
        .map(|path| {
            let parts = path.split('/').map(|part| if part == chat { "chat" } else { part });
            parts.collect::<Vec<_>>().join("/")
        })
        .collect();
    running.end().await;

    let mut folders = Vec::new();
    walk(&root().join("actors/src"), "root", "root", &mut folders);
    let alive_set: BTreeSet<&str> = alive.iter().map(String::as_str).collect();
    let folder_set: BTreeSet<&str> = folders.iter().map(String::as_str).collect();
    assert_eq!(alive_set, folder_set, "running names (left) and folders (right)");
    assert_eq!(alive, folders, "the order of `mod` lines is the order of starts");

    let drawing = draw(&folders);
    let path = root().join("supervision.md");
    let document = std::fs::read_to_string(&path).expect("supervision.md is readable");
    let (before, rest) =
        document.split_once("<!-- tree -->\n").expect("the tree stands between two markers");
    let (drawn, after) =
        rest.split_once("<!-- /tree -->").expect("the tree stands between two markers");
    if std::env::var_os("UPDATE").is_some() {
        let updated = format!("{before}<!-- tree -->\n{drawing}<!-- /tree -->{after}");
        std::fs::write(&path, updated).expect("supervision.md is writable");
    } else {
        assert_eq!(drawn, drawing, "run the test with UPDATE=1 to draw the tree anew");
    }
}

/// The children of a file, in the order of its `mod` lines.
fn walk(folder: &Path, name: &str, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    let source =
        std::fs::read_to_string(folder.join(format!("{name}.rs"))).expect("sources are readable");
    let below = folder.join(name);
    let modules = source.lines().filter_map(|line| {
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    for module in modules {
        let names =
            MANY.iter().find(|(many, _)| *many == module).map_or(module, |(_, names)| names);
        for running in names.split(' ') {
            walk(&below, module, &format!("{path}/{running}"), found);
        }
    }
}

fn draw(paths: &[String]) -> String {
    let mut drawing = String::from("```\n");
    for path in paths {
        let depth = path.matches('/').count();
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = match name {
            "chat" => "{chat}",
            "1" => "1 … n",
            "2" => continue,
            name => name,
        };
        drawing.push_str(&format!("{}{name}\n", "    ".repeat(depth)));
    }
    drawing.push_str("```\n");
    drawing
}
