//! Exchange — making an authorization key with a client (core.telegram.org/mtproto/auth_key), seen from the server.

mod prime;

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::crypto::{AuthKey, ige_decrypt, ige_encrypt, key_id, random, sha1};
use super::faults::DhAnswer;
use super::rsa::{self, hex, padded};
use super::tl::{Malformed, Put, Reader};

/// Telegram's own 2048-bit safe prime; Kurigram takes no other.
const DH_PRIME_HEX: &str = "\
     c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa33\
     6f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96\
     bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410dba74d8a84b\
     2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0\
     f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119c\
     d8e3b92fcc5b";
/// A generator of the prime's large subgroup: the prime is 2 modulo 3.
const G: u32 = 3;

static DH_PRIME: LazyLock<BigUint> = LazyLock::new(|| hex(DH_PRIME_HEX));

const REQ_PQ: u32 = 0x6046_9778;
const REQ_PQ_MULTI: u32 = 0xbe7e_8ef1;
const RES_PQ: u32 = 0x0516_2463;
const REQ_DH_PARAMS: u32 = 0xd712_e4be;
const P_Q_INNER_DATA: u32 = 0x83c9_5aec;
const P_Q_INNER_DATA_DC: u32 = 0xa9f5_5f95;
const P_Q_INNER_DATA_TEMP: u32 = 0x3c6a_84d4;
const P_Q_INNER_DATA_TEMP_DC: u32 = 0x56fd_df88;
const SERVER_DH_PARAMS_OK: u32 = 0xd0e8_075c;
const SERVER_DH_INNER_DATA: u32 = 0xb589_0dba;
const SET_CLIENT_DH_PARAMS: u32 = 0xf504_5f1f;
const CLIENT_DH_INNER_DATA: u32 = 0x6643_b654;
const DH_GEN_OK: u32 = 0x3bcb_f734;
const DH_GEN_RETRY: u32 = 0x46dc_1fb9;
const DH_GEN_FAIL: u32 = 0xa69d_ae02;
const MSGS_ACK: u32 = 0x62d6_b459;

/// A key that both sides now have.
pub(super) struct NewKey {
    pub(super) auth_key: AuthKey,
    pub(super) salt: i64,
    /// Seconds to live, for temporary keys.
    pub(super) expires_in: Option<i32>,
}

/// What to do after a plain message.
pub(super) enum Step {
    Say(Vec<u8>),
    Done(Vec<u8>, Box<NewKey>),
    Nothing,
}

/// The exchange of one connection; a client may begin again at any time.
#[derive(Default)]
pub(super) struct Exchange {
    pending: Option<Pending>,
}

struct Pending {
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    factors: (u32, u32),
    agreed: Option<Agreed>,
}

struct Agreed {
    new_nonce: [u8; 32],
    expires_in: Option<i32>,
    a: BigUint,
    /// The auxiliary hash of the key of the attempt before, which a retry must name; 0 at first.
    retry_id: i64,
}

impl Exchange {
    /// Handles the body of one unencrypted message. An error means that the client is to be disconnected.
    pub(super) fn handle(
        &mut self,
        body: &[u8],
        now: i64,
        fate: &mut Option<DhAnswer>,
    ) -> Result<Step, Malformed> {
        let mut reader = Reader::new(body);
        match reader.u32()? {
            REQ_PQ | REQ_PQ_MULTI => Ok(Step::Say(self.begin(reader.array()?))),
            REQ_DH_PARAMS => self.agree(reader, now).map(Step::Say),
            SET_CLIENT_DH_PARAMS => self.finish(reader, fate),
            MSGS_ACK => Ok(Step::Nothing),
            _ => Err(Malformed),
        }
    }

    fn begin(&mut self, nonce: [u8; 16]) -> Vec<u8> {
        let (p, q) = (prime::random(), prime::random());
        let factors = (p.min(q), p.max(q));
        let pending = Pending { nonce, server_nonce: random(), factors, agreed: None };
        let pq = u64::from(p) * u64::from(q);
        let said = Vec::new()
            .put_id(RES_PQ)
            .put(&nonce)
            .put(&pending.server_nonce)
            .put_bytes(&pq.to_be_bytes())
            .put_longs(&[rsa::fingerprint()]);
        self.pending = Some(pending);
        said
    }

    /// The exchange that both nonces belong to.
    fn pending(&mut self, reader: &mut Reader<'_>) -> Result<&mut Pending, Malformed> {
        let (nonce, server_nonce) = (reader.array::<16>()?, reader.array::<16>()?);
        self.pending
            .as_mut()
            .filter(|p| p.nonce == nonce && p.server_nonce == server_nonce)
            .ok_or(Malformed)
    }

    fn agree(&mut self, mut reader: Reader<'_>, now: i64) -> Result<Vec<u8>, Malformed> {
        let pending = self.pending(&mut reader)?;
        let (p, q) = (reader.bytes()?, reader.bytes()?);
        let factors = (pending.factors.0.to_be_bytes(), pending.factors.1.to_be_bytes());
        if p != factors.0 || q != factors.1 || reader.i64()? != rsa::fingerprint() {
            return Err(Malformed);
        }
        let length_of = |data: &[u8]| Inner::parse(data).ok().map(|inner| inner.length);
        let opened = rsa::open(reader.bytes()?, length_of).ok_or(Malformed)?;
        let inner = Inner::parse(&opened)?;
        if inner.nonce != pending.nonce || inner.server_nonce != pending.server_nonce {
            return Err(Malformed);
        }
        let a = BigUint::from_bytes_be(&random::<256>());
        let g_a = BigUint::from(G).modpow(&a, &DH_PRIME);
        let answer = Vec::new()
            .put_id(SERVER_DH_INNER_DATA)
            .put(&pending.nonce)
            .put(&pending.server_nonce)
            .put_i32(G as i32)
            .put_bytes(&DH_PRIME.to_bytes_be())
            .put_bytes(&padded(&g_a))
            .put_i32(now as i32);
        let mut sealed = sha1(&[&answer]).to_vec().put(&answer);
        let padding = (16 - sealed.len() % 16) % 16;
        sealed.extend_from_slice(&random::<16>()[..padding]);
        let (key, iv) = temporary_keys(&inner.new_nonce, &pending.server_nonce);
        ige_encrypt(&key, &iv, &mut sealed);
        pending.agreed = Some(Agreed {
            new_nonce: inner.new_nonce,
            expires_in: inner.expires_in,
            a,
            retry_id: 0,
        });
        let said =
            Vec::new().put_id(SERVER_DH_PARAMS_OK).put(&pending.nonce).put(&pending.server_nonce);
        Ok(said.put_bytes(&sealed))
    }

