//! What a file is called: as it says itself, or else by its name.

use super::*;

/// The head of an MP3 with words in it, and `length` bytes of sound.
fn tagged(length: usize) -> Vec<u8> {
    let frame =
        |name: &[u8], text: &[u8]| [name, &[0, 0, 0, text.len() as u8 + 1, 0, 0, 3], text].concat();
    let frames = [frame(b"TIT2", "Северный путь\u{202e}".as_bytes()), frame(b"TPE1", b"Ensemble")];
    let frames = frames.concat();
    let head = [b"ID3\x04\0\0\0\0\0".as_slice(), &[frames.len() as u8], &frames].concat();
    let sound = [0xff, 0xfb, 0x90, 0x64].into_iter().chain([0; 413]).cycle().take(length);
    head.into_iter().chain(sound).collect()
}

#[tokio::test]
async fn a_link_is_called_as_its_file_says() {
    let body = Arc::new(tagged(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| file(request, &served, "\"1\"", None)).await;
    let url = server.url("/track01.mp3");
    let track = direct().resolve(&url).await.unwrap();
    assert_eq!(
        (track.title.as_str(), track.artist.as_deref()),
        ("Северный путь", Some("Ensemble"))
    );
    let mut opened = direct().open(&url).await.unwrap();
    assert_eq!(opened.file_name.as_deref(), Some("track01.mp3"));
    assert_eq!(opened.download.offset(), 0, "what was read for it comes again");
    assert!(rest(&mut opened.download).await.unwrap() == *body);
}

#[tokio::test]
async fn words_that_do_not_come_are_not_waited_for() {
    let server = serve(|_, _| {
        // a tag of 16 KiB, of which a little comes
        let tag = b"ID3\x04\0\0\0\x01\0\0TIT2\0\0\0\x05\0\0\x03Name".to_vec();
        vec![
            Step::Send(head("200 OK", &[("Content-Length", "400000")])),
            Step::Send(tag),
            Step::Hang,
        ]
    })
    .await;
    // far beyond it the silence itself would be a fault
    let opened = direct().open(&server.url("/track01.mp3")).await.unwrap();
    assert_eq!((opened.title.as_str(), opened.artist), ("track01", None));
}

#[tokio::test]
async fn a_station_is_called_by_its_own_name_whatever_its_bytes_say() {
    let server = serve(|_, _| {
        vec![Step::Send(head("200 OK", &[("icy-name", "Station")])), Step::Send(tagged(60_000))]
    })
    .await;
    let opened = direct().open(&server.url("/live")).await.unwrap();
    assert!(opened.is_live);
    assert_eq!((opened.title.as_str(), opened.artist), ("Station", None));
}
