//! Who may change something in a centre without accounts: whoever is on this machine.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

use super::problem::Problem;

/// Whether a request was made by a program on this machine, and not by a page of another site through the browser of
/// someone on it.
///
/// # Errors
/// 403 with what speaks against it.
pub fn check(headers: &HeaderMap, peer: Option<IpAddr>, listen: &str) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, detail));
    if !peer.is_some_and(|peer| peer.is_loopback()) {
        return refused("changes are taken only from this machine (127.0.0.1 or ::1) while there are no accounts");
    }
    if headers.contains_key(header::FORWARDED) || headers.contains_key("x-forwarded-for") {
        return refused(
            "changes are not taken through a proxy while there are no accounts; send them from this machine directly",
        );
    }
    if !is_own_name(headers, listen) {
        return refused(
            "changes are taken under the address of this machine only: ask 127.0.0.1, [::1] or localhost, or what [server] listen names",
        );
    }
    if !is_same_origin(headers) {
        return refused("changes are not taken from pages of another origin");
    }
    Ok(())
}

/// Whether the server was asked by a name that is its own. A page of another site may have a name of its own lead
/// to this machine; to the browser they are of one origin then.
fn is_own_name(headers: &HeaderMap, listen: &str) -> bool {
    // Browsers always send it.
    let Some(host) = headers.get(header::HOST) else { return true };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let name = host.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let listen = listen.rsplit_once(':').map_or(listen, |(name, _)| name);
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(listen)
}

/// Programs send no `Origin`; browsers do, and it must name the host that was asked.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    match (origin.as_ref().and_then(Uri::authority), host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}
