//! The cryptography that every TLS connection of this process uses.

use std::sync::Once;

/// To be called before the first client is made; later calls do nothing.
pub fn provide() {
    static PROVIDED: Once = Once::new();
    PROVIDED.call_once(|| {
        // Someone else's choice would be as good.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default().is_err();
    });
}
