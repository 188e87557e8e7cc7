//! Whatever is wrong with the disk or with what lies on it, music comes from where it came from.

use std::io::ErrorKind;
use std::sync::atomic::AtomicU64;

use super::*;

/// A cache with one whole track in it.
async fn filled(folder: &Path, server: &Server) {
    let cache = Cache::new(settings(folder));
    play(&cache, &track("a"), &stream(server, "/a"), usize::MAX).await;
    assert!(cache.has(&track("a")));
}

#[tokio::test]
async fn a_body_that_is_not_what_it_was_is_removed_and_streams() {
    let (folder, body) = (folder(), Arc::new(flac(2 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let damages: [Damage; 4] = [
        ("truncated", |path| {
            fs::File::options().write(true).open(path).unwrap().set_len(1_000_000).unwrap();
        }),
        ("changed", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[MIB] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("longer", |path| fs::write(path, [fs::read(path).unwrap(), vec![0]].concat()).unwrap()),
        ("gone", |path| fs::remove_file(path).unwrap()),
    ];
    for (n, (what, damage)) in damages.into_iter().enumerate() {
        filled(folder.path(), &server).await;
        let cache = Cache::new(settings(folder.path()));
        // the directory is read before the damage: what changes later is found as well
        assert!(matches!(cache.look(cache.wants(&track("x")).unwrap()), Look::Nothing));
        damage(&files(folder.path(), "body")[0]);
        let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body && !is_here, "{what}");
        assert_eq!(figures(&cache).damaged, 1, "{what}");
        let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body && is_here, "{what}: it is whole again");
        assert_eq!(server.seen().len(), n + 2, "{what}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_at_the_start_is_removed_and_the_rest_stays() {
    let folder = folder();
    let bodies = ["/a", "/b", "/c"].map(|path| (path, Arc::new(flac(MIB + path.len() * 7))));
    let mut bodies = bodies.to_vec();
    bodies[1].1 = Arc::new(flac(MIB + 1));
    bodies[2].1 = Arc::new(flac(MIB + 2));
    let server = serve(bodies, None).await;
    let cache = Cache::new(settings(folder.path()));
    for path in ["/a", "/b", "/c"] {
        play(&cache, &track(path), &stream(&server, path), usize::MAX).await;
    }
    drop(cache);
    let entries = files(folder.path(), "entry");
    fs::write(&entries[0], b"\xff\x00 no JSON").unwrap();
    let newer = fs::read_to_string(&entries[1]).unwrap().replace("\"format\":1", "\"format\":2");
    fs::write(&entries[1], newer).unwrap();
    // of another program, of ours and half written, and one that tries to be a path
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::write(entries[0].with_extension("entry.new"), "half").unwrap();
    fs::write(folder.path().join("0123.body"), "short").unwrap();
    let cache = Cache::new(settings(folder.path()));
    assert!(matches!(cache.look(cache.wants(&track("x")).unwrap()), Look::Nothing));
    let Figures { entries, damaged, .. } = figures(&cache);
    assert_eq!((entries, damaged), (1, 2));
    assert_eq!(files(folder.path(), "entry").len(), 1);
    assert_eq!(files(folder.path(), "new").len(), 0);
    let bodies = files(folder.path(), "body");
    assert_eq!(bodies.len(), 2, "its own, and what is not named as ours: {bodies:?}");
    assert!(folder.path().join("notes.txt").is_file());
}

#[tokio::test]
async fn an_entry_cannot_lead_out_of_the_directory() {
    let (folder, body) = (folder(), Arc::new(flac(MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    filled(folder.path(), &server).await;
    let outside = folder.path().join("secret");
    fs::write(&outside, "not music").unwrap();
    let entry = &files(folder.path(), "entry")[0];
    let text = fs::read_to_string(entry).unwrap();
    let content = files(folder.path(), "body")[0].file_stem().unwrap().to_str().unwrap().to_owned();
    fs::write(entry, text.replace(&content, "../secret")).unwrap();
    let cache = Cache::new(settings(folder.path()));
    let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body && !is_here);
    assert!(outside.is_file());
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_costs_nothing_but_the_cache() {
    let (folder, body) = (folder(), Arc::new(flac(MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let place = folder.path().join("cache");
    fs::write(&place, "a file").unwrap();
    let cache = Cache::new(settings(&place));
    for _ in 0..2 {
        let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body);
    }
    assert_eq!((figures(&cache).entries, server.seen().len()), (0, 2));
    // once it can be, it is used
    fs::remove_file(&place).unwrap();
    for _ in 0..2 {
        let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body);
    }
    assert_eq!((figures(&cache).hits, server.seen().len()), (1, 3));
}

#[tokio::test]
async fn a_directory_of_another_process_is_left_alone() {
    let (folder, body) = (folder(), Arc::new(flac(MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let first = Cache::new(settings(folder.path()));
    assert!(matches!(first.look(first.wants(&track("a")).unwrap()), Look::Nothing));
    let second = Cache::new(settings(folder.path()));
    let (heard, _) = play(&second, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body);
    assert!(files(folder.path(), "body").is_empty());
    drop(first);
    play(&second, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(second.has(&track("a")));
}

/// Bytes that the disk below still takes.
static ROOM: AtomicU64 = AtomicU64::new(0);

fn full(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let take = |room: u64| room.checked_sub(bytes.len() as u64);
    match ROOM.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(_) => file.write_all(bytes),
        Err(_) => Err(io::Error::from(ErrorKind::StorageFull)),
    }
}

#[tokio::test]
async fn a_disk_that_is_full_is_not_heard_and_gets_its_room_back() {
    let (folder, body) = (folder(), Arc::new(flac(4 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let cache = Cache::with_append(settings(folder.path()), full);
    ROOM.store(MIB as u64, Ordering::Relaxed);
    let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body);
    let left = ["part", "journal", "body"].map(|kind| files(folder.path(), kind)).concat();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!((figures(&cache).given_up, figures(&cache).bytes), (1, 0));
    ROOM.store(64 * MIB as u64, Ordering::Relaxed);
    play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(cache.has(&track("a")), "there is room again");
}

#[tokio::test]
async fn a_disk_that_is_slower_than_the_music_is_given_up() {
    let (folder, body) = (folder(), Arc::new(flac(7 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let cache = Cache::new(settings(folder.path()));
    let wanted = cache.wants(&track("a")).unwrap();
    assert!(matches!(cache.look(wanted), Look::Nothing));
    let mut opened = open(&track("a"), &stream(&server, "/a"), None).await;
    let mut recorder = cache.record(wanted, None, &opened, None).unwrap();
    let (mut offset, mut jobs) = (0, Vec::new());
    while let Some(bytes) = opened.download.next().await.unwrap() {
        // no thread gets free for it
        jobs.extend(recorder.offer(offset, &bytes));
        offset += bytes.len() as u64;
    }
    assert_eq!(jobs.len(), 1, "one at a time");
    jobs.into_iter().for_each(Job::run);
    assert_eq!(figures(&cache).given_up, 1);
    assert!(!cache.has(&track("a")) && files(folder.path(), "part").is_empty());
}

#[tokio::test]
async fn a_directory_that_vanishes_is_made_anew() {
    let (folder, body) = (folder(), Arc::new(flac(2 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let place = folder.path().join("cache");
    filled(&place, &server).await;
    let cache = Cache::new(settings(&place));
    assert!(matches!(cache.look(cache.wants(&track("a")).unwrap()), Look::Whole(_)));
    fs::remove_dir_all(&place).unwrap();
    for _ in 0..3 {
        let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
        assert!(heard == *body);
    }
    assert!(cache.has(&track("a")) && files(&place, "body").len() == 1);
}

#[tokio::test]
async fn sought_parts_are_put_together_only_where_they_follow_each_other() {
    let (folder, body) = (folder(), flac(2 * MIB));
    let served = body.clone();
    let server = Server::start(move |request, _| file(request, &served, "\"1\"", None)).await;
    let cache = Cache::new(settings(folder.path()));
    let wanted = cache.wants(&track("a")).unwrap();
    assert!(matches!(cache.look(wanted), Look::Nothing));
    let opened = open(&track("a"), &stream(&server, "/a"), None).await;
    let mut recorder = cache.record(wanted, None, &opened, None).unwrap();
    let all = bytes::Bytes::from(body.clone());
    // a start, its index at the end, the start again, the rest
    for (from, to) in [(0, MIB), (2 * MIB - 1_000, 2 * MIB), (0, 500), (MIB - 100_000, 2 * MIB)] {
        let job = recorder.offer(from as u64, &all.slice(from..to));
        job.into_iter().for_each(Job::run);
    }
    let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == body && is_here);
}
