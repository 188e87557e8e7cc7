//! What was broken off is gone on with, if it still can be.

use super::*;

const CUT: usize = MIB + 300_001;

/// The first bytes of a track are heard and then it is skipped.
async fn broken_off(folder: &Path, server: &Server) -> Cache {
    let cache = Cache::new(settings(folder));
    play(&cache, &track("a"), &stream(server, "/a"), CUT).await;
    let part = files(folder, "part");
    assert_eq!(part.len(), 1, "it is kept");
    let kept = fs::metadata(&part[0]).unwrap().len();
    assert!(kept >= MIB as u64 && kept <= (CUT + MIB) as u64, "{kept}");
    cache
}

/// Where the latest request began, and under which condition.
fn asked(server: &Server) -> (Option<usize>, Option<String>) {
    let request = server.seen().pop().expect("there was one");
    (request.range_from(), request.header("if-range").map(str::to_owned))
}

#[tokio::test]
async fn a_part_is_gone_on_with_where_it_ended_also_after_a_restart() {
    let (folder, body) = (folder(), Arc::new(flac(4 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    for restarts in [false, true] {
        let mut cache = broken_off(folder.path(), &server).await;
        if restarts {
            drop(cache);
            cache = Cache::new(settings(folder.path()));
        }
        let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body && !is_here);
        let (from, condition) = asked(&server);
        assert!(from.is_some_and(|from| from >= MIB), "{from:?}");
        assert_eq!(condition.as_deref(), Some("\"/a\""));
        assert_eq!(figures(&cache).resumed, 1);
        let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body && is_here, "it is whole");
        assert!(
            files(folder.path(), "part").is_empty() && files(folder.path(), "journal").is_empty()
        );
        drop(cache);
        let left = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        left.for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[tokio::test]
async fn a_part_of_another_version_is_begun_anew() {
    let (folder, old, new) = (folder(), flac(4 * MIB), Arc::new(flac(4 * MIB)));
    let mut changed = new.to_vec();
    changed[3 * MIB] ^= 1;
    let changed = Arc::new(changed);
    let after = changed.clone();
    let server = Server::start(move |request: &Request, n| match n {
        0 => file(request, &old, "\"1\"", None),
        _ => file(request, &after, "\"2\"", None),
    })
    .await;
    let cache = broken_off(folder.path(), &server).await;
    let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *changed, "not one byte of the old one");
    let (from, condition) = asked(&server);
    assert!(from.is_some() && condition.as_deref() == Some("\"1\""), "it was asked for the rest");
    assert_eq!(server.seen().len(), 2, "and the answer was used");
    let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *changed && is_here);
}

#[tokio::test]
async fn a_server_that_sends_the_rest_of_another_file_is_asked_for_all_of_it() {
    let (folder, old) = (folder(), flac(4 * MIB));
    let new = Arc::new(flac(3 * MIB));
    let after = new.clone();
    // it ignores the condition, or finds nothing at that place
    for shrinks in [false, true] {
        let (old, after) = (old.clone(), after.clone());
        let server = Server::start(move |request: &Request, n| match (n, request.range_from()) {
            (0, _) => file(request, &old, "\"1\"", None),
            (_, Some(_)) if shrinks => server::answer("416 Range Not Satisfiable", &[], b""),
            (_, Some(first)) => {
                let range = format!("bytes {first}-{}/{}", after.len() - 1, after.len());
                let headers = [("ETag", "\"1\""), ("Content-Range", range.as_str())];
                server::answer("206 Partial Content", &headers, &after[first..])
            }
            (_, None) => file(request, &after, "\"2\"", None),
        })
        .await;
        let cache = broken_off(folder.path(), &server).await;
        let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *new, "{shrinks}");
        assert_eq!(server.seen().len(), 3);
        drop(cache);
        let left = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        left.for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[tokio::test]
async fn parts_that_are_old_or_cannot_be_gone_on_with_are_removed_at_the_start() {
    let (folder, body) = (folder(), Arc::new(flac(4 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let damages: [Damage; 4] = [
        ("old", |folder| {
            let part = fs::File::options().write(true).open(&files(folder, "part")[0]).unwrap();
            part.set_modified(UNIX_EPOCH).unwrap();
        }),
        ("without its journal", |folder| fs::remove_file(&files(folder, "journal")[0]).unwrap()),
        ("with a journal of nonsense", |folder| {
            fs::write(&files(folder, "journal")[0], "{\"format\":").unwrap();
        }),
        ("shorter than its journal says", |folder| {
            fs::write(&files(folder, "part")[0], b"fLaC").unwrap();
        }),
    ];
    for (what, damage) in damages {
        drop(broken_off(folder.path(), &server).await);
        damage(folder.path());
        let cache = Cache::new(settings(folder.path()));
        assert!(matches!(cache.look(cache.wants(&track("x")).unwrap()), Look::Nothing));
        let left = ["part", "journal"].map(|kind| files(folder.path(), kind)).concat();
        assert!(left.is_empty(), "{what}: {left:?}");
        assert_eq!(figures(&cache).bytes, 0);
    }
}

#[tokio::test]
async fn a_part_whose_bytes_changed_is_not_gone_on_with() {
    let (folder, body) = (folder(), Arc::new(flac(4 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    drop(broken_off(folder.path(), &server).await);
    let part = &files(folder.path(), "part")[0];
    let mut bytes = fs::read(part).unwrap();
    bytes[MIB / 2] ^= 1;
    fs::write(part, bytes).unwrap();
    let cache = Cache::new(settings(folder.path()));
    let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body);
    assert_eq!(asked(&server).0, None, "from its start");
    assert_eq!((figures(&cache).damaged, figures(&cache).resumed), (1, 0));
}
