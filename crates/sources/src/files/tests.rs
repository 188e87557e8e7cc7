use std::fs;
use std::time::Duration;

use lofty::config::WriteOptions;
use lofty::tag::{Accessor, Tag, TagExt, TagType};
use tempfile::TempDir;

use super::*;

/// Half a second of silence.
fn wav() -> Vec<u8> {
    let data = vec![0u8; 48_000];
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(48_000u32.to_le_bytes());
    file.extend(96_000u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A folder of silent files, each with its tags: title, artist, album.
fn folder(files: &[(&str, [&str; 3])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, tags) in files {
        put(folder.path(), name, *tags);
    }
    folder
}

fn put(folder: &Path, name: &str, [title, artist, album]: [&str; 3]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, wav()).unwrap();
    if title.is_empty() {
        return;
    }
    let mut tag = Tag::new(TagType::Id3v2);
    tag.set_title(title.to_owned());
    tag.set_artist(artist.to_owned());
    tag.set_album(album.to_owned());
    tag.save_to_path(&path, WriteOptions::default()).unwrap();
}

fn settings(folder: &TempDir) -> Settings {
    Settings { root: folder.path().to_owned(), depth_max: 4, files_max: 100 }
}

fn library(folder: &TempDir) -> Library {
    Library::scan(settings(folder)).unwrap()
}

fn titles(library: &Library, query: &str) -> Vec<String> {
    library.search(query, 10).into_iter().map(|hit| hit.track.title).collect()
}

#[test]
fn tags_are_read_and_untagged_files_are_called_by_their_name() {
    let folder = folder(&[
        ("a/tagged.wav", ["Ночь", "Кино", "Альбом"]),
        ("03 - Björk - Jóga.wav", ["", "", ""]),
        ("plain.name.wav", ["", "", ""]),
    ]);
    let library = library(&folder);
    let found = |title: &str| library.tracks().find(|track| track.title == title).cloned().unwrap();
    let tagged = found("Ночь");
    assert_eq!((tagged.artist.as_deref(), tagged.source), (Some("Кино"), "files"));
    assert_eq!(tagged.duration, Some(Duration::from_millis(500)));
    assert_eq!(
        tagged.location,
        Location::File(folder.path().canonicalize().unwrap().join("a/tagged.wav"))
    );
    assert_eq!(found("Jóga").artist.as_deref(), Some("Björk"));
    assert_eq!(found("plain.name").artist, None);
    assert_eq!(library.report(), Report { indexed: 3, read: 3, ..Report::default() });
}

#[test]
fn every_word_must_match_and_the_best_comes_first() {
    let folder = folder(&[
        ("1.wav", ["Harbour Lights", "The Sailors", "Sea"]),
        ("2.wav", ["Harbour", "Others", "Sea"]),
        ("3.wav", ["Lighthouse", "Harbour Band", "Land"]),
        ("4.wav", ["Мой ёжик", "Зелёный Театр", "Йод"]),
        ("5.wav", ["Déjà Vu", "Sigur Rós", "Straße"]),
        ("6 don't look.wav", ["", "", ""]),
    ]);
    let library = library(&folder);
    let check =
        |query: &str, expected: &[&str]| assert_eq!(titles(&library, query), expected, "{query:?}");
    check("harbour", &["Harbour", "Harbour Lights", "Lighthouse"]);
    check("HARBOUR light", &["Harbour Lights", "Lighthouse"]);
    check("light harb", &["Harbour Lights", "Lighthouse"]);
    check("sailors sea", &["Harbour Lights"]);
    check("arbour", &[]);
    check("harbour nothing", &[]);
    check("ежик", &["Мой ёжик"]);
    check("ЗЕЛЕНЫЙ мой", &["Мой ёжик"]);
    check("и\u{306}од", &["Мой ёжик"]);
    check("deja vu", &["Déjà Vu"]);
    check("ros strasse", &["Déjà Vu"]);
    check("dont look", &["6 don't look"]);
    check("6 don't look.wav", &["6 don't look"]);
    check("", &[]);
    check(" - ?! ", &[]);
    assert_eq!(library.best("harbour").unwrap().title, "Harbour");
    assert_eq!(library.best("nothing").unwrap_err().reason, Reason::NotFound);
    assert_eq!(library.search("harbour", 2).len(), 2);
    let scores: Vec<u32> = library.search("harbour", 10).into_iter().map(|hit| hit.score).collect();
    assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
}

#[test]
fn what_is_called_music_but_is_not_is_skipped_and_counted() {
    let folder = folder(&[("good.wav", ["Good", "", ""])]);
    fs::write(folder.path().join("page.mp3"), "<html>not found</html>").unwrap();
    fs::write(folder.path().join("empty.ogg"), "").unwrap();
    fs::write(folder.path().join("cut.flac"), "fLaC\0\0\0\x22").unwrap();
    fs::write(folder.path().join("broken.ogg"), [b"OggS\0\x02".as_slice(), &[0xff; 300]].concat())
        .unwrap();
    fs::write(
        folder.path().join("broken.m4a"),
        [b"\0\0\0\x20ftypM4A ".as_slice(), &[0xff; 300]].concat(),
    )
    .unwrap();
    fs::write(folder.path().join("notes.txt"), "words").unwrap();
    fs::write(folder.path().join(".hidden.wav"), wav()).unwrap();
    // the content decides, not the name
    fs::write(folder.path().join("really a wave.mp3"), wav()).unwrap();
    let library = library(&folder);
    assert_eq!(library.report(), Report { indexed: 2, read: 7, broken: 5, ..Report::default() });
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret.wav", ["Secret", "", ""])]);
    let folder = folder(&[("in/song.wav", ["Song", "", ""])]);
    let at = |name: &str| folder.path().join(name);
    symlink(outside.path(), at("folder")).unwrap();
    symlink(outside.path().join("secret.wav"), at("file.wav")).unwrap();
    symlink("../../..", at("up")).unwrap();
    symlink(folder.path(), at("in/loop")).unwrap();
    symlink(at("in/song.wav"), at("twin.wav")).unwrap();
    symlink(at("missing"), at("dangling.wav")).unwrap();
    let library = library(&folder);
    assert_eq!(library.tracks().map(|it| it.title.clone()).collect::<Vec<_>>(), ["Song"]);
    assert_eq!((library.report().outside, library.report().is_cut), (4, false));
    let secret = outside.path().join("secret.wav");
    for path in [
        "../x",
        "/etc/passwd",
        "folder/secret.wav",
        "file.wav",
        "in/../../x",
        "missing",
        "in",
        "",
        "\0",
    ] {
        assert!(library.locate(Path::new(path)).is_err(), "{path:?}");
    }
    assert!(library.locate(&secret).is_err());
    let song = library.root().join("in/song.wav");
    for path in ["in/song.wav", "twin.wav", "in/loop/in/song.wav"] {
        assert_eq!(library.locate(Path::new(path)).unwrap(), song, "{path:?}");
    }
    assert_eq!(library.locate(&song).unwrap(), song);
}

#[test]
fn depth_and_number_are_bounded() {
    let folder =
        folder(&[("1.wav", ["", "", ""]), ("a/2.wav", ["", "", ""]), ("a/b/3.wav", ["", "", ""])]);
    let count = |depth_max, files_max| {
        let library =
            Library::scan(Settings { depth_max, files_max, ..settings(&folder) }).unwrap();
        (library.report().indexed, library.report().is_cut)
    };
    assert_eq!(count(4, 100), (3, false));
    assert_eq!(count(1, 100), (2, true));
    assert_eq!(count(0, 100), (1, true));
    assert_eq!(count(4, 2), (2, true));
    assert_eq!(count(4, 0), (0, true));
}

#[test]
fn changes_are_found_and_only_they_are_read() {
    let folder = folder(&[("a/1.wav", ["One", "", ""]), ("2.wav", ["Two", "", ""])]);
    let mut library = library(&folder);
    assert!(!library.refresh().unwrap());
    put(folder.path(), "a/3.wav", ["Three", "", ""]);
    // some file systems count in coarse steps; make sure that the change shows
    let later = SystemTime::now() + Duration::from_secs(5);
    fs::File::open(folder.path().join("a")).unwrap().set_modified(later).unwrap();
    assert!(library.refresh().unwrap());
    assert_eq!(library.report(), Report { indexed: 3, read: 1, ..Report::default() });
    assert_eq!(titles(&library, "three"), ["Three"]);
    assert!(!library.refresh().unwrap());
    put(folder.path(), "2.wav", ["Another and longer", "", ""]);
    assert_eq!(library.rescan().unwrap().read, 1);
    assert!(titles(&library, "two").is_empty());
    assert_eq!(titles(&library, "another"), ["Another and longer"]);
    fs::remove_file(folder.path().join("2.wav")).unwrap();
    assert_eq!(library.rescan().unwrap(), Report { indexed: 2, ..Report::default() });
}

#[test]
fn a_folder_that_is_missing_is_fatal_and_keeps_the_old_index() {
    let folder = folder(&[("1.wav", ["One", "", ""])]);
    let mut library = library(&folder);
    let settings = settings(&folder);
    drop(folder);
    assert_eq!(Library::scan(settings).unwrap_err().class, domain::Class::Fatal);
    assert!(library.rescan().is_err() && library.refresh().is_err());
    assert_eq!(titles(&library, "one"), ["One"]);
}
