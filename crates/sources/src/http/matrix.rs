//! Every way into the own network that anybody has thought of, through the door that a stranger's link takes.
//!
//! Rows are what somebody may type after `/play`, what a redirect may point at, and what a list may name. Behind all of
//! them stands one server on loopback that must never hear of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{Fault, Reason};

use super::Http;
use super::resolver::Lookup;
use crate::direct::{Direct, Settings};
use crate::server::{self, Server, answer, flac, redirect};

/// Names that lead where they should not; `rebind.test` is public for the first who asks.
fn names() -> Lookup {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move |name| {
        let is_first =
            name == "rebind.test" && asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        let found: &[&str] = match name.as_str() {
            // nobody listens there
            "rebind.test" if is_first => &["192.0.2.1"],
            "six.test" => &["::1"],
            "mapped.test" => &["::ffff:127.0.0.1"],
            "lan.test" => &["10.0.0.1", "192.168.0.1"],
            "metadata.google.internal" => &["169.254.169.254"],
            _ => &["127.0.0.1"],
        };
        let found: Vec<IpAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    })
}

fn direct(allow: &[&str]) -> Direct {
    server::install_crypto();
    let settings = Settings {
        bytes_max: 1024 * 1024,
        stall_timeout: Duration::from_secs(10),
        rate_min: 1,
        rate_window: Duration::from_secs(10),
        open_max: Duration::from_secs(60),
        attempts_max: 2,
        backoff: Duration::from_millis(1),
    };
    Direct::new(Http::with_lookup(server::settings(allow), names()).unwrap(), settings)
}

/// Addresses inside; `{p}` is the port on which somebody listens.
const INSIDE: &[&str] = &[
    // as it is, and as other systems write it
    "http://127.0.0.1:{p}/",
    "http://127.0.0.1/",
    "http://127.1:{p}/",
    "http://2130706433:{p}/",
    "http://0x7f000001:{p}/",
    "http://0x7f.0.0.1:{p}/",
    "http://0x7f.1:{p}/",
    "http://0177.0.0.1:{p}/",
    "http://127.0.0.1.:{p}/",
    "http://127.255.255.254:{p}/",
    "http://0:{p}/",
    "http://0.0.0.0:{p}/",
    // written to be read otherwise
    "http://%31%32%37.0.0.1:{p}/",
    "http://127。0。0。1:{p}/",
    "http://①②⑦.0.0.1:{p}/",
    "http://127.0.\t0.1:{p}/",
    "http:\\\\127.0.0.1:{p}\\",
    "http:127.0.0.1:{p}/",
    "HTTP://LOCALHOST/",
    // version 6, and version 4 inside it
    "http://[::1]:{p}/",
    "http://[0:0:0:0:0:0:0:1]:{p}/",
    "http://[::]:{p}/",
    "http://[::ffff:127.0.0.1]:{p}/",
    "http://[::ffff:7f00:1]:{p}/",
    "http://[::127.0.0.1]:{p}/",
    "http://[64:ff9b::7f00:1]:{p}/",
    "http://[2002:7f00:1::]:{p}/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[ff02::1]/",
    // other networks that are nobody's business
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/opc/v2/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    // names
    "http://localhost/",
    "http://localhost./",
    "http://metadata.google.internal/",
    "https://six.test/",
    "http://mapped.test/",
    "http://lan.test/",
    // the ports of stations open no address
    "http://127.0.0.1:8000/",
    "http://localhost:8000/",
    "http://10.0.0.1:8443/",
    "http://[::1]:8080/",
    "http://169.254.169.254:9000/",
    "https://six.test:8443/",
    "http://lan.test:8000/",
    "http://xn--p1ai.test/",
];

/// What is no address of the web, or says more than a host.
const BAD: &[&str] = &[
    "http://8.8.8.8@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}@8.8.8.8/",
    "http://user:word@8.8.8.8/",
    "http://8.8.8.8:22/",
    "http://8.8.8.8:6379/",
    "http://8.8.8.8:7999/",
    "http://8.8.8.8:9100/",
    "http://8.8.8.8:{p}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{p}/_x",
    "ftp://127.0.0.1:{p}/",
    "dict://127.0.0.1:{p}/x",
    "data:audio/mpeg;base64,AAAA",
    "concat:http://127.0.0.1:{p}/|/etc/passwd",
    "//127.0.0.1:{p}/",
    "/etc/passwd",
];

fn is_refused(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::PrivateAddress | Reason::BadUrl) && !fault.is_retryable()
}

#[tokio::test]
async fn no_way_of_writing_an_address_leads_inside() {
    let inside = Server::start(|_, _| answer("200 OK", &[], &flac(5000))).await;
    let port = inside.address.port().to_string();
    let (direct, mut rows) = (direct(&[]), 0);
    for (table, reason) in [(INSIDE, Reason::PrivateAddress), (BAD, Reason::BadUrl)] {
        for row in table {
            let url = row.replace("{p}", &port);
            let fault = direct.open(&url).await.expect_err(&url);
            assert!(is_refused(&fault), "{url}: {fault}");
            let is_as_expected =
                fault.reason == reason || row.contains('\\') || row.contains("//8.8");
            assert!(is_as_expected, "{url}: {:?}", fault.reason);
            rows += 1;
        }
    }
    // public when it is checked, inside when it is connected to
    let fault = direct.open("http://rebind.test/").await.unwrap_err();
    let fault = if is_refused(&fault) {
        fault
    } else {
        direct.open("http://rebind.test/").await.unwrap_err()
    };
    assert!(is_refused(&fault), "{fault}");
    assert!(inside.seen().is_empty(), "{rows} rows, and somebody came through");
}

#[tokio::test]
async fn neither_redirects_nor_lists_lead_inside() {
    let inside = Server::start(|_, _| answer("200 OK", &[], &flac(5000))).await;
    let port = inside.address.port().to_string();
    for row in INSIDE.iter().chain(BAD).filter(|row| !row.contains(['\t', '\\'])) {
        let to = row.replace("{p}", &port);
        // these are names of files there
        if to.starts_with('/') && !to.starts_with("//") || to.starts_with("http:1") {
            continue;
        }
        let told = to.clone();
        let outside = Server::start(move |request, _| match request.path.as_str() {
            "/redirect" => redirect(&told),
            "/list.m3u" => answer("200 OK", &[], format!("#EXTM3U\n{told}\n").as_bytes()),
            _ => {
                let list = format!(
                    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{told}\n#EXT-X-ENDLIST\n"
                );
                answer("200 OK", &[], list.as_bytes())
            }
        })
        .await;
        let direct = direct(&[&outside.address.to_string()]);
        for way in ["/redirect", "/list.m3u", "/list.m3u8"] {
            let fault = direct.open(&outside.url(way)).await.expect_err(&to);
            assert!(is_refused(&fault), "{way} to {to}: {fault}");
        }
    }
    assert!(inside.seen().is_empty());
}
