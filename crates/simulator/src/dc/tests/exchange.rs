//! The key exchange, step by step from the client's side.

use num_bigint::BigUint;

use super::*;
use crate::dc::DhAnswer;
use crate::dc::crypto::{AuthKey, ige_decrypt, ige_encrypt, message_keys_v1, random, sha1, sha256};
use crate::dc::rsa::{hex, padded};
use crate::dc::tl::{Malformed, Reader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Padded,
    Hashed,
}

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Key(Box<AuthKey>, i64),
    Failed,
    Expelled,
}

fn unpack(frame: &[u8]) -> &[u8] {
    assert_eq!(frame[..8], [0; 8]);
    &frame[20..]
}

async fn ask(client: &mut Client, body: Vec<u8>) -> Option<Vec<u8>> {
    let frame =
        Vec::new().put_i64(0).put_i64(client.next_id()).put_i32(body.len() as i32).put(&body);
    client.send_frame(&frame).await;
    client.frame().await.map(|frame| unpack(&frame).to_vec())
}

/// The smaller factor, by Pollard's rho.
fn factor(n: u64) -> u64 {
    let step =
        |x: u64, c: u64| ((u128::from(x) * u128::from(x) + u128::from(c)) % u128::from(n)) as u64;
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    for c in 1.. {
        let (mut slow, mut fast, mut found) = (2, 2, 1);
        while found == 1 {
            slow = step(slow, c);
            fast = step(step(fast, c), c);
            found = gcd(slow.abs_diff(fast), n);
        }
        if found != n {
            return found.min(n / found);
        }
    }
    unreachable!("a product has factors")
}

fn encrypt(dc: &Dc, scheme: Scheme, inner: &[u8]) -> Vec<u8> {
    let (n, e) = (hex(&dc.rsa().n_hex), hex(&dc.rsa().e_hex));
    let plain = match scheme {
        Scheme::Hashed => {
            let head = [&[0][..], &sha1(&[inner]), inner].concat();
            let noise: [u8; 256] = random();
            [&head[..], &noise[head.len()..]].concat()
        }
        Scheme::Padded => loop {
            let noise: [u8; 192] = random();
            let data = [inner, &noise[inner.len()..]].concat();
            let temp_key: [u8; 32] = random();
            let reversed: Vec<u8> = data.iter().rev().copied().collect();
            let mut sealed = [&reversed[..], &sha256(&[&temp_key, &data])].concat();
            ige_encrypt(&temp_key, &[0; 32], &mut sealed);
            let mask = sha256(&[&sealed]);
            let masked: Vec<u8> = temp_key.iter().zip(mask).map(|(a, b)| a ^ b).collect();
            let plain = [masked, sealed].concat();
            if BigUint::from_bytes_be(&plain) < n {
                break plain;
            }
        },
    };
    padded(&BigUint::from_bytes_be(&plain).modpow(&e, &n)).to_vec()
}

fn keys(new_nonce: &[u8], server_nonce: &[u8]) -> ([u8; 32], [u8; 32]) {
    let (a, b) = (sha1(&[new_nonce, server_nonce]), sha1(&[server_nonce, new_nonce]));
    let key = [&a[..], &b[..12]].concat();
    let iv = [&b[12..], &sha1(&[new_nonce, new_nonce]), &new_nonce[..4]].concat();
    (key.try_into().unwrap(), iv.try_into().unwrap())
}

