use super::*;

/// The sound behind the tags.
const SOUND: [u8; 600] = [0xff; 600];

fn named(title: &str, artist: &str) -> (Option<String>, Option<String>) {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (text(title), text(artist))
}

fn id3(frames: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in frames {
        body.extend_from_slice(*name);
        body.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(text);
    }
    let size = [21, 14, 7, 0].map(|shift| (body.len() >> shift & 0x7f) as u8);
    [b"ID3\x03\0\0".as_slice(), &size, &body].concat()
}

fn comments(title: &str, artist: &str) -> Vec<u8> {
    let list = [format!("TITLE={title}"), format!("ARTIST={artist}")];
    let length = |it: usize| u32::try_from(it).unwrap().to_le_bytes();
    let mut block = [length(1).as_slice(), b"x", &length(list.len())].concat();
    for comment in list {
        block.extend_from_slice(&length(comment.len()));
        block.extend_from_slice(comment.as_bytes());
    }
    block
}

fn flac_file(title: &str, artist: &str) -> Vec<u8> {
    let block = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &length[1..], body].concat()
    };
    let mut info = [0; 34];
    info[0] = 0x10;
    info[2] = 0x10;
    info[10..14].copy_from_slice(&[0x0b, 0xb8, 0x02, 0xf0]);
    let blocks = [block(0, &info), block(3, &[0; 18]), block(4, &comments(title, artist))];
    [b"fLaC".to_vec(), blocks.concat(), block(0x81, &[0; 4096]), SOUND.to_vec()].concat()
}

fn ogg_file(title: &str, artist: &str) -> Vec<u8> {
    let page = |number: u8, kind: u8, packet: &[u8]| {
        let mut lacing = vec![255; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        let mut page = [b"OggS\0".as_slice(), &[kind], &[0; 8], &[7, 0, 0, 0]].concat();
        page.extend_from_slice(&[number, 0, 0, 0, 0, 0, 0, 0, lacing.len() as u8]);
        [page, lacing, packet.to_vec()].concat()
    };
    let head = [b"OpusHead\x01\x02".as_slice(), &[0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]].concat();
    let tags = [b"OpusTags".to_vec(), comments(title, artist)].concat();
    [page(0, 2, &head), page(1, 0, &tags), page(2, 0, &[0; 300])].concat()
}

fn mp4_file(title: &str, artist: &str) -> Vec<u8> {
    let atom = |name: &[u8], body: &[u8]| {
        let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [length.as_slice(), name, body].concat()
    };
    let item = |name: &[u8], text: &str| {
        let data = [[0, 0, 0, 1, 0, 0, 0, 0].as_slice(), text.as_bytes()].concat();
        atom(name, &atom(b"data", &data))
    };
    let list = [item(b"\xa9nam", title), item(b"\xa9ART", artist)].concat();
    let handler = [[0; 8].as_slice(), b"mdirappl", &[0; 9]].concat();
    let meta = [vec![0; 4], atom(b"hdlr", &handler), atom(b"ilst", &list)].concat();
    let moov = atom(b"moov", &atom(b"udta", &atom(b"meta", &meta)));
    [atom(b"ftyp", b"M4A \0\0\0\0M4A "), moov, atom(b"mdat", &SOUND)].concat()
}

fn found(head: &[u8], format: Format) -> (Option<String>, Option<String>) {
    said(head, format).map(|tags| (tags.title, tags.artist)).unwrap_or_default()
}

#[test]
fn the_first_bytes_of_each_kind_say_title_and_artist() {
    let mp3 = id3(&[(b"TIT2", b"\0Northbound"), (b"TPE1", b"\0Ensemble")]);
    let files = [
        (Format::Mp3, [mp3, SOUND.to_vec()].concat()),
        (Format::Flac, flac_file("Northbound", "Ensemble")),
        (Format::Ogg, ogg_file("Northbound", "Ensemble")),
        (Format::Mp4, mp4_file("Northbound", "Ensemble")),
    ];
    for (format, file) in files {
        let reach = reach(&file, format).unwrap();
        assert!(reach < file.len(), "{format:?}: the sound is not waited for");
        assert_eq!(found(&file[..reach], format), named("Northbound", "Ensemble"), "{format:?}");
        // byte by byte it is known that they are not all there
        for length in 1..reach {
            let short = super::reach(&file[..length], format);
            // what an ID3 tag is, is known after ten bytes
            let is_known = format == Format::Mp3 && length < 10;
            assert!(is_known || short.is_some_and(|it| it > length), "{format:?} {length}");
        }
    }
}

#[test]
fn a_picture_behind_the_words_is_not_waited_for() {
    let picture = vec![1; 500_000];
    let tag = id3(&[(b"TIT2", b"\0Northbound"), (b"APIC", &picture)]);
    assert_eq!(reach(&tag[..4_000], Format::Mp3), Some(ID3_MAX));
    assert_eq!(found(&tag[..ID3_MAX], Format::Mp3), named("Northbound", ""));
}

#[test]
fn what_has_no_tags_within_reach_is_not_read_for_them() {
    let files: [(Format, &[u8]); 7] = [
        (Format::Mp3, &[0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0, 0, 0]),
        (Format::Flac, b"fLaC\x3d\x20\x01\x01\x00\x00"),
        (Format::Flac, b"fLaC\x00\x00\x00\x22"),
        (Format::Wav, b"RIFF\x00\x00\x00\x22WAVE"),
        (Format::Mp4, b"\0\0\0\x10ftypM4A \0\0\0\0\0\x0f\0\0mdat"),
        (Format::Mp4, b"\0\0\0\x10ftypM4A \0\0\0\0\0\x0f\0\0moov"),
        (Format::Ogg, b"OggX"),
    ];
    for (number, (format, head)) in files.into_iter().enumerate() {
        let reach = reach(head, format);
        assert!(reach.is_none_or(|reach| reach <= 64), "{number}: {reach:?}");
        assert_eq!(found(head, format), named("", ""), "{number}");
    }
}

#[test]
fn nonsense_in_the_place_of_tags_says_nothing_and_breaks_nothing() {
    for (format, file) in [
        (Format::Mp3, id3(&[(b"TIT2", b"\0Northbound")])),
        (Format::Flac, flac_file("Northbound", "Ensemble")),
        (Format::Ogg, ogg_file("Northbound", "Ensemble")),
        (Format::Mp4, mp4_file("Northbound", "Ensemble")),
    ] {
        for at in 0..file.len().min(400) {
            for lie in [0, 0x7f, 0xff] {
                let mut file = file.clone();
                file[at] = lie;
                let title = found(&file, format).0.unwrap_or_default();
                assert!(title.chars().count() <= tags::TEXT_MAX, "{format:?} {at}");
            }
        }
    }
}
