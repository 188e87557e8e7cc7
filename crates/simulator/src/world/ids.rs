//! Names of peers: Bot-API chat ids, and the access hashes that prove a client has met a peer.

use grammers_tl_types as tl;

/// Bot-API ids of channels and supergroups start here, downwards.
const CHANNEL_BASE: i64 = -1_000_000_000_000;

/// What a Bot-API style id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User(i64),
    Group(i64),
    Channel(i64),
}

/// The kind of peer and its bare MTProto id.
pub(crate) fn kind(id: i64) -> Kind {
    if id > 0 {
        Kind::User(id)
    } else if id > CHANNEL_BASE {
        Kind::Group(-id)
    } else {
        Kind::Channel(CHANNEL_BASE - id)
    }
}

/// The Bot-API id of a channel or supergroup.
pub(crate) fn channel_chat(channel: i64) -> i64 {
    CHANNEL_BASE - channel
}

pub(crate) fn peer(id: i64) -> tl::enums::Peer {
    match kind(id) {
        Kind::User(user_id) => tl::types::PeerUser { user_id }.into(),
        Kind::Group(chat_id) => tl::types::PeerChat { chat_id }.into(),
        Kind::Channel(channel_id) => tl::types::PeerChannel { channel_id }.into(),
    }
}

pub(crate) fn chat_of(peer: &tl::enums::Peer) -> i64 {
    match peer {
        tl::enums::Peer::User(p) => p.user_id,
        tl::enums::Peer::Chat(p) => -p.chat_id,
        tl::enums::Peer::Channel(p) => channel_chat(p.channel_id),
    }
}

/// A well-mixed positive number made of two others; the same in every run.
pub(crate) fn mix(a: i64, b: i64) -> i64 {
    let mut z = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (b as u64).wrapping_add(0x5851_f42d_4c95_7f2d);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 1) as i64 | 1
}

/// The access hash of `target` (a Bot-API id) for a circle of viewers that share theirs.
pub(crate) fn access_hash(circle: i64, target: i64) -> i64 {
    mix(circle, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_id_names_its_kind_and_comes_back() {
        for id in [5_000_i64, -77, channel_chat(1_500)] {
            assert_eq!(chat_of(&peer(id)), id);
        }
        assert_eq!(kind(-1_000_000_001_500), Kind::Channel(1_500));
    }
}