/// The whole exchange. `inner_id` says which inner data; `tail` follows its nonces.
async fn exchange(
    dc: &Dc,
    wire: Wire,
    scheme: Scheme,
    inner_id: u32,
    tail: &[i32],
) -> Result<Ending, Malformed> {
    let mut client = Client::connect(dc, wire).await;
    let (nonce, new_nonce): ([u8; 16], [u8; 32]) = (random(), random());
    let said =
        ask(&mut client, Vec::new().put_id(0xbe7e_8ef1).put(&nonce)).await.ok_or(Malformed)?;
    let mut reader = Reader::new(&said);
    assert_eq!((reader.u32()?, reader.array::<16>()?), (0x0516_2463, nonce));
    let server_nonce = reader.array::<16>()?;
    let pq = reader.bytes()?;
    assert_eq!(reader.longs()?, [dc.rsa().fingerprint]);
    let number = u64::from_be_bytes(pq.try_into().unwrap());
    let p = factor(number);
    let [p, q] = [p, number / p].map(|factor| u32::try_from(factor).unwrap().to_be_bytes());
    let inner = Vec::new().put_id(inner_id).put_bytes(pq).put_bytes(&p).put_bytes(&q);
    let inner = inner.put(&nonce).put(&server_nonce).put(&new_nonce);
    let inner = tail.iter().fold(inner, |inner, int| inner.put_i32(*int));
    let nonces = [nonce, server_nonce].concat();
    let body = Vec::new().put_id(0xd712_e4be).put(&nonces).put_bytes(&p).put_bytes(&q);
    let body = body.put_i64(dc.rsa().fingerprint).put_bytes(&encrypt(dc, scheme, &inner));
    let Some(said) = ask(&mut client, body).await else { return Ok(Ending::Expelled) };

    let mut reader = Reader::new(&said);
    assert_eq!((reader.u32()?, reader.raw(32)?), (0xd0e8_075c, &nonces[..]));
    let mut opened = reader.bytes()?.to_vec();
    let (key, iv) = keys(&new_nonce, &server_nonce);
    ige_decrypt(&key, &iv, &mut opened);
    let mut reader = Reader::new(&opened[20..]);
    assert_eq!((reader.u32()?, reader.raw(32)?, reader.i32()?), (0xb589_0dba, &nonces[..], 3));
    let (prime, g_a) = (BigUint::from_bytes_be(reader.bytes()?), reader.bytes()?);
    let time = i64::from(reader.i32()?);
    assert!((time - dc.now()).abs() < 60 && g_a.len() == 256);
    let g_a = BigUint::from_bytes_be(g_a);
    let answer_length = opened.len() - 20 - reader.left().len();
    assert_eq!(sha1(&[&opened[20..20 + answer_length]]), opened[..20]);

    let mut retry_id = 0;
    loop {
        let b = BigUint::from_bytes_be(&random::<256>());
        let g_b = padded(&BigUint::from(3u8).modpow(&b, &prime));
        let auth_key = padded(&g_a.modpow(&b, &prime));
        let inner = Vec::new().put_id(0x6643_b654).put(&nonces).put_i64(retry_id).put_bytes(&g_b);
        let mut sealed = [&sha1(&[&inner])[..], &inner].concat();
        sealed.resize(sealed.len().next_multiple_of(16), 9);
        ige_encrypt(&key, &iv, &mut sealed);
        let body = Vec::new().put_id(0xf504_5f1f).put(&nonces).put_bytes(&sealed);
        let Some(said) = ask(&mut client, body).await else { return Ok(Ending::Expelled) };
        let mut reader = Reader::new(&said);
        let (id, echoed, hash) = (reader.u32()?, reader.raw(32)?, reader.array::<16>()?);
        assert_eq!(echoed, nonces);
        let aux = &sha1(&[&auth_key])[..8];
        let expected = |n: u8| sha1(&[&new_nonce, &[n], aux])[4..].to_vec();
        match id {
            0x3bcb_f734 => {
                assert_eq!(hash[..], expected(1));
                let salt: Vec<u8> =
                    new_nonce.iter().zip(server_nonce).take(8).map(|(a, b)| a ^ b).collect();
                return Ok(Ending::Key(
                    Box::new(auth_key),
                    i64::from_le_bytes(salt.try_into().unwrap()),
                ));
            }
            0x46dc_1fb9 => {
                assert_eq!(hash[..], expected(2));
                retry_id = i64::from_le_bytes(aux.try_into().unwrap());
            }
            id => {
                assert_eq!((id, &hash[..]), (0xa69d_ae02, &expected(3)[..]));
                return Ok(Ending::Failed);
            }
        }
    }
}

#[tokio::test]
async fn both_rsa_schemes_make_a_key_and_a_salt_that_work() {
    let (dc, _echo) = start().await;
    for (wire, scheme, inner, tail) in [
        (Wire::Full, Scheme::Padded, 0xa9f5_5f95, &[2][..]),
        (Wire::Abridged, Scheme::Hashed, 0x83c9_5aec, &[]),
        (Wire::Intermediate, Scheme::Padded, 0x56fd_df88, &[2, 3600]),
    ] {
        let Ok(Ending::Key(key, salt)) = exchange(&dc, wire, scheme, inner, tail).await else {
            panic!("no key by {scheme:?}");
        };
        let mut client = Client::connect(&dc, wire).await.with_key(*key);
        client.salt = salt;
        assert_eq!(client.call(&echo("first words")).await, Ok(echo("first words")));
    }
    assert_eq!(dc.stats().handshakes, 3);
    assert_eq!(dc.stats().bad_salts, 0);
}

