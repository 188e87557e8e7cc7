//! Which of the formats that a service offers is taken.

/// One format of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer<'a> {
    pub(crate) url: &'a str,
    /// With codecs, if the service says them: `audio/webm; codecs="opus"`.
    pub(crate) media_type: &'a str,
    pub(crate) bits_per_second: f64,
    /// The voice was replaced by a translation.
    pub(crate) is_dubbed: bool,
}

/// Opus first, for it is passed through as it is; then AAC, then MP3, then whatever has sound. Pictures without sound
/// are never taken, and pictures with sound only when nothing else is there.
pub(crate) fn best<'a>(offers: impl IntoIterator<Item = Offer<'a>>) -> Option<Offer<'a>> {
    let ranked = offers.into_iter().filter_map(|offer| Some((rank(offer.media_type)?, offer)));
    let order = |(rank, offer): &(u8, Offer<'_>)| (!offer.is_dubbed, *rank, offer.bits_per_second);
    ranked
        .max_by(|one, other| {
            order(one).partial_cmp(&order(other)).unwrap_or(std::cmp::Ordering::Equal)
        })
        .map(|(_, offer)| offer)
}

fn rank(media_type: &str) -> Option<u8> {
    let media_type = media_type.to_ascii_lowercase();
    let has = |word: &str| media_type.contains(word);
    if !media_type.starts_with("audio/") {
        return (has("mp4a") || has("opus")).then_some(0);
    }
    Some(match () {
        () if has("opus") => 4,
        () if has("mp4") || has("aac") => 3,
        () if has("mpeg") || has("mp3") => 2,
        () => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_with_the_most_bits_is_taken_and_never_pictures_alone() {
        let offer = |media_type: &'static str, bits_per_second: f64| Offer {
            url: media_type,
            media_type,
            bits_per_second,
            is_dubbed: false,
        };
        let check = |offers: &[Offer<'static>], expected: Option<(&str, f64)>| {
            let taken = best(offers.iter().copied()).map(|it| (it.url, it.bits_per_second));
            assert_eq!(taken, expected);
        };
        let opus = r#"audio/webm; codecs="opus""#;
        let aac = r#"audio/mp4; codecs="mp4a.40.2""#;
        let both = r#"video/mp4; codecs="avc1.42001E, mp4a.40.2""#;
        let silent = r#"video/mp4; codecs="avc1.640028""#;
        check(
            &[offer(aac, 256e3), offer(opus, 50e3), offer(opus, 133e3), offer(silent, 4e6)],
            Some((opus, 133e3)),
        );
        check(&[offer("audio/mpeg", 320e3), offer(aac, 128e3)], Some((aac, 128e3)));
        check(&[offer(both, 500e3), offer("audio/mpeg", 64e3)], Some(("audio/mpeg", 64e3)));
        check(&[offer(silent, 4e6), offer(both, 500e3)], Some((both, 500e3)));
        check(&[offer(silent, 4e6)], None);
        let dubbed = Offer { is_dubbed: true, ..offer(opus, 160e3) };
        check(&[dubbed, offer(aac, 128e3)], Some((aac, 128e3)));
    }
}
