use domain::Reason;

use super::*;

fn guard(allow: &[&str]) -> Guard {
    Guard::new(allow.iter().map(|host| host.parse().unwrap()).collect())
}

#[test]
fn strangers_cannot_point_the_bot_at_its_own_network() {
    let table = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://１２７.０.０.１/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/",
        "http://127.255.255.254/",
        "http://168.63.129.16/metadata",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://192.88.99.1/",
        "http://192.168.1.1/",
        "http://198.18.0.1/",
        "http://198.51.100.7/",
        "http://203.0.113.9/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::8.8.8.8]/",
        "http://[100::1]/",
        "http://[2001::1]/",
        "http://[2001:2::1]/",
        "http://[2001:db8::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:808:808::]/",
        "http://[3fff::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "https://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "http:127.0.0.1",
        "http:\\\\127.0.0.1\\",
        "http://127.0.0.1\t/",
        " http://127.0.0.1/ ",
    ];
    for text in table {
        let fault = guard(&[]).check(text).expect_err(text);
        assert_eq!(fault.reason, Reason::PrivateAddress, "{text}: {fault}");
        assert!(!fault.is_retryable());
    }
}

#[test]
fn what_is_no_plain_web_address_is_refused() {
    let table = [
        "",
        "music",
        "//example.org/a.mp3",
        "file:///etc/passwd",
        "ftp://example.org/a.mp3",
        "gopher://example.org:70/_x",
        "concat:http://example.org/a|file:///etc/passwd",
        "data:audio/ogg;base64,T2dnUw==",
        "javascript:alert(1)",
        "unix:/run/docker.sock",
        "http://",
        "http:///",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://example.org@127.0.0.1/",
        "http://127.0.0.1@example.org/",
        "http://:@example.org:8080/",
        "http://example.org:22/",
        "https://example.org:6379/",
        "http://example.org:99999/",
        "http://1.2.3.4.5/",
        "http://256.256.256.256/",
        "http://[::1%25eth0]/",
        "http://exa mple.org/",
    ];
    for text in table {
        let fault = guard(&[]).check(text).expect_err(text);
        assert_eq!(fault.reason, Reason::BadUrl, "{text}: {fault}");
    }
    let endless = format!("http://example.org/{}", "a".repeat(URL_BYTES_MAX));
    assert_eq!(guard(&[]).check(&endless).unwrap_err().reason, Reason::BadUrl);
}

#[test]
fn what_is_played_may_come_from_the_ports_of_stations_and_from_nowhere_new() {
    let (asked, played) = (guard(&[]), guard(&[]).for_streams());
    for port in [8000, 8080, 8443, 8999, 9000, 9099] {
        let url = format!("http://radio.example:{port}/live");
        assert!(played.check(&url).is_ok(), "{url}");
        assert_eq!(asked.check(&url).unwrap_err().reason, Reason::BadUrl, "{url}");
        assert!(played.admits("radio.example", "1.1.1.1".parse().unwrap(), port));
        assert!(!asked.admits("radio.example", "1.1.1.1".parse().unwrap(), port));
        // a port opens no address
        for host in ["127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254", "0x7f.1"] {
            let url = format!("http://{host}:{port}/live");
            assert_eq!(played.check(&url).unwrap_err().reason, Reason::PrivateAddress, "{url}");
        }
        assert!(!played.admits("radio.example", "127.0.0.1".parse().unwrap(), port));
    }
    for port in [1, 21, 22, 25, 110, 3306, 5432, 6379, 7999, 9100, 9200, 11211, 27017, 65535] {
        let url = format!("http://radio.example:{port}/live");
        assert_eq!(played.check(&url).unwrap_err().reason, Reason::BadUrl, "{url}");
    }
}

#[test]
fn public_web_addresses_pass() {
    let table = [
        "http://example.org/a.mp3",
        "https://example.org/a.mp3?token=1#t=3",
        "https://example.org:443/",
        "http://example.org:80/",
        "https://example.org:80/",
        "HTTPS://EXAMPLE.ORG/",
        "https://пример.рф/песня.mp3",
        "http://8.8.8.8/",
        "http://172.32.0.1/",
        "http://100.128.0.1/",
        "http://198.20.0.1/",
        "http://[2606:4700:4700::1111]/",
        "http://[2001:4860:4860::8888]/",
        "http://[64:ff9b::8.8.8.8]/",
    ];
    for text in table {
        assert!(guard(&[]).check(text).is_ok(), "{text}");
    }
}

#[test]
fn the_operator_can_allow_a_host_with_or_without_a_port() {
    let check = |allow: &str, text: &str, expected: bool| {
        assert_eq!(guard(&[allow]).check(text).is_ok(), expected, "{allow}: {text}");
    };
    check("127.0.0.1", "http://127.0.0.1:8080/", true);
    check("127.0.0.1", "http://127.0.0.1/", true);
    check("127.0.0.1", "http://127.0.0.2/", false);
    check("127.0.0.1", "http://[::ffff:127.0.0.1]/", false);
    check("127.0.0.1:8080", "http://127.0.0.1:8080/", true);
    check("127.0.0.1:8080", "http://2130706433:8080/", true);
    check("127.0.0.1:8080", "http://127.0.0.1:8081/", false);
    check("127.0.0.1:8080", "http://127.0.0.1/", false);
    check("127.0.0.1:80", "http://127.0.0.1/", true);
    check("127.0.0.1:80", "https://127.0.0.1/", false);
    check("127.0.0.1:443", "https://127.0.0.1/", true);
    check("127.0.0.1:443", "http://127.0.0.1/", false);
    check("[::1]:8000", "http://[::1]:8000/", true);
    check("[::1]:8000", "http://[::1]:8001/", false);
    check("Radio.LAN:8000", "http://radio.lan:8000/live", true);
    check("radio.lan", "http://other.lan:8000/live", false);
    check("127.0.0.1", "ftp://127.0.0.1/", false);
    check("127.0.0.1", "http://me@127.0.0.1/", false);
    for text in ["", "a b", "me@host", "host/path", "host?x", "host:port", "http://host"] {
        assert!(text.parse::<AllowHost>().is_err(), "{text:?}");
    }
    assert_eq!("Radio.LAN:8000".parse::<AllowHost>().unwrap().to_string(), "radio.lan:8000");
}