    fn finish(
        &mut self,
        mut reader: Reader<'_>,
        fate: &mut Option<DhAnswer>,
    ) -> Result<Step, Malformed> {
        let pending = self.pending(&mut reader)?;
        let nonces = [pending.nonce, pending.server_nonce].concat();
        let server_nonce = pending.server_nonce;
        let agreed = pending.agreed.as_mut().ok_or(Malformed)?;
        let (retry_id, g_b) =
            open_client_data(reader.bytes()?, &nonces, &server_nonce, &agreed.new_nonce)?;
        if retry_id != agreed.retry_id {
            return Err(Malformed);
        }
        let auth_key = padded(&g_b.modpow(&agreed.a, &DH_PRIME));
        let aux_hash: [u8; 8] = sha1(&[&auth_key])[..8].try_into().expect("eight of twenty bytes");
        let say = |id: u32, number: u8| {
            let hash = sha1(&[&agreed.new_nonce, &[number], &aux_hash]);
            Vec::new().put_id(id).put(&nonces).put(&hash[4..])
        };
        match fate.take() {
            Some(DhAnswer::Retry) => {
                let said = say(DH_GEN_RETRY, 2);
                agreed.retry_id = i64::from_le_bytes(aux_hash);
                Ok(Step::Say(said))
            }
            Some(DhAnswer::Fail) => {
                let said = say(DH_GEN_FAIL, 3);
                self.pending = None;
                Ok(Step::Say(said))
            }
            None => {
                let said = say(DH_GEN_OK, 1);
                let mut salt = [0; 8];
                let halves = agreed.new_nonce.iter().zip(&server_nonce);
                salt.iter_mut().zip(halves).for_each(|(salt, (a, b))| *salt = a ^ b);
                let salt = i64::from_le_bytes(salt);
                let key = NewKey { auth_key, salt, expires_in: agreed.expires_in };
                self.pending = None;
                tracing::debug!(key = key_id(&key.auth_key), "authorization key made");
                Ok(Step::Done(said, Box::new(key)))
            }
        }
    }
}

/// `p_q_inner_data` of any kind.
struct Inner {
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    new_nonce: [u8; 32],
    expires_in: Option<i32>,
    length: usize,
}

impl Inner {
    fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let id = reader.u32()?;
        let _numbers = (reader.bytes()?, reader.bytes()?, reader.bytes()?);
        let (nonce, server_nonce, new_nonce) = (reader.array()?, reader.array()?, reader.array()?);
        let expires_in = match id {
            P_Q_INNER_DATA => None,
            P_Q_INNER_DATA_DC => reader.i32().map(|_dc| None)?,
            P_Q_INNER_DATA_TEMP => Some(reader.i32()?),
            P_Q_INNER_DATA_TEMP_DC => (reader.i32()?, Some(reader.i32()?)).1,
            _ => return Err(Malformed),
        };
        Ok(Self {
            nonce,
            server_nonce,
            new_nonce,
            expires_in,
            length: data.len() - reader.left().len(),
        })
    }
}

fn open_client_data(
    sealed: &[u8],
    nonces: &[u8],
    server_nonce: &[u8; 16],
    new_nonce: &[u8; 32],
) -> Result<(i64, BigUint), Malformed> {
    let (key, iv) = temporary_keys(new_nonce, server_nonce);
    let mut data = sealed.to_vec();
    if !data.len().is_multiple_of(16) {
        return Err(Malformed);
    }
    ige_decrypt(&key, &iv, &mut data);
    let (hash, data) = data.split_at_checked(20).ok_or(Malformed)?;
    let mut reader = Reader::new(data);
    let is_inner = reader.u32()? == CLIENT_DH_INNER_DATA && reader.raw(32)? == nonces;
    let (retry_id, g_b) = (reader.i64()?, BigUint::from_bytes_be(reader.bytes()?));
    let length = data.len() - reader.left().len();
    // Both ends are cut off, so that the shared number cannot be guessed.
    let margin = BigUint::from(1u8) << (2048 - 64);
    let is_safe = g_b >= margin && g_b <= &*DH_PRIME - &margin;
    if is_inner && is_safe && sha1(&[&data[..length]]) == hash {
        Ok((retry_id, g_b))
    } else {
        Err(Malformed)
    }
}

fn temporary_keys(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> ([u8; 32], [u8; 32]) {
    let new_server = sha1(&[new_nonce, server_nonce]);
    let server_new = sha1(&[server_nonce, new_nonce]);
    let new_new = sha1(&[new_nonce, new_nonce]);
    let key = [&new_server[..], &server_new[..12]].concat();
    let iv = [&server_new[12..], &new_new[..], &new_nonce[..4]].concat();
    (key.try_into().expect("20 + 12"), iv.try_into().expect("8 + 20 + 4"))
}
