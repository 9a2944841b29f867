//! The secrets of links, cookies and tokens, and what is kept of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::person::SecretHash;

/// What each begins with, so that one that was published by mistake can be found.
const PREFIX: &str = "ioc-";

/// A new one, of 32 random bytes.
#[must_use]
pub fn fresh() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of it.
#[must_use]
pub fn hash(secret: &str) -> SecretHash {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}
