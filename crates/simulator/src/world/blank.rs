//! Blank objects of the big TL types, with every flag down, to be filled in.
//!
//! They are parsed from their smallest encoding: listing fifty absent fields in each place would hide the few that
//! are set, and would have to change with every layer.

use grammers_tl_types as tl;
use tl::{Deserializable, Serializable};

#[derive(Default)]
struct Smallest(Vec<u8>);

impl Smallest {
    fn with(mut self, value: &impl Serializable) -> Self {
        value.serialize(&mut self.0);
        self
    }

    fn parse<T: Deserializable>(self) -> T {
        T::from_bytes(&self.0)
            .expect("the smallest encoding follows the schema that is compiled in")
    }
}

fn flags() -> Smallest {
    Smallest::default().with(&0_i32)
}

fn empty() -> String {
    String::new()
}

pub(crate) fn user(id: i64) -> tl::types::User {
    flags().with(&0_i32).with(&id).parse()
}

pub(crate) fn channel(id: i64) -> tl::types::Channel {
    flags()
        .with(&0_i32)
        .with(&id)
        .with(&empty())
        .with(&tl::enums::ChatPhoto::Empty)
        .with(&0_i32)
        .parse()
}

pub(crate) fn message(id: i32, peer: &tl::enums::Peer, date: i32) -> tl::types::Message {
    flags().with(&0_i32).with(&id).with(peer).with(&date).with(&empty()).parse()
}

pub(crate) fn peer_settings() -> tl::enums::PeerSettings {
    flags().parse::<tl::types::PeerSettings>().into()
}

pub(crate) fn notify_settings() -> tl::enums::PeerNotifySettings {
    flags().parse::<tl::types::PeerNotifySettings>().into()
}

pub(crate) fn reply_header(to: i32) -> tl::types::MessageReplyHeader {
    tl::types::MessageReplyHeader { reply_to_msg_id: Some(to), ..flags().parse() }
}

pub(crate) fn user_full(id: i64) -> tl::types::UserFull {
    flags()
        .with(&0_i32)
        .with(&id)
        .with(&peer_settings())
        .with(&notify_settings())
        .with(&0_i32)
        .parse()
}

pub(crate) fn chat_full(
    id: i64,
    participants: &tl::enums::ChatParticipants,
) -> tl::types::ChatFull {
    flags().with(&id).with(&empty()).with(participants).with(&notify_settings()).parse()
}

pub(crate) fn channel_full(id: i64) -> tl::types::ChannelFull {
    let photo: tl::enums::Photo = tl::types::PhotoEmpty { id: 0 }.into();
    flags()
        .with(&0_i32)
        .with(&id)
        .with(&empty())
        .with(&0_i32)
        .with(&0_i32)
        .with(&0_i32)
        .with(&photo)
        .with(&notify_settings())
        .with(&Vec::<tl::enums::BotInfo>::new())
        .with(&0_i32)
        .parse()
}

pub(crate) fn global_privacy() -> tl::enums::GlobalPrivacySettings {
    flags().parse::<tl::types::GlobalPrivacySettings>().into()
}

pub(crate) fn bot_info() -> tl::types::BotInfo {
    flags().parse()
}

pub(crate) fn forward_header(date: i32) -> tl::types::MessageFwdHeader {
    flags().with(&date).parse()
}

pub(crate) fn dc_option(id: i32, ip_address: String, port: i32) -> tl::types::DcOption {
    flags().with(&id).with(&ip_address).with(&port).parse()
}

/// `config` as Telegram fills it where clients look.
pub(crate) fn config(now: i32, dc: i32, options: Vec<tl::enums::DcOption>) -> tl::types::Config {
    let mut bytes =
        flags().with(&now).with(&(now + 3600)).with(&false).with(&dc).with(&options).with(&empty());
    // chat_size_max … channels_read_media_period
    for number in [200, 200_000, 100, 210_000, 5_000, 30_000, 300_000, 30_000, 1_500, 60_000, 2] {
        bytes = bytes.with(&number);
    }
    for number in [172_800, i32::MAX, i32::MAX, 2_419_200, 200, 604_800] {
        bytes = bytes.with(&number);
    }
    // call_receive_timeout_ms … call_packet_timeout_ms
    for number in [20_000, 90_000, 30_000, 10_000] {
        bytes = bytes.with(&number);
    }
    // me_url_prefix, caption_length_max, message_length_max, webfile_dc_id
    bytes.with(&"https://t.me/".to_owned()).with(&1_024_i32).with(&4_096_i32).with(&dc).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_blank_follows_the_schema() {
        assert_eq!(user(5).id, 5);
        assert_eq!(channel(6).id, 6);
        assert_eq!(message(7, &crate::world::ids::peer(8), 9).date, 9);
        assert_eq!(user_full(5).id, 5);
        let nobody = tl::types::ChatParticipants { chat_id: 1, participants: vec![], version: 1 };
        assert_eq!(chat_full(1, &nobody.into()).id, 1);
        assert_eq!(channel_full(6).id, 6);
        assert_eq!(reply_header(3).reply_to_msg_id, Some(3));
        assert!(bot_info().user_id.is_none());
        assert_eq!(forward_header(1).date, 1);
        let config = config(100, 2, vec![dc_option(2, "127.0.0.1".to_owned(), 443).into()]);
        assert_eq!(
            (config.this_dc, config.message_length_max, config.webfile_dc_id),
            (2, 4_096, 2)
        );
        assert_eq!(config.edit_time_limit, 172_800);
    }
}
