//! A second reading of Ogg (RFC 3533) and WebM (RFC 8794, 9559), written for these tests alone: which Opus packets a
//! file holds. Only what the demo's own files use.

use simulator::music::File;

/// The Opus packets of a file; `None` when it holds something else.
pub(super) fn packets(file: &File) -> Option<Vec<Vec<u8>>> {
    match file.mime {
        "audio/ogg" => Some(ogg(file.bytes)),
        "audio/webm" => {
            let mut packets = Vec::new();
            webm(file.bytes, &mut packets);
            Some(packets)
        }
        _ => None,
    }
}

/// Pages of segments; a segment of less than 255 bytes ends a packet. The first two packets are headers (RFC 7845).
fn ogg(mut file: &[u8]) -> Vec<Vec<u8>> {
    const HEAD: usize = 27;
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    while !file.is_empty() {
        assert_eq!(&file[..4], b"OggS");
        let n_segments = usize::from(file[26]);
        let (sizes, mut body) = file[HEAD..].split_at(n_segments);
        for size in sizes {
            let (segment, rest) = body.split_at(usize::from(*size));
            packet.extend_from_slice(segment);
            body = rest;
            if *size < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = body;
    }
    assert_eq!(&packets[0][..8], b"OpusHead");
    assert_eq!(&packets[1][..8], b"OpusTags");
    packets.split_off(2)
}

/// Elements of id, size and content; audio lies in the blocks of clusters.
fn webm(mut file: &[u8], packets: &mut Vec<Vec<u8>>) {
    const SEGMENT: u64 = 0x1853_8067;
    const CLUSTER: u64 = 0x1F43_B675;
    const BLOCK_GROUP: u64 = 0xA0;
    const BLOCK: u64 = 0xA1;
    const SIMPLE_BLOCK: u64 = 0xA3;
    while !file.is_empty() {
        let (id, rest) = number(file, false);
        let (size, rest) = number(rest, true);
        // a size of ones is "to the end", as live recordings have it
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let (content, rest) = rest.split_at(size);
        match id {
            SEGMENT | CLUSTER | BLOCK_GROUP => webm(content, packets),
            BLOCK | SIMPLE_BLOCK => {
                let (_track, content) = number(content, true);
                // two bytes of time and one of flags, whose lacing bits are not set
                assert_eq!(content[2] & 0x06, 0, "no lacing");
                packets.push(content[3..].to_vec());
            }
            _ => {}
        }
        file = rest;
    }
}

/// A number whose first byte tells its length; without that mark where it is a value.
fn number(bytes: &[u8], is_value: bool) -> (u64, &[u8]) {
    let length = bytes[0].leading_zeros() as usize + 1;
    let (own, rest) = bytes.split_at(length);
    let first =
        if is_value { u64::from(own[0]) & ((1 << (8 - length)) - 1) } else { own[0].into() };
    (own[1..].iter().fold(first, |all, byte| all << 8 | u64::from(*byte)), rest)
}
