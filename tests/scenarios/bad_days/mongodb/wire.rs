//! As much of MongoDB's wire protocol as these tests say themselves (mongodb.com/docs, "MongoDB Wire Protocol", and
//! bsonspec.org): a header of four 32-bit numbers, then OP_MSG with flags and one document, or OP_REPLY.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const OP_REPLY: i32 = 1;
const OP_MSG: i32 = 2013;

/// One message; the first field names the command.
pub(crate) fn message(id: i32, answers: i32, fields: &[(&str, Value)]) -> Vec<u8> {
    framed([id, answers, OP_MSG], &[0; 5], fields)
}

fn framed(numbers: [i32; 3], prefix: &[u8], fields: &[(&str, Value)]) -> Vec<u8> {
    let document = document(fields.iter().map(|(key, value)| (*key, value)));
    let length = (16 + prefix.len() + document.len()) as i32;
    let header = [length].into_iter().chain(numbers).flat_map(i32::to_le_bytes);
    header.chain(prefix.iter().copied()).chain(document).collect()
}

fn document<'v>(fields: impl IntoIterator<Item = (&'v str, &'v Value)>) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in fields {
        let (kind, bytes) = element(value);
        body.push(kind);
        body.extend(key.bytes().chain([0]));
        body.extend(bytes);
    }
    let length = (body.len() + 5) as i32;
    length.to_le_bytes().into_iter().chain(body).chain([0]).collect()
}

fn element(value: &Value) -> (u8, Vec<u8>) {
    match value {
        Value::String(text) => {
            let length = (text.len() + 1) as i32;
            (0x02, length.to_le_bytes().into_iter().chain(text.bytes()).chain([0]).collect())
        }
        Value::Object(fields) => (0x03, document(fields.iter().map(|(key, v)| (key.as_str(), v)))),
        Value::Array(values) => {
            let keys: Vec<String> = (0..values.len()).map(|n| n.to_string()).collect();
            (0x04, document(keys.iter().map(String::as_str).zip(values)))
        }
        Value::Bool(is_so) => (0x08, vec![u8::from(*is_so)]),
        Value::Number(number) => {
            let number = number.as_i64().expect("a whole number") as i32;
            (0x10, number.to_le_bytes().to_vec())
        }
        Value::Null => (0x0a, Vec::new()),
    }
}

/// Lets every one of these commands fail as on a server that is not primary (code 10107), or no longer. SecantusDB
/// understands what MongoDB's own tests say to it.
pub(crate) fn fail(port: u16, commands: &[&str], is_so: bool) {
    let data = json!({ "failCommands": commands, "errorCode": 10_107 });
    let mode = if is_so { "alwaysOn" } else { "off" };
    let command = [
        ("configureFailPoint", json!("failCommand")),
        ("mode", json!(mode)),
        ("data", data),
        ("$db", json!("admin")),
    ];
    let mut wire = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    wire.write_all(&message(1, 0, &command)).expect("it reads");
    let mut length = [0; 4];
    wire.read_exact(&mut length).expect("it answers");
    let mut answer = vec![0; i32::from_le_bytes(length) as usize - 4];
    wire.read_exact(&mut answer).expect("it answers");
    let has = |words: &[u8]| answer.windows(words.len()).any(|here| here == words);
    assert!(!has(b"errmsg"), "{}", String::from_utf8_lossy(&answer));
}

/// A server that greets as 3.6 did, and says nothing else; it ends with what is given back.
pub(super) async fn version_3_6() -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut clients = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            clients.spawn(async move { while greet(&mut client).await.is_ok() {} });
        }
    });
    (port, server)
}

async fn greet(client: &mut TcpStream) -> std::io::Result<()> {
    let length = client.read_i32_le().await?;
    let request = client.read_i32_le().await?;
    let _answers = client.read_i32_le().await?;
    let operation = client.read_i32_le().await?;
    let mut body = vec![0; length as usize - 16];
    client.read_exact(&mut body).await?;
    let hello = [
        ("ismaster", json!(true)),
        ("isWritablePrimary", json!(true)),
        ("helloOk", json!(true)),
        ("maxBsonObjectSize", json!(16_777_216)),
        ("maxMessageSizeBytes", json!(48_000_000)),
        ("maxWriteBatchSize", json!(100_000)),
        ("minWireVersion", json!(0)),
        ("maxWireVersion", json!(6)),
        ("ok", json!(1)),
    ];
    let reply = if operation == OP_MSG {
        message(1, request, &hello)
    } else {
        framed([1, request, OP_REPLY], &[[0; 16].as_slice(), &[1, 0, 0, 0]].concat(), &hello)
    };
    client.write_all(&reply).await
}
