//! Which addresses a webhook may be sent to. An agency names the URL, so without this it could make the service call
//! what only the service can reach: the metadata service of a cloud, the database, another pod.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is on the public internet. Special-purpose blocks of RFC 6890 and its successors are not, nor are
/// IPv6 addresses that carry such an IPv4 address inside.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => public_v4(a),
        IpAddr::V6(a) => public_v6(a),
    }
}

fn public_v4(a: Ipv4Addr) -> bool {
    let [first, second, third, _] = a.octets();
    let special = match (first, second, third) {
        (0 | 10 | 127 | 224..=255, _, _) => true, // this host, private, loopback, multicast, reserved
        (100, 64..=127, _) => true,               // carrier-grade NAT (RFC 6598)
        (169, 254, _) => true,                    // link-local, cloud metadata
        (172, 16..=31, _) | (192, 168, _) => true, // private
        (192, 0, 0 | 2) => true,                  // IETF assignments, documentation
        (192, 88, 99) => true,                    // 6to4 relays
        (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => true, // AS112, AMT
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true, // benchmarks, documentation
        // Metadata or platform services that live on addresses which look public.
        (168, 63, 129) => true,
        _ => false,
    };
    !special
}

fn public_v6(a: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(a) {
        return public_v4(inner);
    }
    let s = a.segments();
    // Only global unicast is in use on the internet; of it, not what is set aside.
    let global = s[0] & 0xe000 == 0x2000;
    let special = match (s[0], s[1]) {
        (0x2001, 0x0000..=0x01ff) => true, // IETF assignments, Teredo, ORCHID, benchmarks
        (0x2001, 0x0db8) => true,          // documentation
        (0x2002, _) => true,               // 6to4 without an IPv4 address that could be judged
        (0x2620, 0x004f) if s[2] == 0x8000 => true, // AS112
        (0x3fff, 0x0000..=0x0fff) => true, // documentation
        _ => false,
    };
    global && !special
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64, 6to4.
fn embedded_v4(a: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = a.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => {
            Some(of(high, low))
        }
        [0, 0, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        // NAT64's well-known prefix. A local prefix (64:ff9b:1::/48) is never public: it falls through.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_is_reached_in_any_spelling() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.254",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "192.31.196.1",
            "192.52.193.1",
            "192.175.48.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "::10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff05::2",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:10::1",
            "2001:20::1",
            "2001:2::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "2620:4f:8000::1",
        ] {
            let address: IpAddr = inside.parse().unwrap_or_else(|_| panic!("{inside}"));
            assert!(!is_public(address), "{inside}");
        }
    }

    #[test]
    fn the_internet_is_reached() {
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "223.255.255.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2400:cb00::1",
        ] {
            let address: IpAddr = outside.parse().unwrap_or_else(|_| panic!("{outside}"));
            assert!(is_public(address), "{outside}");
        }
    }
}
