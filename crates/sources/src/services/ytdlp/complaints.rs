//! What yt-dlp's complaints mean. Its words repeat links, so only ours are kept.

use domain::{Class, Fault, Reason};

/// Whose fault it is when a phrase is in the complaint; the first that fits.
const PHRASES: &[(&str, Class, Reason, &str)] = {
    use Class::{Refused, Transient};
    &[
        (
            "refused by the guard",
            Refused,
            Reason::PrivateAddress,
            "it leads to an address that is not public",
        ),
        (
            "confirm you’re not a bot",
            Transient,
            Reason::ServiceRefused,
            "the site suspects a robot; cookies of an account help",
        ),
        (
            "confirm you're not a bot",
            Transient,
            Reason::ServiceRefused,
            "the site suspects a robot; cookies of an account help",
        ),
        (
            "Sign in to confirm",
            Refused,
            Reason::ServiceRefused,
            "only for signed-in adults; cookies of an account help",
        ),
        ("Private video", Refused, Reason::NotFound, "private"),
        (
            "Use --cookies",
            Refused,
            Reason::ServiceRefused,
            "only for signed-in people; cookies of an account help",
        ),
        (
            "only available to Music Premium",
            Refused,
            Reason::ServiceRefused,
            "only for paying people",
        ),
        ("members-only", Refused, Reason::ServiceRefused, "only for members"),
        // "has not made this video available in …", "is not available in …"
        (
            "available in your country",
            Refused,
            Reason::ServiceRefused,
            "not available in this country",
        ),
        (
            "not available from your location",
            Refused,
            Reason::ServiceRefused,
            "not available in this country",
        ),
        (
            "blocked it in your country",
            Refused,
            Reason::ServiceRefused,
            "not available in this country",
        ),
        ("Video unavailable", Refused, Reason::NotFound, "not available"),
        ("This video is not available", Refused, Reason::NotFound, "not available"),
        ("has been removed", Refused, Reason::NotFound, "removed"),
        ("live event will begin", Refused, Reason::ServiceRefused, "it has not begun yet"),
        ("Premieres in", Refused, Reason::ServiceRefused, "it has not begun yet"),
        ("DRM", Refused, Reason::Unsupported, "copy-protected"),
        (
            "Requested format is not available",
            Refused,
            Reason::Unsupported,
            "no format that can be played",
        ),
        ("No video formats found", Refused, Reason::NotAudio, "nothing to play there"),
        ("Unsupported URL", Refused, Reason::NotAudio, "nothing to play there"),
        ("There's no video", Refused, Reason::NotAudio, "nothing to play there"),
        ("is not a valid URL", Refused, Reason::BadUrl, "not an address"),
        ("unsupported scheme", Refused, Reason::BadUrl, "not an address of the web"),
        ("HTTP Error 404", Refused, Reason::NotFound, "status 404"),
        ("HTTP Error 410", Refused, Reason::NotFound, "status 410"),
        ("HTTP Error 401", Refused, Reason::ServiceRefused, "status 401"),
        // what a site that tires of somebody answers
        ("HTTP Error 403", Transient, Reason::ServiceRefused, "status 403"),
        ("HTTP Error 429", Transient, Reason::ServiceRefused, "status 429"),
        ("HTTP Error 4", Transient, Reason::ServiceRefused, "the site refused"),
        ("rate-limited", Transient, Reason::ServiceRefused, "the site is asked too often"),
        ("HTTP Error 5", Transient, Reason::ServiceRefused, "the site failed"),
        ("timed out", Transient, Reason::Timeout, "the site did not answer in time"),
        ("Unable to download", Transient, Reason::Unreachable, "the site cannot be reached"),
        ("name resolution", Transient, Reason::Unreachable, "the site cannot be reached"),
        (
            "Unable to extract",
            Transient,
            Reason::ServiceRefused,
            "it does not understand the site; an update helps",
        ),
        (
            "please report this issue",
            Transient,
            Reason::ServiceRefused,
            "it does not understand the site; an update helps",
        ),
    ]
};

/// The failure behind a complaint.
pub(super) fn fault(complaint: &str, is_refused: bool) -> Fault {
    let says = |phrase: &str| complaint.contains(phrase);
    let found = match PHRASES.iter().find(|(phrase, ..)| says(phrase)) {
        _ if is_refused => &PHRASES[0],
        Some(found) => found,
        None => &("", Class::Transient, Reason::ServiceRefused, "failed in words of its own"),
    };
    let (_, class, reason, words) = *found;
    Fault { class, reason, detail: format!("yt-dlp: {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_become_reasons() {
        let check = |complaint: &str, is_retryable: bool, reason: Reason| {
            let fault = fault(complaint, false);
            assert_eq!((fault.is_retryable(), fault.reason), (is_retryable, reason), "{complaint}");
            assert!(!fault.detail.contains("key=SECRET"), "{fault}");
        };
        check(
            "ERROR: [youtube] abc: Sign in to confirm your age. This video may be",
            false,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [youtube] abc: Sign in to confirm you’re not a bot. Use --cookies",
            true,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [youtube] abc: Video unavailable. This video is private",
            false,
            Reason::NotFound,
        );
        check(
            "ERROR: [youtube] abc: Private video. Sign in if you've been granted access. Use --cookies",
            false,
            Reason::NotFound,
        );
        check(
            "ERROR: [youtube] abc: The uploader has not made this video available in your country",
            false,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [generic] a: Requested format is not available. Use --list-formats",
            false,
            Reason::Unsupported,
        );
        check(
            "ERROR: [generic] a: Unable to download webpage: HTTP Error 404: Not Found",
            false,
            Reason::NotFound,
        );
        check(
            "ERROR: [x] a: Unable to download webpage: HTTP Error 403: Forbidden",
            true,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [x] a: Unable to download JSON metadata: HTTP Error 429: Too Many Requests",
            true,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [x] a: Unable to download webpage: HTTP Error 503: x",
            true,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [x] a: Unable to extract player response; please report this issue",
            true,
            Reason::ServiceRefused,
        );
        check("ERROR: Unsupported URL: https://example.org/?key=SECRET", false, Reason::NotAudio);
        check(
            "ERROR: [youtube] a: This live event will begin in 3 hours.",
            false,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [x] a: Unable to download webpage: The read operation timed out",
            true,
            Reason::Timeout,
        );
        check(
            "ERROR: [x] a: Unable to download webpage: <urlopen error [Errno 111] Connection refused>",
            true,
            Reason::Unreachable,
        );
        check("ERROR: [x] a: This video is DRM protected", false, Reason::Unsupported);
        check(
            "ERROR: something https://example.org/?key=SECRET nobody ever saw",
            true,
            Reason::ServiceRefused,
        );
        check(
            "ERROR: [x] a: Unable to download JSON metadata: HTTP Error 400: Bad Request",
            true,
            Reason::ServiceRefused,
        );
        let tired = "ERROR: [youtube] a: The current session has been rate-limited by YouTube";
        assert!(super::fault(tired, false).detail.contains("too often"));
        assert_eq!(super::fault("HTTP Error 404", true).reason, Reason::PrivateAddress);
    }
}
