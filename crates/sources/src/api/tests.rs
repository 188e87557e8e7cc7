use reqwest::header::AUTHORIZATION;
use serde_json::json;

use super::*;
use crate::secret::Secret;
use crate::server::{self, Server, Step, answer, head, redirect};

fn api(settings: Settings) -> Api {
    Api::new(server::http(&["127.0.0.1"]), settings)
}

fn instance(server: &Server) -> Instance {
    Instance::new(&api(Settings::STANDARD), &server.url("/base/")).unwrap()
}

async fn fault_of(steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Fault {
    let server = Server::start(move |_, _| steps()).await;
    let instance = instance(&server);
    instance.json(instance.at(&["x"]).with("key", "SECRET")).await.unwrap_err()
}

#[tokio::test]
async fn a_question_arrives_as_it_was_meant() {
    let server = Server::start(|_, _| server::json(&json!({"ok": true}))).await;
    let instance = instance(&server);
    let question = instance.at(&["a b", "c/d", ".."]).with("q", "x&y=z ü").with_some("n", None);
    assert_eq!(instance.json(question).await.unwrap(), json!({"ok": true}));
    let question = instance.at(&[]).secretly(AUTHORIZATION, &Secret::new("Api-Key 1"));
    instance.json(question.sending("application/json", "{}".to_owned())).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].method, "GET");
    assert!(seen[0].path.starts_with("/base/a%20b/c%2Fd"), "{}", seen[0].path);
    assert_eq!(seen[0].query("q").as_deref(), Some("x&y=z ü"));
    assert_eq!(seen[0].header("accept"), Some("application/json"));
    assert_eq!((seen[1].method.as_str(), seen[1].path.as_str()), ("POST", "/base"));
    assert_eq!(seen[1].body, b"{}");
    assert_eq!(seen[1].header("authorization"), Some("Api-Key 1"));
    assert_eq!(seen[1].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_page_instead_of_json_is_the_services_fault() {
    let page = fault_of(|| answer("200 OK", &[], b" \n<!doctype html>SECRET")).await;
    assert_eq!((page.class, page.reason), (Class::Transient, Reason::ServiceRefused));
    assert!(page.detail.ends_with("a page instead of JSON"), "{page}");
    let junk = fault_of(|| answer("200 OK", &[], b"{\"SECRET\": ")).await;
    assert_eq!((junk.class, junk.reason), (Class::Transient, Reason::ServiceRefused));
    for fault in [page, junk] {
        assert!(!fault.detail.contains("SECRET") && !fault.detail.contains('?'), "{fault}");
    }
}

#[tokio::test]
async fn answers_have_a_size() {
    let announced =
        fault_of(|| vec![Step::Send(head("200 OK", &[("Content-Length", "10737418240")]))]);
    let endless =
        fault_of(|| vec![Step::Send(head("200 OK", &[])), Step::Endless(vec![b' '; 65_536])]);
    for fault in [announced.await, endless.await] {
        assert_eq!((fault.class, fault.reason), (Class::Transient, Reason::ServiceRefused));
        assert!(fault.detail.contains("more than 8388608 bytes"), "{fault}");
    }
}

#[tokio::test]
async fn a_packed_answer_is_not_unpacked() {
    let fault = fault_of(|| answer("200 OK", &[("Content-Encoding", "gzip")], b"\x1f\x8b")).await;
    assert_eq!(fault.reason, Reason::Unsupported);
}

#[tokio::test]
async fn a_drip_is_given_up_long_before_the_deadline() {
    let server = Server::start(|_, _| {
        let start = head("200 OK", &[("Content-Length", "1000000")]);
        vec![Step::Send(start), Step::Drip(Duration::from_millis(20))]
    })
    .await;
    let settings = Settings {
        answer_max: Duration::from_secs(20),
        rate_min: 10_000,
        rate_window: Duration::from_millis(300),
    };
    let instance = Instance::new(&api(settings), &server.url("")).unwrap();
    let fault = instance.answer(instance.json(instance.at(&["x"]))).await.unwrap_err();
    assert_eq!((fault.class, fault.reason), (Class::Transient, Reason::Timeout));
    assert!(fault.detail.ends_with("a drip"), "{fault}");
}

#[tokio::test]
async fn all_the_requests_of_an_answer_share_one_deadline() {
    let server = Server::start(|_, number| match number {
        0 => server::json(&json!({})),
        _ => vec![Step::Hang],
    })
    .await;
    let settings = Settings { answer_max: Duration::from_millis(500), ..Settings::STANDARD };
    let instance = Instance::new(&api(settings), &server.url("")).unwrap();
    let both = async {
        instance.json(instance.at(&["1"])).await?;
        instance.json(instance.at(&["2"])).await
    };
    let fault = instance.answer(both).await.unwrap_err();
    assert_eq!((fault.class, fault.reason), (Class::Transient, Reason::Timeout));
    assert!(fault.detail.ends_with("no whole answer in 500 ms"), "{fault}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_key_does_not_follow_a_redirect_to_another_host() {
    let other = Server::start(|_, _| server::json(&json!({}))).await;
    let target = other.url("/there");
    let server = Server::start(move |request, _| match request.place() {
        "/base/away" => redirect(&target),
        "/base/near" => redirect("/base/here"),
        _ => server::json(&json!({})),
    })
    .await;
    let instance = instance(&server);
    for path in ["away", "near"] {
        let question = instance.at(&[path]).secretly(AUTHORIZATION, &Secret::new("SECRET"));
        instance.json(question).await.unwrap();
    }
    assert_eq!(other.seen()[0].header("authorization"), None);
    assert_eq!(other.seen()[0].header("accept"), Some("application/json"));
    let keys: Vec<_> =
        server.seen().iter().map(|it| it.header("authorization").is_some()).collect();
    assert_eq!(keys, [true, true, true]);
}

#[tokio::test]
async fn what_is_sent_is_not_sent_on() {
    let other = Server::start(|_, _| server::json(&json!({}))).await;
    let target = other.url("/there");
    let server =
        Server::start(move |_, _| answer("307 Temporary Redirect", &[("Location", &target)], b""))
            .await;
    let instance = instance(&server);
    let question = instance.at(&["x"]).sending("application/json", "{}".to_owned());
    assert_eq!(instance.json(question).await.unwrap_err().reason, Reason::BadUrl);
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn an_address_that_may_not_be_asked_is_the_operators_mistake() {
    let api = Api::new(server::http(&[]), Settings::STANDARD);
    for base in ["http://127.0.0.1/", "ftp://a.test/", "nothing", "https://me:you@a.test/"] {
        assert_eq!(Instance::new(&api, base).unwrap_err().class, Class::Fatal, "{base}");
    }
    let instance = Instance::new(&api, "https://A.test/v1?key=SECRET#x").unwrap();
    assert_eq!(instance.label(), "a.test");
    assert_eq!(instance.at(&["x"]).into_url().as_str(), "https://a.test/v1/x");
}

#[tokio::test]
async fn links_into_the_own_network_are_not_handed_on() {
    let api = Api::new(server::http(&[]), Settings::STANDARD);
    let instance = Instance::new(&api, "https://a.test/v1/").unwrap();
    let kind = domain::candidate::StreamKind::File;
    for inward in ["http://10.0.0.1/a", "//127.0.0.1/a", "http://[::1]/a"] {
        let fault = instance.stream(inward, kind).unwrap_err();
        assert_eq!(fault.reason, Reason::PrivateAddress, "{inward}");
    }
    assert_eq!(instance.stream("file:///etc/passwd", kind).unwrap_err().reason, Reason::BadUrl);
    assert_eq!(instance.stream("/a?b=1", kind).unwrap().url, "https://a.test/a?b=1");
}
