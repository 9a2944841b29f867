//! Clients of HTTP, shared by all sources: connections and certificates are kept once.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use reqwest::{Certificate, Client, redirect};

use super::address::PublicOnly;
use super::request::told;
use crate::sources::SourceError;

/// A client that follows no answer elsewhere by itself. One with a certificate of its own is not shared.
///
/// # Errors
/// When the certificate cannot be read, or there is no TLS.
pub fn client(allow_private: bool, ca_file: Option<&Path>) -> Result<Client, SourceError> {
    static SHARED: [OnceLock<Client>; 2] = [OnceLock::new(), OnceLock::new()];
    if let Some(file) = ca_file {
        let pem = std::fs::read(file).map_err(SourceError::io(format!("reading {}", file.display())))?;
        let no_certificate =
            |error: reqwest::Error| SourceError::Broken(format!("{}: {}", file.display(), told(&error)));
        let certificates = Certificate::from_pem_bundle(&pem).map_err(no_certificate)?;
        if certificates.is_empty() {
            let file = file.display();
            return Err(SourceError::Broken(format!(
                "{file}: there is no certificate in it; it begins with '-----BEGIN'"
            )));
        }
        return make(allow_private, certificates);
    }
    let shared = &SHARED[usize::from(allow_private)];
    if let Some(client) = shared.get() {
        return Ok(client.clone());
    }
    let client = make(allow_private, Vec::new())?;
    Ok(shared.get_or_init(|| client).clone())
}

fn make(allow_private: bool, certificates: Vec<Certificate>) -> Result<Client, SourceError> {
    crate::tls::provide();
    let mut client = Client::builder().redirect(redirect::Policy::none()).no_proxy();
    if !allow_private {
        client = client.dns_resolver(Arc::new(PublicOnly));
    }
    if !certificates.is_empty() {
        client = client.tls_certs_merge(certificates);
    }
    client.build().map_err(|error| SourceError::Broken(told(&error)))
}