#[tokio::test]
async fn a_temporary_key_dies_in_time() {
    let (dc, _echo) = start().await;
    let made = exchange(&dc, Wire::Full, Scheme::Hashed, 0x3c6a_84d4, &[60]).await;
    let Ok(Ending::Key(key, salt)) = made else { panic!("no key") };
    let mut client = Client::connect(&dc, Wire::Full).await.with_key(*key);
    client.salt = salt;
    assert_eq!(client.call(&echo("alive")).await, Ok(echo("alive")));
    dc.faults().set_clock_offset(61);
    client.send(&echo("dead")).await;
    assert_eq!(client.frame().await, Some((-404i32).to_le_bytes().to_vec()));
}

/// `auth.bindTempAuthKey` of this client, which must be the next request it sends.
fn binding(
    client: &mut Client,
    permanent: &AuthKey,
    expires_at: i32,
    session: i64,
) -> (i64, Vec<u8>) {
    let (request, temporary) = (client.next_id(), Dc::key_id(&client.key).0 as i64);
    let permanent_id = Dc::key_id(permanent).0 as i64;
    let inner = Vec::new().put_id(0x75a3_f765).put_i64(5).put_i64(temporary).put_i64(permanent_id);
    let inner = inner.put_i64(session).put_i32(expires_at);
    let mut plain =
        random::<16>().to_vec().put_i64(request).put_i32(0).put_i32(inner.len() as i32).put(&inner);
    let msg_key = sha1(&[&plain])[4..].to_vec();
    plain.resize(plain.len().next_multiple_of(16), 0);
    let (key, iv) = message_keys_v1(permanent, &msg_key);
    ige_encrypt(&key, &iv, &mut plain);
    let sealed = Vec::new().put_i64(permanent_id).put(&msg_key).put(&plain);
    let body = Vec::new().put_id(0xcdd4_2a05).put_i64(permanent_id).put_i64(5).put_i32(expires_at);
    (request, body.put_bytes(&sealed))
}

#[tokio::test]
async fn a_bound_temporary_key_speaks_for_the_permanent_one() {
    let (dc, service) = start().await;
    let permanent = dc.register_key();
    let permanent_id = Dc::key_id(&permanent);
    dc.bind_user(permanent_id, 7);
    let made = exchange(&dc, Wire::Full, Scheme::Padded, 0x56fd_df88, &[2, 600]).await;
    let Ok(Ending::Key(key, salt)) = made else { panic!("no key") };
    let mut client = Client::connect(&dc, Wire::Full).await.with_key(*key);
    client.salt = salt;
    let expires_at = dc.now() as i32 + 600;
    for (session, is_right) in [(!client.session, false), (client.session, true)] {
        let (request, body) = binding(&mut client, &permanent, expires_at, session);
        let seq = client.next_seq();
        client.send_as(request, seq, &body).await;
        assert_eq!(client.result(request).await.is_ok(), is_right);
    }
    client.call(&echo("for another")).await.unwrap();
    let (caller, _) = service.calls().remove(0);
    assert_eq!(
        (caller.user, caller.key, caller.temp_key),
        (Some(7), permanent_id, Some(Dc::key_id(&key)))
    );
    assert_eq!(dc.push_to_key(permanent_id, echo("update"), None), 1);
}

#[tokio::test]
async fn an_exchange_can_be_made_to_retry_or_to_fail() {
    let (dc, _echo) = start().await;
    dc.faults().end_next_handshake(DhAnswer::Retry);
    let retried = exchange(&dc, Wire::Full, Scheme::Padded, 0x83c9_5aec, &[]).await;
    assert!(matches!(retried, Ok(Ending::Key(..))));
    dc.faults().end_next_handshake(DhAnswer::Fail);
    let failed = exchange(&dc, Wire::Full, Scheme::Padded, 0x83c9_5aec, &[]).await;
    assert_eq!(failed, Ok(Ending::Failed));
}

#[tokio::test]
async fn inner_data_of_an_unknown_kind_ends_the_exchange() {
    let (dc, _echo) = start().await;
    let ending = exchange(&dc, Wire::Full, Scheme::Padded, 0x1234_5678, &[]).await;
    assert_eq!(ending, Ok(Ending::Expelled));
}

#[test]
fn the_key_is_offered_in_forms_that_agree() {
    let info = crate::dc::rsa::info();
    let body: String = info.pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
    let n = hex(&info.n_hex).to_bytes_be();
    assert!(der.windows(n.len()).any(|window| window == n));
    assert!(der.ends_with(&[2, 3, 1, 0, 1]) && info.e_hex == "10001");
}
