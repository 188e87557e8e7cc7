//! Which IP addresses are global unicast, by the special-purpose registries of IANA (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a stranger's link may lead to this address.
pub(crate) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0, ..)                         // this network
            | (10, ..)                  // private
            | (100, 64..=127, ..)       // carrier-grade NAT, and one cloud's metadata
            | (127, ..)                 // loopback
            | (168, 63, 129, 16)        // a cloud's host agent, public only by number
            | (169, 254, ..)            // link-local, and most clouds' metadata
            | (172, 16..=31, ..)        // private
            | (192, 0, 0, _)            // protocol assignments
            | (192, 0, 2, _)            // documentation
            | (192, 88, 99, _)          // 6to4 relays
            | (192, 168, ..)            // private
            | (198, 18..=19, ..)        // benchmarking
            | (198, 51, 100, _)         // documentation
            | (203, 0, 113, _)          // documentation
            | (224..=255, ..) // multicast, reserved, broadcast
    )
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    // NAT64 (RFC 6052) is as good as the address inside it
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_global_v4(Ipv4Addr::new(a, b, c, d));
    }
    // everything outside 2000::/3: unspecified, loopback, IPv4-mapped and -compatible, local NAT64, discard, unique
    // local, link-local, site-local, multicast
    let is_unicast = s[0] & 0xe000 == 0x2000;
    let is_special = matches!(
        (s[0], s[1]),
        (0x2001, 0..=0x01ff)            // protocol assignments: Teredo, benchmarking, ORCHID
            | (0x2001, 0x0db8)          // documentation
            | (0x2002, _)               // 6to4 wraps any IPv4 address
            | (0x3fff, 0..=0x0fff) // documentation
    );
    is_unicast && !is_special
}
