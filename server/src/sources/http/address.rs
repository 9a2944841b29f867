//! Which machines may be asked: a configuration that somebody else wrote a part of, or an answer that leads elsewhere,
//! is not to reach into the centre's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why an address is not asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{host} is {address}, an address of the inner network; set allow_private = true if it is meant")]
pub struct Private {
    pub host: String,
    pub address: IpAddr,
}

/// Whether the host of `url` may be asked. Names are looked up by [`PublicOnly`]; addresses that are written as such are
/// not.
///
/// # Errors
/// That it is an address of the inner network.
pub fn check(url: &Url, allow_private: bool) -> Result<(), Private> {
    let host = url.host_str().unwrap_or_default().to_owned();
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) if !allow_private && !is_public(address) => Err(Private { host, address }),
        _ => Ok(()),
    }
}

/// Whether an address is one that anybody on the Internet could reach.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_for_tests = first == 198 && (18..20).contains(&second);
    let is_assigned = first == 192 && second == 0 && third == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || is_shared
        || is_for_tests
        || is_assigned
        || first == 0
        || first >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // Those that stand for an address of the older kind: mapped, compatible, translated, tunnelled.
    let inner = match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    };
    let is_unique_local = parts[0] & 0xfe00 == 0xfc00;
    let is_link_local = parts[0] & 0xffc0 == 0xfe80;
    let is_documentation = parts[0] == 0x2001 && parts[1] == 0xdb8;
    inner.is_none_or(is_public_v4)
        && !(address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || is_unique_local
            || is_link_local
            || is_documentation)
}

/// Looks names up, and leaves addresses of the inner network out.
#[derive(Debug, Clone, Copy)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if let Some(address) = found.iter().map(SocketAddr::ip).find(|address| !is_public(*address)) {
                return Err(Private { host, address }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_inner_networks_are_known() {
        let inner = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
        ];
        for address in inner {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "103.7.36.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
