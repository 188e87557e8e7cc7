//! The ciphers against values computed by other programs.

use crate::dc::crypto::{AuthKey, Ctr, FROM_CLIENT, ige_decrypt, ige_encrypt, key_id, open};
use crate::dc::tl::{Put, Reader, gunzip, gzip};

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn auth_key() -> AuthKey {
    std::array::from_fn(|i| (i * 7 + 3) as u8)
}

#[test]
fn ige_agrees_with_telethon() {
    let key = std::array::from_fn(|i| i as u8);
    let iv = std::array::from_fn(|i| i as u8 + 32);
    let plain: Vec<u8> = (100..164).collect();
    let mut data = plain.clone();
    ige_encrypt(&key, &iv, &mut data);
    let expected = "2aeabf6e67e57b6f0d1bec11bec6e31b41aa6fb1910a291e3fccf0e011a1bceb\
                    3970a3eafa203740a4e9266325deaee05bed2a0a0005c25b36610b15fad2823b";
    assert_eq!(data, hex(expected));
    ige_decrypt(&key, &iv, &mut data);
    assert_eq!(data, plain);
}

/// NIST SP 800-38A, F.5.5.
#[test]
fn ctr_agrees_with_nist() {
    let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let mut ctr = Ctr::new(&key.try_into().unwrap(), &iv.try_into().unwrap());
    let mut data = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let (first, second) = data.split_at_mut(5);
    ctr.apply(first);
    ctr.apply(second);
    assert_eq!(data, hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"));
}

#[test]
fn a_message_sealed_by_telethon_opens_and_a_changed_one_does_not() {
    let mut sealed = hex(
        "9ed6e6ef196cc9311687975292bc464d63b6bc218934a6224e44298ae853a72f3dc8e590cbd23a2f9b3d3a8dcbba3820\
         f55b3f07788dacce3636f61361ca7b8fdb1c46b1eb06272cd7189400c24cbe41dba5a2e073ae5c53",
    );
    let key = auth_key();
    assert_eq!(key_id(&key), 3_587_517_436_832_175_774);
    assert_eq!(sealed[..8], key_id(&key).to_le_bytes());
    let plain = open(&key, FROM_CLIENT, &sealed[8..]).unwrap();
    let mut reader = Reader::new(&plain);
    assert_eq!(
        (reader.i64(), reader.i64()),
        (Ok(0x1122_3344_5566_7788), Ok(0x0102_0304_0506_0708))
    );
    assert_eq!((reader.i64(), reader.i32()), (Ok(7_000_000_000_000_000_004), Ok(1)));
    assert_eq!((reader.i32(), reader.raw(8)), (Ok(8), Ok(&b"abcdefgh"[..])));
    sealed[40] ^= 1;
    assert_eq!(open(&key, FROM_CLIENT, &sealed[8..]), None);
}

#[test]
fn strings_of_every_length_come_back() {
    for n in [0, 1, 2, 3, 4, 253, 254, 255, 256, 70_000] {
        let text = vec![b'a'; n];
        let bytes = Vec::new().put_bytes(&text).put_i32(7);
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.bytes(), reader.i32()), (Ok(&text[..]), Ok(7)), "{n}");
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(gunzip(&gzip(&text)[4..]), Ok(text));
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let bomb = gzip(&vec![0; (16 << 20) + 1]);
    assert!(gunzip(&bomb[4..]).is_err());
}
