//! Whose request it is, behind proxies or not.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Reads the networks of trusted proxies: "10.0.0.0/8", "192.0.2.7", "fd00::/8".
///
/// # Errors
/// The text that is none.
pub fn networks(list: &[String]) -> Result<Vec<IpNet>, String> {
    list.iter()
        .map(|text| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("{text:?} is no address and no network"))
        })
        .collect()
}

/// The address under which a request is counted. What `X-Forwarded-For` says is believed only from the right, as far as
/// trusted proxies wrote it: everything before the first stranger could be invented by him. `forwarded` are the header's
/// lines in order. Of IPv6 the network of 64 bits counts, because one household has all of it.
pub fn counted(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> String {
    let known = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut at = peer.to_canonical();
    let hops = forwarded.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops {
        if !known(&at) {
            break;
        }
        let Some(ip) = address(hop) else { break };
        at = ip;
    }
    match at {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).to_string(),
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|s| s.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let trusted = networks(&["10.0.0.0/8".into(), "192.0.2.7".into()]).unwrap();
        counted(peer.parse().unwrap(), forwarded, &trusted)
    }

    #[test]
    fn a_stranger_cannot_choose_under_which_address_he_is_counted() {
        assert_eq!(of("203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        // He sends a header of his own; the proxy adds his true address behind it.
        assert_eq!(
            of("10.1.1.1", &["198.51.100.1, 203.0.113.5"]),
            "203.0.113.5"
        );
        assert_eq!(
            of("10.1.1.1", &["198.51.100.1", "203.0.113.5"]),
            "203.0.113.5"
        );
    }

    #[test]
    fn several_proxies_are_passed_through() {
        assert_eq!(of("10.1.1.1", &["203.0.113.5, 192.0.2.7"]), "203.0.113.5");
        assert_eq!(of("::ffff:10.1.1.1", &["203.0.113.5:4711"]), "203.0.113.5");
        assert_eq!(of("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(of("10.1.1.1", &["unknown"]), "10.1.1.1");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        assert_eq!(
            of("10.1.1.1", &["[2001:db8:1:2::1]"]),
            of("10.1.1.1", &["2001:db8:1:2:3::9"])
        );
        assert_ne!(of("2001:db8:1:2::1", &[]), of("2001:db8:1:3::1", &[]));
    }

    #[test]
    fn a_network_that_is_none_is_told() {
        assert!(networks(&["10.0.0.0/99".into()]).is_err());
        assert!(networks(&["proxy.example".into()]).is_err());
    }
}
